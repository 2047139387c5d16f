"""A small Kubernetes client on the standard library: cheap to import, JSON in and out, errors in the server's words."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template.nodes import Value

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.helm.kubeconfig import Access

Object = dict[str, Value]

# How built-in kinds are addressed; anything else is looked up in the server's discovery.
_PLURALS = {
    "ConfigMap": "configmaps", "CronJob": "cronjobs", "DaemonSet": "daemonsets", "Deployment": "deployments",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers", "Ingress": "ingresses", "Job": "jobs",
    "LimitRange": "limitranges", "NetworkPolicy": "networkpolicies",
    "PersistentVolumeClaim": "persistentvolumeclaims", "Pod": "pods", "PodDisruptionBudget": "poddisruptionbudgets",
    "ReplicaSet": "replicasets", "ResourceQuota": "resourcequotas", "Role": "roles", "RoleBinding": "rolebindings",
    "Secret": "secrets", "Service": "services", "ServiceAccount": "serviceaccounts", "StatefulSet": "statefulsets",
}  # fmt: skip
_CLUSTER_WIDE = {
    "ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings", "Namespace": "namespaces",
    "PersistentVolume": "persistentvolumes", "PriorityClass": "priorityclasses", "StorageClass": "storageclasses",
}  # fmt: skip
BUILT_IN = frozenset(_PLURALS) | frozenset(_CLUSTER_WIDE)
_TIMEOUT_S = 60.0
_CONFLICT_TRIES = 5


class ApiError(HelmError):
    """The server refused; the text is its message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class Kube:
    """One connection to an API server."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._url = urlsplit(access.server)
        self._connection: http.client.HTTPConnection | None = None
        self._discovered: dict[tuple[str, str], tuple[str, bool]] = {}

    @property
    def namespace(self) -> str:
        """The namespace of the release and of objects that name none."""
        return self._access.namespace

    def version(self) -> str:
        """The server's version; the first call of every command, it tells whether the cluster can be reached.

        Raises:
            HelmError: `Kubernetes cluster unreachable: ...`
        """
        try:
            return str(self.request("GET", "/version")["gitVersion"])
        except OSError as error:
            place = f"{self._url.hostname}:{self._url.port or 443}"
            reason = (error.strerror or str(error)).lower()
            raise HelmError(
                f'Kubernetes cluster unreachable: Get "{self._access.server}/version": dial tcp {place}: '
                f"connect: {reason}"
            ) from error
        except ApiError as error:
            unauthorized = error.code == http.client.UNAUTHORIZED
            reason = "the server has asked for the client to provide credentials" if unauthorized else str(error)
            raise HelmError(f"Kubernetes cluster unreachable: {reason}") from error

    def apis(self) -> frozenset[str]:
        """Every group/version the server has."""
        groups = self.request("GET", "/apis").get("groups") or []
        served = {version["groupVersion"] for group in groups for version in group.get("versions", [])}
        return frozenset(served | {"v1"})

    def request(self, method: str, path: str, body: Value = None, content_type: str = "application/json") -> Object:
        """Send one request and decode the answer.

        Raises:
            ApiError: any status of 400 and above.
            OSError: the server cannot be reached.
        """
        headers = {"Accept": "application/json", "User-Agent": "Helm/3.19.0", **self._access.headers}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        try:
            status, text = self._exchange(method, path, payload, headers)
        except (http.client.HTTPException, BrokenPipeError, ConnectionResetError):
            # The server closed an idle connection; a new one gets one try. A write that was lost on the way must not
            # be sent twice, so only reads are repeated.
            self._close()
            if method != "GET":
                raise
            status, text = self._exchange(method, path, payload, headers)
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            answer = {"message": text.decode(errors="replace").strip()}
        if status >= http.client.BAD_REQUEST:
            raise ApiError(status, str(answer.get("reason", "")), str(answer.get("message") or f"HTTP {status}"))
        return answer if isinstance(answer, dict) else {}

    def _exchange(self, method: str, path: str, payload: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._connection is None:
            host, port = self._url.hostname or "", self._url.port
            if self._access.tls is None:
                self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            else:
                self._connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=self._access.tls)
        try:
            self._connection.request(method, self._url.path + path, payload, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            # A half-read answer would be taken for the next one (a signal may arrive at any point).
            self._close()
            raise

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None

    # -- objects

    def path(self, api_version: str, kind: str, namespace: str | None, name: str = "") -> str:
        """The URL path of an object or, without a name, of its collection.

        Raises:
            HelmError: the server does not know the kind.
        """
        if kind in _PLURALS:
            plural, namespaced = _PLURALS[kind], True
        elif kind in _CLUSTER_WIDE:
            plural, namespaced = _CLUSTER_WIDE[kind], False
        else:
            plural, namespaced = self._discover(api_version, kind)
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        scope = f"/namespaces/{quote(namespace or self.namespace)}" if namespaced else ""
        return f"{base}{scope}/{plural}" + (f"/{quote(name)}" if name else "")

    def _discover(self, api_version: str, kind: str) -> tuple[str, bool]:
        key = (api_version, kind)
        if key not in self._discovered:
            base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
            try:
                resources = self.request("GET", base).get("resources") or []
            except ApiError:
                resources = []
            for resource in resources:
                if resource.get("kind") == kind and "/" not in resource["name"]:
                    self._discovered[key] = (resource["name"], bool(resource.get("namespaced")))
                    break
            else:
                raise HelmError(
                    f'no matches for kind "{kind}" in version "{api_version}"\nensure CRDs are installed first'
                )
        return self._discovered[key]

    def path_of(self, item: Object) -> str:
        """The URL path of an object."""
        meta = item["metadata"]
        return self.path(item["apiVersion"], item["kind"], meta.get("namespace"), meta["name"])

    def get(self, item: Object) -> Object | None:
        """The live state of an object, None when there is none."""
        try:
            return self.request("GET", self.path_of(item))
        except ApiError as error:
            if error.code == http.client.NOT_FOUND:
                return None
            raise

    def create(self, item: Object) -> Object:
        """Create an object."""
        meta = item["metadata"]
        return self.request(
            "POST", self.path(item["apiVersion"], item["kind"], meta.get("namespace")) + "?fieldManager=helm", item
        )

    def replace(self, item: Object) -> Object:
        """Replace an object whole."""
        return self.request("PUT", self.path_of(item) + "?fieldManager=helm", item)

    def patch(self, item: Object, change: Object, content_type: str) -> Object:
        """Patch an object; a conflict with another writer is tried again, as client-go does."""
        path = self.path_of(item) + "?fieldManager=helm"
        for attempt in range(_CONFLICT_TRIES):
            try:
                return self.request("PATCH", path, change, content_type)
            except ApiError as error:
                if error.code != http.client.CONFLICT or attempt == _CONFLICT_TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def delete(self, item: Object) -> None:
        """Delete an object in the background.

        Raises:
            ApiError: 404 too.
        """
        self.request("DELETE", self.path_of(item), {"propagationPolicy": "Background"})

    def list(self, api_version: str, kind: str, selector: dict[str, str], namespace: str | None = None) -> list[Object]:
        """The objects that carry all of these labels."""
        query = urlencode({"labelSelector": ",".join(f"{key}={value}" for key, value in selector.items())})
        items = self.request("GET", f"{self.path(api_version, kind, namespace)}?{query}").get("items")
        return list(items or [])
