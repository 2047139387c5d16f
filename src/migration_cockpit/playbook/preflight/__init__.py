"""`check`: every connection that the playbook needs is tried; what is wrong is told with its mend. Changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from migration_cockpit.advice import revisions
from migration_cockpit.config import Settings, version_tuple
from migration_cockpit.connections import Connections, KubeError, WorldError
from migration_cockpit.playbook.findings import Finding, as_json, as_table
from migration_cockpit.playbook.preflight import (
    credentials,
    metadata,
    permissions,
    programs,
    release,
    rulers,
    services,
    way_back,
)
from migration_cockpit.playbook.preflight.place import Look, Place
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import of_deployment

__all__ = ["as_json", "as_table", "examine"]

LOOK_SECONDS = 20.0


async def versions(place: Place) -> list[Finding]:
    """Whether this upgrade is one that the cockpit knows."""
    source, target = place.settings.deployment.source_version, place.settings.deployment.target_version
    text = f"{source} → {target}"
    if version_tuple(source) < (2, 11, 0):
        mend = "the schema is the same from 2.10.3 on, but 2.11 has the warnings and checks: go there first"
        return [Finding("Versions", "upgrade", False, text, mend)]
    if revisions.head(target) is None and place.settings.postgres.reference_from_image:
        return [Finding("Versions", "upgrade", True, f"{text}, which is not shipped: its image tells its revisions")]
    mend = "this cockpit does not know the target's revisions, and postgres.reference_from_image keeps it from asking"
    return [Finding("Versions", "upgrade", revisions.head(target) is not None, text, mend)]


MENDS = {
    "Kubernetes": "check kubernetes.context and kubernetes.kubeconfig",
    "Helm release": "see Kubernetes",
    "Who else rules it": "see Kubernetes",
    "Postgres": "check postgres.dsn and the network path to the server",
    "Way back": "see Postgres",
    "AWS": "check rds.region, rds.profile and rds.endpoint_url",
    "Airflow": "check airflow.url",
    "Slack": "check slack.webhook",
}
"""What to look at where nothing better is known, by area."""

LOOKS: tuple[tuple[str, Look], ...] = (
    ("Versions", versions),
    ("Secrets", credentials.secrets),
    ("Kubernetes", permissions.look),
    ("Helm release", release.look),
    ("Who else rules it", rulers.look),
    ("Postgres", metadata.look),
    ("AWS", services.aws),
    ("Way back", way_back.look),
    ("Airflow", services.airflow),
    ("Grafana", services.grafana),
    ("Slack", services.slack),
    ("Programs", programs.helm),
    ("Programs", programs.dump),
    ("Credentials", credentials.expiries),
)


async def examine(settings: Settings, *, sessions: Path | None = None) -> list[Finding]:
    """Try everything, all at once; a look that fails or hangs is itself a finding.

    `sessions` is where the session's directory will be; by default below the user's state directory.
    """
    connections = Connections(settings, of_deployment(settings), SystemClock())
    place = Place(settings, connections, sessions or _state_home() / "migration-cockpit" / "sessions")
    try:
        # Looks that import the same packages at once, each on a thread of its own, can lock each other out.
        await connections.warm()
        groups = await asyncio.gather(*(_guarded(area, look, place) for area, look in LOOKS))
    finally:
        await connections.close()
    clean = connections.redactor.clean
    return [replace(one, found=clean(one.found), mend=clean(one.mend)) for group in groups for one in group]


def _state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


async def _guarded(area: str, look: Look, place: Place) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await look(place)
    except TimeoutError:
        return [Finding(area, "answer", False, f"none within {LOOK_SECONDS:.0f} s", "check the network path")]
    except KubeError as error:
        return [Finding(area, "reach", False, error.message or error.reason, MENDS.get(area, ""))]
    except WorldError as error:
        why, mend = getattr(error, "why", "") or str(error), getattr(error, "mend", "")
        return [Finding(area, "reach", False, why, mend or MENDS.get(area, ""))]
    except Exception as error:  # noqa: BLE001 - the boundary: whatever a client library raises becomes a finding
        return [Finding(area, "reach", False, _unexpected(error), "look at the settings of this area; it may be a bug")]


def _unexpected(error: Exception) -> str:
    """What came and from where. Its text may quote what it was given, secrets and all: that stays out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}" if trace is not None else ""
    return f"unexpected {type(error).__name__}{where}"
