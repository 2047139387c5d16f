"""Which releases of the official Airflow chart are installed, read from Helm's own Secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migration_cockpit.connections import KubeError
from migration_cockpit.connections.kube import Kube
from migration_cockpit.connections.releases import Release, decode

CHART = "airflow"
"""Name of the official chart. The community chart has the same; its labels differ, which `look` says."""


class NoRelease(Exception):
    """There is no release to write a config for; the message says where was looked and what to give."""


@dataclass(frozen=True)
class Installed:
    """A release of the chart: where it is, and its newest deployed revision."""

    namespace: str
    release: Release
    name: str

    @property
    def version(self) -> str:
        """The Airflow version that it runs, by the chart's own switch."""
        return str(self.release.computed().get("airflowVersion") or self.release.app_version)

    def words(self) -> str:
        """In one line."""
        chart = f"{self.release.chart}-{self.release.chart_version}"
        return f"{self.namespace}/{self.name}: Airflow {self.version}, {chart}, revision {self.release.revision}"


async def installed(kube: Kube, *, namespace: str | None) -> Sequence[Installed]:
    """Every deployed release of the chart, in one namespace or (None) in all. Raises KubeError and NoRelease."""
    everywhere = namespace is None
    try:
        secrets = await kube.list("secrets", label="owner=helm,status=deployed", namespace=namespace or "")
    except KubeError as error:
        if everywhere and error.denied:
            raise NoRelease("Secrets may not be listed in all namespaces: name one with --namespace") from error
        raise
    found: dict[tuple[str, str], Installed] = {}
    for secret in secrets:
        if secret.get("type", "helm.sh/release.v1") != "helm.sh/release.v1":
            continue
        release, where = decode(secret), secret["metadata"]["namespace"]
        name = (secret["metadata"].get("labels") or {}).get("name", "")
        before = found.get((where, name))
        if release.chart == CHART and (before is None or before.release.revision < release.revision):
            found[where, name] = Installed(where, release, name)
    if not found:
        place = "any namespace" if everywhere else f"namespace {namespace}"
        raise NoRelease(f"no release of the chart {CHART} is deployed in {place}: helm list -A shows what is")
    return tuple(found[key] for key in sorted(found))
