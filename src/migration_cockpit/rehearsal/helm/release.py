"""A release revision and the Secrets that hold it: one for each revision, as helm 3 and 4 store them."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from migration_cockpit.rehearsal.helm.charts import Chart
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.kube import ApiError, Kube, Object
from migration_cockpit.rehearsal.helm.template import yamlish
from migration_cockpit.rehearsal.helm.template.nodes import Value

SECRET_TYPE = "helm.sh/release.v1"  # noqa: S105 - a type name
PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
_SYSTEM_LABELS = frozenset({"name", "owner", "status", "version", "createdAt", "modifiedAt"})
_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_MAX_NAME = 53


def now() -> str:
    """This moment as helm writes it, to the nanosecond."""
    seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}"
    return text.rstrip("0").rstrip(".") + "Z"


@dataclass
class Release:
    """One revision of a release. `chart` is the record form, as `Chart.to_record` makes it."""

    name: str
    namespace: str
    version: int
    chart: dict[str, Value]
    config: dict[str, Value]
    manifest: str
    hooks: list[dict[str, Value]]
    first_deployed: str
    last_deployed: str
    status: str
    description: str
    notes: str = ""
    deleted: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def chart_label(self) -> str:
        """`airflow-1.22.0`, as history and list show it."""
        metadata = self.chart.get("metadata") or {}
        return f"{metadata.get('name', '')}-{metadata.get('version', '')}" if metadata else "MISSING"

    @property
    def app_version(self) -> str:
        """The chart's appVersion, which says little about the image that really runs."""
        return str((self.chart.get("metadata") or {}).get("appVersion", ""))

    def load_chart(self) -> Chart:
        """The chart of this revision."""
        return Chart.from_record(self.chart)

    def to_record(self) -> dict[str, Value]:
        """The JSON that goes into the Secret, keys in helm's order."""
        info = {
            "first_deployed": self.first_deployed,
            "last_deployed": self.last_deployed,
            "deleted": self.deleted,
            "description": self.description,
            "status": self.status,
        }
        if self.notes:
            info["notes"] = self.notes
        record: dict[str, Value] = {"name": self.name, "info": info}
        if self.chart:
            record["chart"] = self.chart
        if self.config:
            record["config"] = yamlish.ordered(yamlish.plain(self.config))
        record["manifest"] = self.manifest
        if self.hooks:
            record["hooks"] = self.hooks
        return record | {"version": self.version, "namespace": self.namespace}

    @classmethod
    def from_record(cls, record: dict[str, Value], labels: dict[str, str]) -> Release:
        """A revision read back."""
        info = record.get("info") or {}
        return cls(
            name=record.get("name", ""),
            namespace=record.get("namespace", ""),
            version=int(record.get("version", 0)),
            chart=record.get("chart") or {},
            config=yamlish.floats(record.get("config") or {}),
            manifest=record.get("manifest", ""),
            hooks=record.get("hooks") or [],
            first_deployed=info.get("first_deployed", ""),
            last_deployed=info.get("last_deployed", ""),
            status=info.get("status", "unknown"),
            description=info.get("description", ""),
            notes=info.get("notes", ""),
            deleted=info.get("deleted", ""),
            labels={key: value for key, value in labels.items() if key not in _SYSTEM_LABELS},
        )


def check_name(name: str, message: str = "release name is invalid: {}") -> None:
    """Refuse a name that cannot be a release.

    Raises:
        HelmError: with `message`, in which {} stands for the name.
    """
    if not _NAME.match(name) or len(name) > _MAX_NAME:
        raise HelmError(message.format(name))


def encode(release: Release) -> str:
    """The `release` entry of the Secret's data: JSON, compressed, in base64 twice (helm's own and Kubernetes')."""
    text = json.dumps(release.to_record(), separators=(",", ":"), ensure_ascii=False).encode()
    return base64.b64encode(base64.b64encode(gzip.compress(text, 9))).decode()


def decode(secret: Object) -> Release:
    """The revision that a Secret holds."""
    data = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    if data[:3] == b"\x1f\x8b\x08":
        data = gzip.decompress(data)
    return Release.from_record(json.loads(data), secret["metadata"].get("labels") or {})


class Storage:
    """The release Secrets of one namespace. `max_history` 0 keeps every revision."""

    def __init__(self, kube: Kube, max_history: int = 0) -> None:
        self._kube = kube
        self.max_history = max_history

    def _secret(self, release: Release, stamp: str) -> Object:
        labels = release.labels | {
            stamp: str(int(time.time())),
            "name": release.name,
            "owner": "helm",
            "status": release.status,
            "version": str(release.version),
        }
        name = f"sh.helm.release.v1.{release.name}.v{release.version}"
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self._kube.namespace, "labels": labels},
            "type": SECRET_TYPE,
            "data": {"release": encode(release)},
        }

    def create(self, release: Release) -> None:
        """Store a new revision, making room for it first.

        Raises:
            HelmError: another helm stored the same revision in the meantime.
        """
        if self.max_history > 0:
            self._prune(release.name, self.max_history - 1)
        try:
            self._kube.create(self._secret(release, "createdAt"))
        except ApiError as error:
            if error.code == http.client.CONFLICT:
                raise HelmError("release: already exists") from error
            raise HelmError(f"create: failed to create: {error}") from error

    def update(self, release: Release) -> None:
        """Store a revision again, with its new status."""
        try:
            self._kube.replace(self._secret(release, "modifiedAt"))
        except ApiError as error:
            raise HelmError(f"update: failed to update: {error}") from error

    def delete(self, release: Release) -> None:
        """Forget a revision."""
        self._kube.delete(self._secret(release, "modifiedAt"))

    def query(self, **labels: str) -> list[Release]:
        """Every revision with these labels, oldest first; none is an empty list."""
        try:
            secrets = self._kube.list("v1", "Secret", {**labels, "owner": "helm"})
        except ApiError as error:
            what = "query: failed to query with labels" if labels else "list: failed to list"
            raise HelmError(f"{what}: {error}") from error
        return sorted((decode(secret) for secret in secrets), key=lambda release: (release.name, release.version))

    def history(self, name: str) -> list[Release]:
        """Every revision of a release, oldest first.

        Raises:
            HelmError: `release: not found`.
        """
        found = self.query(name=name)
        if not found:
            raise HelmError("release: not found")
        return found

    def get(self, name: str, version: int) -> Release:
        """One revision; 0 is the newest.

        Raises:
            HelmError: `release: not found`.
        """
        found = [release for release in self.history(name) if version in {0, release.version}]
        if not found:
            raise HelmError("release: not found")
        return found[-1]

    def deployed(self, name: str) -> Release | None:
        """The newest revision that is marked deployed."""
        found = self.query(name=name, status="deployed")
        return found[-1] if found else None

    def _prune(self, name: str, keep: int) -> None:
        history = self.query(name=name)
        deployed = self.deployed(name)
        surplus = len(history) - keep
        for release in history:
            if surplus <= 0:
                return
            if deployed is None or release.version != deployed.version:
                self.delete(release)
                surplus -= 1
