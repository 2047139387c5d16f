"""The embedded cluster as one object: what the rehearsal world starts, seeds and disturbs."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from .. import calls
from . import selectors
from .api.pods import PodEndpoints
from .api.server import ApiServer
from .apply import Applier
from .backoff import Backoff
from .controllers.base import Manager
from .controllers.cronjobs import CronJobs
from .controllers.deployments import Deployments
from .controllers.endpoints import EndpointsController
from .controllers.garbage import GarbageCollector
from .controllers.housekeeping import Accounts, Budgets, Claims, Quotas
from .controllers.jobs import Jobs
from .controllers.replicasets import ReplicaSets
from .controllers.statefulsets import StatefulSets
from .held import HeldSecrets
from .kinds import NAMESPACES, PODS, SERVICEACCOUNTS, Catalogue
from .kubelet.environment import Names
from .kubelet.images import Images
from .kubelet.node import Kubelet
from .objects import labels_of, name_of, namespace_of
from .patch import merge_patch
from .rbac import AUTHENTICATED, Authorizer, User, Users
from .registry import Registry
from .services import ServiceProxies
from .store import Store
from .tls import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

Obj = dict[str, Any]


class Cluster:
    """A small Kubernetes in this process, on loopback.

    `directory` is the world's directory (images, pod logs, calls.jsonl); `port` 0 takes a free one; `programs` maps an
    image prefix to the command line that runs instead of any such image; `dns` maps `name:port` to `host:port` for
    names that are no Services here and may be changed at any time; `custom_groups` are the API groups of custom
    resources that are installed (`keda.sh`, `external-secrets.io`, `argoproj.io`, `helm.toolkit.fluxcd.io`, ...).
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        programs: Mapping[str, Sequence[str]] | None = None,
        dns: dict[str, str] | None = None,
        backoff: Backoff | None = None,
        custom_groups: set[str] | None = None,
    ) -> None:
        self.directory = directory
        self.dns = dns if dns is not None else {}
        self.store = Store()
        self.catalogue = Catalogue(custom_groups or set())
        self.registry = Registry(self.store, self.catalogue)
        self.users = Users()
        self.authorizer = Authorizer(self.store)
        self._images = Images(directory / "images", programs or {})
        backoff = backoff or Backoff()
        self.node = Kubelet(
            self.registry, directory, self._images, Names(self.dns, lambda *key: self._services.known(*key)), backoff
        )
        self._services = ServiceProxies(self.store, self.node)
        self._manager = Manager(
            self.registry,
            [
                Deployments(self.registry),
                ReplicaSets(self.registry),
                StatefulSets(self.registry),
                Jobs(self.registry, backoff),
                CronJobs(self.registry),
                Accounts(self.registry),
                Claims(self.registry),
                Budgets(self.registry),
                Quotas(self.registry),
                EndpointsController(self.registry),
            ],
        )
        self._garbage = GarbageCollector(self.registry)
        self._held = HeldSecrets(self.registry)
        self._applier = Applier()
        self._identity = Identity()
        self._api = ApiServer(
            self.registry,
            self.users,
            self.authorizer,
            self._applier,
            PodEndpoints(self.registry, self.node),
            lambda call, key: calls.record(directory, "kubernetes", call, key),
            self._identity.context(),
        )
        self._port = port

    @property
    def url(self) -> str:
        """The server's address, known after `start`."""
        return f"https://127.0.0.1:{self._api.port}"

    @property
    def ca(self) -> str:
        """The certificate that clients verify the server with, PEM."""
        return self._identity.ca

    async def start(self) -> None:
        """Starts controllers, node and server. Raises OSError when the port is taken."""
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            self.ensure_namespace(name)
        self.node.start()
        self._services.start()
        self._garbage.start()
        self._manager.start()
        await self._api.start(self._port)

    async def stop(self) -> None:
        """Stops everything and kills every container."""
        await self._api.stop()
        self._manager.stop()
        self._garbage.stop()
        self._held.stop()
        await self._services.stop()
        await self.node.stop()

    def ensure_namespace(self, name: str) -> None:
        """Creates a namespace with its default service account, unless it is there."""
        if self.store.find(NAMESPACES, "", name) is None:
            self.registry.create(NAMESPACES, {"metadata": {"name": name}})
        if self.store.find(SERVICEACCOUNTS, name, "default") is None:
            self.registry.create(SERVICEACCOUNTS, {"metadata": {"name": "default"}}, name)

    def add_user(self, name: str, token: str, groups: Sequence[str] = (), expires_at: datetime | None = None) -> None:
        """A user with a bearer token; the group `system:masters` may do everything. `expires_at` is an aware time."""
        self.users.by_token[token] = User(name, (*groups, AUTHENTICATED), expires_at)

    def kubeconfig(self, user: str, token: str, *, context: str = "rehearsal", namespace: str = "default") -> Obj:
        """A kubeconfig document for `user`, known after `start`."""
        trust = base64.b64encode(self.ca.encode()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": {"server": self.url, "certificate-authority-data": trust}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": user, "namespace": namespace}}],
            "current-context": context,
            "preferences": {},
        }

    def create(self, obj: Obj, namespace: str = "") -> Obj:
        """Creates an object, by its apiVersion and kind. Raises ApiError, KeyError (kind not served)."""
        return self.registry.create(self.catalogue.by_kind(obj["kind"], obj["apiVersion"]), obj, namespace)

    def get(self, kind: str, namespace: str, name: str) -> Obj:
        """An object, read only. Raises ApiError 404."""
        return self.store.get(self.catalogue.by_kind(kind), namespace, name)

    def find(self, kind: str, namespace: str, name: str) -> Obj | None:
        """An object, read only, or None."""
        return self.store.find(self.catalogue.by_kind(kind), namespace, name)

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Obj]:
        """Objects, read only, by label selector."""
        test = selectors.parse_labels(selector)
        return [obj for obj in self.store.list(self.catalogue.by_kind(kind), namespace) if test(labels_of(obj))]

    def patch(self, kind: str, namespace: str, name: str, body: Obj, *, status: bool = False) -> Obj:
        """Merge-patches an object or, with `status`, its status. Raises ApiError."""
        found = self.catalogue.by_kind(kind)
        fresh = merge_patch(self.store.get(found, namespace, name), body)
        return self.registry.update(found, fresh, status=status)

    def delete(self, kind: str, namespace: str, name: str, *, grace: int | None = None) -> None:
        """Deletes an object with what it owns. Raises ApiError 404."""
        self.registry.delete(self.catalogue.by_kind(kind), namespace, name, grace=grace, propagation="Background")

    def install_group(self, group: str) -> None:
        """Installs the custom resources of an API group, as a CRD would."""
        self.catalogue.custom_groups.add(group)

    def remove_group(self, group: str) -> None:
        """The custom resources of an API group are no longer there: their addresses answer 404."""
        self.catalogue.custom_groups.discard(group)

    def service_address(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        """Where a Service's port is on loopback; refuses while no pod behind it is Ready. Stays the same for good."""
        return self._services.address(namespace, name, port)

    def add_program(self, image_prefix: str, argv: Sequence[str]) -> None:
        """Images whose name starts so run `argv` with the container's arguments behind it."""
        self._images.programs[image_prefix] = tuple(argv)

    async def pause_api(self) -> None:
        """The API is down: connections are refused and the open ones cut. Containers and controllers go on."""
        await self._api.pause()

    async def resume_api(self) -> None:
        """The API is back, on the same port."""
        await self._api.resume()

    def expire_watches(self) -> None:
        """Open watches end with 410 Gone in the stream, and older resourceVersions are Expired."""
        self._api.expire_watches()

    def keep_pod(self, selector: str) -> Callable[[], None]:
        """Pods with these labels survive their deletion, process and all; returns what lets them go."""
        test = selectors.parse_labels(selector)
        return self.node.keep(lambda pod: test(labels_of(pod)))

    def deny(self, resource: str, manager: str, *, denied: bool) -> None:
        """Lets an admission webhook refuse (or take again) what a client of this field manager writes to a resource."""
        (self._api.denied.add if denied else self._api.denied.discard)((resource, manager))

    def hold_secret(self, name: str, seconds: float | None = None, *, namespace: str = "airflow") -> None:
        """A Secret that is late: taken away for `seconds` (or until released), whoever writes it."""
        self._held.hold(namespace, name, seconds)

    def release_secret(self, name: str, *, namespace: str = "airflow") -> None:
        """Lets a held Secret arrive, as it was last written."""
        self._held.release(namespace, name)

    def evict(self, pod: Obj, message: str = "The node was low on resource: memory.") -> None:
        """Fails a pod as a node under pressure does. Raises LookupError when it does not run here."""
        worker = self.node.worker(pod)
        if worker is None:
            raise LookupError(f"pod {namespace_of(pod)}/{name_of(pod)} does not run on this node")
        worker.evict(message)

    def freeze(self, pod: Obj, *, frozen: bool) -> None:
        """Stops a pod's processes where they are, or lets them go on. Raises LookupError when it does not run here."""
        worker = self.node.worker(pod)
        if worker is None:
            raise LookupError(f"pod {namespace_of(pod)}/{name_of(pod)} does not run on this node")
        for container in worker.containers:
            if container.process is not None:
                container.process.freeze(frozen=frozen)

    def oom_kill(self, namespace: str, name: str, container: str) -> None:
        """Kills a container as the kernel does when it is out of memory. Raises LookupError when it does not run."""
        worker = self.node.worker(self.store.get(PODS, namespace, name))
        found = worker.container(container) if worker else None
        if found is None or found.process is None or not found.process.running:
            raise LookupError(f"container {container} of pod {namespace}/{name} does not run")
        found.oom_kill()
