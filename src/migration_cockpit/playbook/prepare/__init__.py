"""`prepare`: the fifteen prerequisites, each by evidence wherever there is evidence, else by a person's word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from migration_cockpit.config import Settings
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.playbook.prepare import backup, chart, consumers, dags, past_sessions, people, signoffs, versions
from migration_cockpit.playbook.prepare.asking import cleaned, guarded, staging_of
from migration_cockpit.playbook.prepare.shape import Prerequisite, Result, Where, judge
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import of_deployment

LOOK_SECONDS = 150.0

PREREQUISITES: tuple[Prerequisite, ...] = (
    Prerequisite(1, "source", "production runs 2.11", versions.source, "it runs that version"),
    Prerequisite(
        2, "staging", "staging equals production", versions.staging, "it equals production in all that matters"
    ),
    Prerequisite(
        3, "checks", "the upgrade checks were made", dags.checks, "`airflow config lint` and the rest find nothing"
    ),
    Prerequisite(4, "violations", "no violation is left", dags.violations, "every violation is mended or harmless"),
    Prerequisite(
        5, "consumers", "nobody calls what is gone", consumers.look, "these callers are moved, or may fail", True
    ),
    Prerequisite(6, "chart", "chart and values are ready", chart.look, "they were rendered and installed on staging"),
    Prerequisite(7, "backup", "the backup is tested", backup.look, "a dump was restored and its row counts were equal"),
    Prerequisite(
        8, "rollback", "the rollback is tested", past_sessions.rollback, "one was flown on staging and verified"
    ),
    Prerequisite(9, "team", "the team is trained", past_sessions.team, "everybody who flies has rehearsed"),
    Prerequisite(10, "messages", "messages are agreed on", people.messages, "they were read and approved"),
    Prerequisite(11, "window", "the window is approved", people.window, "it is approved, and by whom"),
    Prerequisite(12, "secrets", "External Secrets are ready", people.external_secrets, "they sync on staging 3.x"),
    Prerequisite(13, "packages", "plugins and providers fit", versions.packages, "they were tried on the target"),
    Prerequisite(14, "schedules", "schedules keep their meaning", dags.schedules, "what would change is wanted", True),
    Prerequisite(
        15, "alerts", "alerts are silenced", people.silences, "SLA alerts and the pager are silent, and not for ever"
    ),
)
"""The playbook's thirteen, and schedules and alerts, which it lacks."""


def by_id(name: str) -> Prerequisite | None:
    """The prerequisite of this id or number; None when there is none."""
    return next((each for each in PREREQUISITES if name in {each.id, str(each.number)}), None)


async def examine(
    settings: Settings, *, sessions: Path, now: datetime, tell: Callable[[Result], None] = lambda _: None
) -> list[Result]:
    """Look at all of it at once; a look that fails or hangs is unknown. `tell` gets each as it is found.

    Raises SignOffError.
    """
    signed = signoffs.read(signoffs.path(sessions, settings.deployment.name))
    connections = Connections(settings, of_deployment(settings), SystemClock())
    there = staging_of(settings)
    staging = Connections(there, connections.redactor, SystemClock()) if there is not None else None
    where = Where(Place(settings, connections, sessions), staging, now)
    stale = timedelta(days=settings.prepare.stale_days)

    async def one(asked: Prerequisite) -> Result:
        found = cleaned(await guarded(asked.look(where), LOOK_SECONDS), connections.redactor.clean)
        result = judge(asked, found, signed.get(asked.id), now, stale)
        tell(result)
        return result

    try:
        await connections.warm()
        return list(await asyncio.gather(*(one(each) for each in PREREQUISITES)))
    finally:
        await connections.close()
        if staging is not None:
            await staging.close()
