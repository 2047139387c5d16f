"""Kubernetes for asyncio: plain dicts, one named context, one namespace.

Every method raises KubeError. A call that is cancelled leaves its thread to end by its own time-out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from migration_cockpit.config import Kubernetes
from migration_cockpit.connections.errors import KubeError
from migration_cockpit.connections.kube_api import PATCH_TYPES, Executed, KubeApi, Obj, decode_secret
from migration_cockpit.connections.kube_exec import execute
from migration_cockpit.connections.kube_streams import Stream, Watching, list_pages
from migration_cockpit.connections.resources import RESOURCES, Resource, path_of
from migration_cockpit.connections.threads import Feed, in_thread
from migration_cockpit.session.redact import Remember, forget

__all__ = ["Executed", "Kube", "Obj"]

Objects = list[Obj]
"""Named here because the class has a method `list`."""
LOG_QUIET_SECONDS = 60.0
"""A followed log that says nothing for so long is reported as KubeError 0 Quiet: follow it again with `since_time`."""
FIELD_MANAGER = "migration-cockpit"
_CALLS_AT_ONCE = 16


class Kube:
    """One cluster, one namespace. Resources are named by their plural: `pods`, `deployments`, `scaledobjects` ..."""

    def __init__(self, settings: Kubernetes, remember: Remember = forget) -> None:
        """`remember` is told every secret that comes by: of Secrets, and the credential of the context."""
        self.settings = settings
        self.namespace = settings.namespace
        self.remember = remember
        self.api = KubeApi(settings, remember)
        self._slots = asyncio.Semaphore(_CALLS_AT_ONCE)
        self._versions: dict[str, str] = {}
        self._served: dict[str, Obj] = {}

    async def _call(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        async with self._slots:
            return await in_thread(lambda: function(*arguments, **keywords))

    async def _path(self, resource: str, name: str = "", *, subresource: str = "", namespace: str | None = None) -> str:
        where = RESOURCES.get(resource)
        if where is None:
            raise KubeError(404, "NotFound", f"{resource} is not a resource that the cockpit knows")
        version = where.version or await self._preferred(where)
        return path_of(where, version, self.namespace if namespace is None else namespace, name, subresource)

    async def _preferred(self, resource: Resource) -> str:
        """The version of a custom resource's group that the server prefers; 404 when it is not installed."""
        if resource.group not in self._versions:
            group = await self._call(self.api.request, "GET", f"/apis/{resource.group}")
            self._versions[resource.group] = group["preferredVersion"]["version"]
        return self._versions[resource.group]

    # -- read

    async def get(self, resource: str, name: str, *, namespace: str | None = None) -> Obj:
        """An object. KubeError 404 (`.missing`) when it is not there."""
        path = await self._path(resource, name, namespace=namespace)
        found: Obj = await self._call(self.api.request, "GET", path)
        return found

    async def find(self, resource: str, name: str, *, namespace: str | None = None) -> Obj | None:
        """An object, or None when it is not there."""
        try:
            return await self.get(resource, name, namespace=namespace)
        except KubeError as error:
            if error.missing:
                return None
            raise

    async def list(self, resource: str, *, label: str = "", field: str = "", namespace: str | None = None) -> Objects:
        """All objects that the selectors match; `namespace=""` means all namespaces."""
        items, _ = await self._list(resource, label, field, namespace)
        return items

    async def _list(self, resource: str, label: str, field: str, namespace: str | None) -> tuple[Objects, str]:
        path = await self._path(resource, namespace=namespace)
        return await self._call(list_pages, self.api, path, _selectors(label, field))  # type: ignore[no-any-return]  # what the function returns

    async def version(self) -> str:
        """The server's version, such as `v1.31.2`."""
        answer = await self._call(self.api.request, "GET", "/version")
        return str(answer["gitVersion"])

    async def can(
        self,
        verb: str,
        resource: str | Resource,
        *,
        subresource: str = "",
        name: str = "",
        namespace: str | None = None,
    ) -> bool:
        """Whether RBAC lets the cockpit do this (SelfSubjectAccessReview)."""
        where = RESOURCES[resource] if isinstance(resource, str) else resource
        inside = (self.namespace if namespace is None else namespace) if where.namespaced else ""
        attributes = {
            "namespace": inside,
            "verb": verb,
            "group": where.group,
            "resource": where.plural,
            "subresource": subresource,
            "name": name,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        path = path_of(RESOURCES["selfsubjectaccessreviews"], "v1", "")
        answer = await self._call(self.api.request, "POST", path, None, body)
        return bool(answer.get("status", {}).get("allowed"))

    async def served(self, api_version: str, kind: str) -> Resource | None:
        """Where the cluster serves a kind (`networking.k8s.io/v1`, `NetworkPolicy`); None where it does not."""
        group, _, version = api_version.rpartition("/")
        if api_version not in self._served:
            try:
                path = f"/apis/{api_version}" if group else f"/api/{version}"
                self._served[api_version] = await self._call(self.api.request, "GET", path)
            except KubeError as error:
                if error.missing:
                    return None
                raise
        answer = self._served[api_version]
        for each in answer.get("resources") or []:
            if each["kind"] == kind and "/" not in each["name"]:
                return Resource(each["name"], group, version, bool(each["namespaced"]))
        return None

    async def secret(self, name: str, key: str) -> str:
        """The text of one key of a Secret. KubeError 404 when the Secret or the key is not there."""
        found = await self.get("secrets", name)
        data = found.get("data") or {}
        if key not in data:
            raise KubeError(
                404, "NotFound", f"Secret {name} has no key {key}, only {', '.join(sorted(data)) or 'none'}"
            )
        try:
            text = decode_secret(data[key]).decode("utf-8")
        except ValueError as error:
            raise KubeError(0, "NotText", f"key {key} of Secret {name} is not UTF-8 text") from error
        self.remember(text.strip("\r\n"))
        return text

    async def expiry(self) -> datetime | None:
        """When the credential of the context ends; None when it does not or renews itself."""
        return await self._call(self.api.expiry)  # type: ignore[no-any-return]  # what the function returns

    # -- write

    async def create(self, resource: str, body: Obj, *, dry_run: bool = False) -> Obj:
        """Create an object. KubeError 409 (`.conflict`) when one of this name exists."""
        path = await self._path(resource)
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        made: Obj = await self._call(self.api.request, "POST", path, query, body)
        return made

    async def replace(self, resource: str, name: str, body: Obj) -> Obj:
        """Replace an object; with a resourceVersion in it a 409 tells that someone was quicker."""
        path = await self._path(resource, name)
        made: Obj = await self._call(self.api.request, "PUT", path, {"fieldManager": FIELD_MANAGER}, body)
        return made

    async def patch(
        self,
        resource: str,
        name: str,
        body: Any,
        *,
        subresource: str = "",
        kind: str = "merge",
        dry_run: bool = False,
        namespace: str | None = None,
    ) -> Obj:
        """Patch an object. `kind`: merge, strategic, json (body is a list of operations) or apply (server-side)."""
        path = await self._path(resource, name, subresource=subresource, namespace=namespace)
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        if kind == "apply":
            query["force"] = "true"
        made: Obj = await self._call(self.api.request, "PATCH", path, query, body, content_type=PATCH_TYPES[kind])
        return made

    async def scale(self, resource: str, name: str, replicas: int) -> None:
        """Set the replicas of a Deployment or StatefulSet through its scale subresource."""
        await self.patch(resource, name, {"spec": {"replicas": replicas}}, subresource="scale")

    async def delete(
        self, resource: str, name: str, *, grace: int | None = None, propagation: str = "Background"
    ) -> None:
        """Delete an object. `grace` is seconds a pod gets to end. KubeError 404 when it is not there."""
        path = await self._path(resource, name)
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        await self._call(self.api.request, "DELETE", path, None, options)

    # -- streams

    async def watch(
        self, resource: str, *, label: str = "", field: str = "", namespace: str | None = None
    ) -> AsyncGenerator[tuple[str, Any], None]:
        """List, then follow: ("SYNC", [objects]) first and after each relist, then ("ADDED", object) and so on.

        A resourceVersion that is too old (410) is answered by listing again; a watch that the server ended is taken
        up where it stopped. ("ALIVE", None) comes whenever the server confirmed that nothing happened. KubeError is
        raised when the API does not answer; what to do then is the caller's business.
        """
        path = await self._path(resource, namespace=namespace)
        watching = Watching(self.api, path, _selectors(label, field))
        async with aclosing(Feed(watching.run, watching.stop).read()) as items:
            async for item in items:
                yield item

    async def log(
        self,
        pod: str,
        *,
        container: str = "",
        follow: bool = False,
        since_time: str | datetime | None = None,
        timestamps: bool = True,
        tail: int | None = None,
        previous: bool = False,
    ) -> AsyncGenerator[str, None]:
        """The lines of a container's log; with `timestamps` each begins with its RFC 3339 time and a blank.

        The server takes `since_time` to the second only: a reader that goes on from a line drops what it has had.
        A log that is followed ends when the container ends; KubeError 0 (Quiet, Broken) when the stream broke.
        """
        path = await self._path("pods", pod, subresource="log")
        query = {"timestamps": str(timestamps).lower()}
        if container:
            query["container"] = container
        if follow:
            query["follow"] = "true"
        if previous:
            query["previous"] = "true"
        if tail is not None:
            query["tailLines"] = str(tail)
        if since_time is not None:
            query["sinceTime"] = since_time if isinstance(since_time, str) else _rfc3339(since_time)
        stream = Stream(self.api, path, query, LOG_QUIET_SECONDS)
        async with aclosing(Feed(stream.run, stream.stop).read()) as lines:
            async for line in lines:
                yield line

    async def exec(
        self,
        pod: str,
        command: Sequence[str],
        *,
        container: str = "",
        stdin: str | None = None,
        timeout: float = 60.0,
    ) -> Executed:
        """Run a command in a container and wait for its end. KubeError 0 Timeout when it takes over `timeout` seconds.

        Input is closed after `stdin` where the server speaks v5 of the protocol; older servers leave it open.
        """
        path = await self._path("pods", pod, subresource="exec")
        query = [("command", word) for word in command]
        query += [("container", container)] if container else []
        query += [("stdin", str(stdin is not None).lower()), ("stdout", "true"), ("stderr", "true"), ("tty", "false")]
        executed: Executed = await self._call(execute, self.api, path, query, stdin, timeout)
        return executed

    async def close(self) -> None:
        """End all streams and let go of the connections."""
        await in_thread(self.api.close)


def _selectors(label: str, field: str) -> dict[str, str]:
    return ({"labelSelector": label} if label else {}) | ({"fieldSelector": field} if field else {})


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
