"""Calling a migration off before anything was upgraded: the DAGs of the ledger come back, the session is closed."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.pausing import SetPaused
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.playbook import ledger
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.gates import site_of, world_errors
from migration_cockpit.playbook.unpause import as_in_ledger
from migration_cockpit.session import events as ev
from migration_cockpit.session.events import POSTPONE, Check
from migration_cockpit.session.state import STEP_TITLES, State

SETTLE_SECONDS = 10.0
"""How long the database gets to show what the API took."""
WAITING = "drain"
"""The one step that may be let go of: it waits and changes nothing."""


def refusal(state: State) -> str:
    """Why the migration cannot be postponed now; empty when it can."""
    before = state.postponement
    if before is not None and before.outcome != "failed":
        return "the migration is postponed already" if before.outcome else "the migration is being postponed"
    if not state.steps:
        return "the session is not opened yet"
    if state.rollback is not None:
        return "a way back was chosen already"
    if state.step("helm").started is not None:
        return "the Helm upgrade was begun: going back is a rollback now"
    running = state.running_step
    if running is not None and running.id != WAITING:
        return f"step {STEP_TITLES[running.id]} is running: wait for its end"
    return ""


def unpausing(settings: Settings, site: Site, dag_ids: Sequence[str] | None) -> SetPaused:
    """The operation that brings the DAGs of the ledger back; `dag_ids` None before the ledger is read."""
    return SetPaused(site, "unpause-ledger", dag_ids, paused=False, version=settings.deployment.source_version)


def message(settings: Settings, reason: str) -> str:
    """What is told to the people."""
    deployment = settings.deployment
    return (
        f"Airflow migration postponed: {deployment.name} stays on {deployment.source_version}. Reason: {reason}. "
        "All DAGs that were active are active again."
    )


def starts_from(state: State) -> tuple[str, ...]:
    """What the next session starts from, a sentence each."""
    opened = state.session
    version = opened.source_version if opened else "the source version"
    dags = (
        f"{state.ledger.active} DAGs are active as before; the next session writes a ledger of its own."
        if state.ledger
        else "No DAG was paused."
    )
    return (
        f"Helm release and schema are those of {version}: nothing was upgraded.",
        dags,
        "The next session starts with step 1: give [schedule] its new times first.",
    )


async def fly(flight: Flight) -> ev.PostponeEnded:
    """Bring the DAGs back and see that they are; to be entered again after a crash at any point."""
    checks: Sequence[Check] = ()
    why = ""
    try:
        if flight.state.ledger is not None:
            async with world_errors("the DAGs of the ledger cannot be unpaused"):
                checks = await _unpaused(flight)
        failing = [f"{check.name}: {check.found}" for check in checks if not (check.holds and check.known)]
        why = "; ".join(failing)
    except (StepFailed, OperationError) as error:
        why = str(error)
    if why:
        again = f"{why}. Mend it, then postpone again: what is done is found"
        return ev.PostponeEnded(outcome="failed", why=again, checks=tuple(checks))
    postponed = flight.state.postponement
    if flight.state.step("announce").started is not None and postponed is not None:
        flight.queue_message(POSTPONE, "postponed", message(flight.settings, postponed.reason))
    return ev.PostponeEnded(outcome="verified", checks=tuple(checks), starts_from=starts_from(flight.state))


async def _unpaused(flight: Flight) -> Sequence[Check]:
    book, site = ledger.read(flight), site_of(flight)
    await flight.do(POSTPONE, unpausing(flight.settings, site, book.active))
    return await flight.verify(POSTPONE, lambda: as_in_ledger(site, book), timeout=SETTLE_SECONDS)
