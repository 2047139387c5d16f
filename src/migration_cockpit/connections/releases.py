"""Helm releases, read from the Secrets that Helm keeps them in: no helm binary, a few milliseconds a revision."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from migration_cockpit.connections.errors import KubeError
from migration_cockpit.connections.kube import Kube, Obj
from migration_cockpit.connections.threads import in_thread

PENDING = {"pending-install", "pending-upgrade", "pending-rollback"}
"""States that a running helm, or one that was killed, leaves behind: every other helm is refused until they end."""


@dataclass(frozen=True)
class Hook:
    """A hook of a release: an object that Helm creates at an event (`post-upgrade`), not part of its manifest."""

    name: str
    kind: str
    events: tuple[str, ...]
    manifest: str


@dataclass(frozen=True)
class Release:
    """One revision of the release."""

    revision: int
    status: str
    """deployed, superseded, failed, uninstalled, pending-install, pending-upgrade or pending-rollback."""
    description: str
    chart: str
    chart_version: str
    app_version: str
    deployed: datetime | None
    values: dict[str, Any] = field(repr=False)
    """What the user gave, without the chart's defaults."""
    defaults: dict[str, Any] = field(repr=False)
    """The chart's own values.yaml."""
    manifest: str = field(repr=False)
    hooks: tuple[Hook, ...] = field(repr=False)
    secret: str = ""
    """Name of the Secret that holds it."""
    resource_version: str = ""

    @property
    def pending(self) -> bool:
        """Whether Helm believes that an operation is under way."""
        return self.status in PENDING

    def computed(self) -> dict[str, Any]:
        """The chart's values with the user's over them, as the templates saw them."""
        return merged(self.defaults, self.values)

    def objects(self) -> list[Obj]:
        """The manifest's objects."""
        return documents(self.manifest)


class Releases:
    """The revisions of one release."""

    def __init__(self, kube: Kube, name: str, remember: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        """`remember` is told the user's values of every revision, in which secrets may stand."""
        self._kube = kube
        self._remember = remember
        self.name = name

    async def history(self) -> list[Release]:
        """All revisions that are kept, the oldest first; empty when the release does not exist. Raises KubeError."""
        found = await self._kube.list("secrets", label=f"owner=helm,name={self.name}")
        releases: list[Release] = await in_thread(_decode_all, found)
        if self._remember is not None:
            for release in releases:
                self._remember(release.values)
        return releases

    async def current(self) -> Release | None:
        """The newest revision that is deployed; None when there is none."""
        deployed = [release for release in await self.history() if release.status == "deployed"]
        return deployed[-1] if deployed else None

    async def newest(self) -> Release | None:
        """The newest revision, whatever its status."""
        history = await self.history()
        return history[-1] if history else None

    async def revision(self, number: int) -> Release:
        """One revision. Raises KubeError 404 when it is not kept any more."""
        for release in await self.history():
            if release.revision == number:
                return release
        raise KubeError(404, "NotFound", f"release {self.name} has no revision {number}")

    async def values(self, revision: int) -> dict[str, Any]:
        """The user's values of a revision."""
        return (await self.revision(revision)).values

    async def manifest(self, revision: int) -> list[Obj]:
        """The objects of a revision."""
        release = await self.revision(revision)
        return await in_thread(release.objects)

    async def hooks(self, revision: int) -> tuple[Hook, ...]:
        """The hooks of a revision."""
        return (await self.revision(revision)).hooks


def _decode_all(secrets: list[Obj]) -> list[Release]:
    releases = [
        decode(secret) for secret in secrets if secret.get("type", "helm.sh/release.v1") == "helm.sh/release.v1"
    ]
    return sorted(releases, key=lambda release: release.revision)


def decode(secret: Obj) -> Release:
    """A release Secret: base64 (Kubernetes') of base64 (Helm's) of gzip of JSON. Raises KubeError for a damaged one."""
    name = secret["metadata"]["name"]
    try:
        inner = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        # Releases that were written before Helm compressed them are plain JSON.
        body = json.loads(gzip.decompress(inner) if inner[:2] == b"\x1f\x8b" else inner)
    except (KeyError, binascii.Error, OSError, EOFError, zlib.error, ValueError) as error:
        raise KubeError(0, "Damaged", f"Secret {name} holds no readable Helm release") from error
    info, chart = body.get("info") or {}, body.get("chart") or {}
    metadata = chart.get("metadata") or {}
    return Release(
        revision=int(body.get("version", 0)),
        status=info.get("status", "unknown"),
        description=info.get("description", ""),
        chart=metadata.get("name", ""),
        chart_version=metadata.get("version", ""),
        app_version=metadata.get("appVersion", ""),
        deployed=_moment(info.get("last_deployed")),
        values=body.get("config") or {},
        defaults=chart.get("values") or {},
        manifest=body.get("manifest") or "",
        hooks=tuple(
            Hook(hook.get("name", ""), hook.get("kind", ""), tuple(hook.get("events") or ()), hook.get("manifest", ""))
            for hook in body.get("hooks") or ()
        ),
        secret=name,
        resource_version=secret["metadata"].get("resourceVersion", ""),
    )


def _moment(text: str | None) -> datetime | None:
    try:
        # Go prints nanoseconds; fromisoformat takes them and keeps microseconds.
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Values as Helm coalesces them: tables merge, everything else is replaced, null takes a key away."""
    result = dict(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def documents(text: str) -> list[Obj]:
    """The objects of a YAML text of many documents. Raises KubeError when it is not YAML."""
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return [item for item in yaml.load_all(text, Loader=loader) if isinstance(item, dict)]  # both are safe loaders
    except yaml.YAMLError as error:
        raise KubeError(0, "Damaged", f"a manifest is not YAML: {' '.join(str(error).split())}") from error
