"""The two clusters behind one face. A test knows only this: what it asks, both have to answer alike."""

from __future__ import annotations

import itertools
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from migration_cockpit.config import Kubernetes
from migration_cockpit.connections import Kube
from tests.cluster.real import USERS, RealCluster
from tests.pace import PATIENCE
from tests.rehearsal.cluster.conftest import Harness

Obj = dict[str, Any]
T = TypeVar("T")
_numbers = itertools.count(1)
PATCHES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


def eventually(probe: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The first true answer of `probe`; AssertionError with its last answer after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < end, f"not so after {seconds:.0f} s: {answer!r}"
        time.sleep(0.05)
    return answer


class Backend(Protocol):
    """What a cluster has to offer beside its API."""

    kubelet: bool
    """Whether containers really run: else there are no logs and no exec."""
    url: str
    ca: str

    def kubeconfig(self, token: str) -> Obj: ...
    def brief_token(self, namespace: str, seconds: float) -> str: ...
    def stop_api(self) -> None: ...
    def start_api(self) -> None: ...
    def forget_history(self) -> None: ...
    def close(self) -> None: ...


class Embedded:
    """The rehearsal's cluster, in a thread of its own."""

    kubelet = True

    def __init__(self, directory: Path) -> None:
        self._harness = Harness(directory)
        for image in ("failing-1", "apache-airflow-2.11.2", "apache-airflow-3.2.2"):
            (directory / "images" / image / "bin").mkdir(parents=True)
        self.url, self.ca = self._harness.cluster.url, self._harness.cluster.ca
        for user, (token, group) in USERS.items():
            self._add(user, token, [group] if group else [])

    def _add(self, user: str, token: str, groups: list[str], until: datetime | None = None) -> None:
        self._harness.call(lambda: self._harness.cluster.add_user(user, token, groups, until))

    def kubeconfig(self, token: str) -> Obj:
        return self._harness.cluster.kubeconfig("user", token, context="test", namespace="airflow")

    def brief_token(self, namespace: str, seconds: float) -> str:
        token = f"brief-token-{next(_numbers)}"
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        self._add(f"system:serviceaccount:{namespace}:default", token, ["system:serviceaccounts"], until)
        return token

    def stop_api(self) -> None:
        self._harness.run(self._harness.cluster.pause_api())

    def start_api(self) -> None:
        self._harness.run(self._harness.cluster.resume_api())

    def forget_history(self) -> None:
        self._harness.call(self._harness.cluster.expire_watches)

    def close(self) -> None:
        self._harness.close()


class Real(RealCluster):
    """The real one."""

    kubelet = False


class World:
    """A cluster as a test sees it: one namespace of its own, and raw requests as any user."""

    def __init__(self, backend: Backend, namespace: str, directory: Path) -> None:
        self.backend = backend
        self.namespace = namespace
        self._directory = directory
        self._context = ssl.create_default_context(cadata=backend.ca)
        self._clients: dict[str, httpx.Client] = {}

    def client(self, token: str) -> httpx.Client:
        """A client with this token; kept until the test ends."""
        if token not in self._clients:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            self._clients[token] = httpx.Client(
                base_url=self.backend.url, headers=headers, verify=self._context, timeout=30
            )
        return self._clients[token]

    def path(self, resource: str, name: str = "", sub: str = "", namespace: str | None = None) -> str:
        """The path of `pods`, `apps/v1/deployments` ... in the test's namespace."""
        group, _, plural = resource.rpartition("/")
        root = f"/apis/{group}" if group else "/api/v1"
        parts = (f"{root}/namespaces/{namespace or self.namespace}/{plural}", name, sub)
        return "/".join(part for part in parts if part)

    def ask(
        self, method: str, path: str, body: Any = None, *, user: str = "admin", token: str | None = None, **how: Any
    ) -> tuple[int, Obj]:
        """Send a request; the HTTP code and the JSON. `patch` names the kind of patch, `query` is a dict."""
        headers = {"Content-Type": PATCHES[how["patch"]] if "patch" in how else "application/json"}
        client = self.client(USERS[user][0] if token is None else token)
        content = None if body is None else json.dumps(body)
        answer = client.request(method, path, content=content, headers=headers, params=how.get("query"))
        return answer.status_code, answer.json()

    def ok(self, method: str, path: str, body: Any = None, **how: Any) -> Obj:
        """Send a request that must succeed."""
        code, answer = self.ask(method, path, body, **how)
        assert 200 <= code < 300, answer
        return answer

    def refused(self, method: str, path: str, body: Any = None, **how: Any) -> tuple[int, str, str]:
        """Send a request that must be refused with a Status: its code, reason and message."""
        code, answer = self.ask(method, path, body, **how)
        assert code >= 400, answer
        assert (answer["kind"], answer["apiVersion"], answer["status"], answer["code"]) == (
            "Status",
            "v1",
            "Failure",
            code,
        )
        return code, answer["reason"], answer["message"]

    def make(self, resource: str, name: str, body: Obj | None = None, **how: Any) -> Obj:
        """Create an object."""
        whole = {**(body or {}), "metadata": {"name": name, **(body or {}).get("metadata", {})}}
        return self.ok("POST", self.path(resource), whole, **how)

    @contextmanager
    def watch(self, resource: str, seconds: int = 20, **query: str) -> Iterator[Iterator[Obj]]:
        """The events of a watch as they come over the wire, until the server ends it."""
        params = {"watch": "true", "timeoutSeconds": str(seconds), **query}
        client = self.client(USERS["admin"][0])
        with client.stream("GET", self.path(resource), params=params, timeout=seconds + 20) as answer:
            yield (json.loads(line) for line in answer.iter_lines() if line)

    def kubeconfig(self, user: str = "admin", token: str | None = None) -> Path:
        """A kubeconfig file for a user, whose namespace is the test's."""
        document = self.backend.kubeconfig(USERS[user][0] if token is None else token)
        document["contexts"][0]["context"]["namespace"] = self.namespace
        path = self._directory / f"kubeconfig-{next(_numbers)}"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def kube(self, user: str = "admin", token: str | None = None) -> Kube:
        """The cockpit's own connection."""
        config = str(self.kubeconfig(user, token))
        return Kube(Kubernetes(context="test", namespace=self.namespace, release="airflow", kubeconfig=config))

    def grant(self, user: str, rules: list[Obj], name: str = "granted", namespace: str | None = None) -> None:
        """A Role with these rules, bound to a user."""
        group = "rbac.authorization.k8s.io"
        role, binding = (f"{group}/v1/{kind}" for kind in ("roles", "rolebindings"))
        self.ok("POST", self.path(role, namespace=namespace), {"metadata": {"name": name}, "rules": rules})
        bound = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
        self.ok("POST", self.path(binding, namespace=namespace), bound)

    def close(self) -> None:
        """Close the connections and take the namespace away."""
        self.ask("DELETE", f"/api/v1/namespaces/{self.namespace}")
        for client in self._clients.values():
            client.close()


def run_beside(work: Callable[[], T]) -> Callable[[], T]:
    """Start something in a thread; what comes back waits for its result."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # raised again by whoever waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> T:
        thread.join(60)
        if errors:
            raise errors[0]
        assert results, "it did not end within a minute"
        return results[0]

    return result
