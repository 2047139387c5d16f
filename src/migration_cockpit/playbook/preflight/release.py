"""The Helm release as it stands, and what the upgrade will be given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from migration_cockpit.actions.helm import refused_arguments
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place

AREA = "Helm release"


async def look(place: Place) -> list[Finding]:
    """Deployed, at the source version, with arguments and values files that the upgrade can take."""
    settings = place.settings
    found = await _upgrade(place)
    name = settings.kubernetes.release
    newest = await place.connections.releases.newest()
    if newest is None:
        mend = "check kubernetes.release and kubernetes.namespace: helm list -A"
        return [
            Finding(AREA, name, False, f"there is no release {name} in {settings.kubernetes.namespace}", mend),
            *found,
        ]
    text = f"revision {newest.revision} {newest.status}, chart {newest.chart}-{newest.chart_version}"
    mend = ""
    if newest.pending:
        mend = "helm rollback to the last deployed revision; where that fails, delete the newest sh.helm.release Secret"
    deployed = Finding(AREA, name, newest.status == "deployed", text, mend or "helm history says what happened")
    version = str(newest.computed().get("airflowVersion") or newest.app_version)
    source = settings.deployment.source_version
    mend = "deployment.source_version must name what runs"
    runs = Finding(AREA, "airflowVersion", version == source, f"{version}, config says {source}", mend)
    return [deployed, runs, _image_tag(newest.computed(), version), *found]


async def _upgrade(place: Place) -> list[Finding]:
    helm = place.settings.helm
    refused = refused_arguments(helm.arguments)
    text = "; ".join(refused) or " ".join(helm.arguments) or "none"
    found = [Finding(AREA, "helm.arguments", not refused, text, "take them out of helm.arguments" if refused else "")]
    there = await in_thread(lambda: [(file, Path(file).is_file()) for file in helm.values])
    mend = "helm.values names no file"
    return found + [
        Finding(AREA, "values file", ok, file if ok else f"{file} is not there", mend) for file, ok in there
    ]


def _image_tag(values: dict[str, Any], version: str) -> Finding:
    image = values.get("images", {}).get("airflow", {})
    tag = str(image.get("tag") or values.get("defaultAirflowTag") or "")
    seen = re.match(r"\d+\.\d+", tag)
    ok = seen is None or seen[0] == ".".join(version.split(".")[:2])
    mend = "set airflowVersion to the image's version: all 2.x/3.x decisions of the chart rest on it"
    return Finding(AREA, "image tag", ok, f"{tag or 'by digest'} with airflowVersion {version}", "" if ok else mend)
