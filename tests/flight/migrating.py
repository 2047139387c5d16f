"""A migration under faults that do not end it: each verdict as it comes, and the same Job goes on."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from migration_cockpit.advice.progress import progress
from migration_cockpit.advice.verdict import decision_point
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.config import Limits
from migration_cockpit.rehearsal import faults
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.fold import fold
from migration_cockpit.session.fold.migration import LOG_SOURCE
from migration_cockpit.session.readings import Backend
from migration_cockpit.session.state import State
from tests.connections.support import eventually
from tests.flight import world as rehearsal
from tests.pace import PATIENCE, unhurried

LONG = ("blocked-by-idle-transaction", "quiet", "slow-alter")
"""In the order in which one Job meets them, in the revision that rewrites task_instance."""
LAST = "blocked-by-create-user-job"
HANGING = (*LONG, LAST)
SOON = 3.0
"""Seconds within which a verdict follows its evidence."""


async def word(cockpit: Cockpit, wanted: str, subject: str = "") -> datetime:
    """Wait for a verdict; returns since when it is told."""

    def told() -> bool:
        verdict = cockpit.state.verdict
        return verdict is not None and (verdict.verdict, subject in verdict.subject) == (wanted, True)

    await eventually(told, seconds=PATIENCE)
    assert cockpit.state.verdict_since is not None
    return cockpit.state.verdict_since


async def in_the_long_revision(cockpit: Cockpit, world: Path) -> None:
    """While step 5 runs: meet each fault of LONG, mend it, and let the same Job go on."""
    for name in LONG:
        faults.switch(world, name, {"seconds": 10} if name == "slow-alter" else {})
    since = await word(cockpit, "BLOCKED")
    waiting = cockpit.state.migration.waiting
    assert waiting is not None
    assert waiting.relation == "task_instance"
    assert (since - waiting.seen).total_seconds() <= unhurried(SOON)
    await end_by_keys(cockpit)

    await word(cockpit, "QUIET")
    verdict, last = cockpit.state.verdict_since, cockpit.state.migration.last_sign
    assert verdict is not None
    assert last is not None
    assert (verdict - last[1]).total_seconds() <= cockpit.settings.limits.quiet_warning + unhurried(SOON)
    await word(cockpit, "QUIET", "long")
    faults.switch(world, "quiet", None)  # the process goes on where it stood

    await word(cockpit, "SLOW")
    running = cockpit.state.migration.running
    assert running is not None
    assert running.revision == "d59cbbef95eb"
    faults.switch(world, "slow-alter", None)
    faults.switch(world, LONG[0], None)


async def at_the_end(cockpit: Cockpit, world: Path) -> None:
    """While step 5 runs: meet the session that blocks the FAB tables, and let it go."""
    faults.switch(world, LAST, {})
    since = await word(cockpit, "BLOCKED")
    waiting = cockpit.state.migration.waiting
    assert waiting is not None
    assert waiting.relation.startswith("ab_")
    assert (since - waiting.seen).total_seconds() <= unhurried(SOON)
    assert cockpit.state.migration.heads == ("1d6611b6ab7c",), "every core revision is committed before"
    faults.switch(world, LAST, None)


async def end_by_keys(cockpit: Cockpit) -> None:
    """K, the phrase, Enter: the session that blocks is ended, and nothing for a phrase that is another's."""
    desk = Desk(cockpit)
    roots = cockpit.state.verdict.subject if cockpit.state.verdict else ""
    own = {each.pid for each in _backends(cockpit) if each.role.startswith("migration")}
    assert own
    await desk.press("K")
    assert desk.where == "end-blocker", desk.notice
    await asyncio.sleep(DEAF * 1.1)  # keys are dropped for so long
    for typed in (f"end {min(own)}", "end"):
        desk.type(typed)
        await desk.press("enter")
        assert f"type end {roots}" in desk.notice
    desk.type(f"end {roots}")
    await desk.press("enter")
    assert desk.where == "screen", desk.notice
    await eventually(lambda: int(roots) not in {each.pid for each in _backends(cockpit)}, seconds=PATIENCE)
    await eventually(lambda: cockpit.state.migration.waiting is None, seconds=PATIENCE)
    assert own <= {each.pid for each in _backends(cockpit)}, "the migration's own sessions were left alone"
    await desk.press("K")
    assert desk.notice == "no session that may be ended blocks the migration"


def _backends(cockpit: Cockpit) -> tuple[Backend, ...]:
    return cockpit.state.database.backends if cockpit.state.database else ()


async def job_ended(cockpit: Cockpit) -> datetime:
    """When the cluster said that the migration's Job is over: the evidence as it stands in the world, to the second."""
    job = await cockpit.flight.connections.kube.get("jobs", cockpit.state.migration.job)
    said = [each["lastTransitionTime"] for each in job["status"]["conditions"] if each["status"] == "True"]
    return datetime.fromisoformat(max(said)) + timedelta(seconds=1)


def verdict_in_time(session: Path, fault: str, evidence: datetime) -> None:
    """The verdict after the Job's last end came within SOON of that end in the cluster, and of its record."""
    entries = list(journal.read(session / journal.FILE))
    ended = [
        each
        for each in entries
        if isinstance(each.event, ev.OperationEnded) and each.event.operation == "migration-job"
    ][-1]
    told = next(each for each in entries if each.seq > ended.seq and isinstance(each.event, ev.VerdictChanged))
    assert (told.t - ended.t).total_seconds() <= unhurried(SOON), (fault, ended, told)
    assert (told.t - evidence).total_seconds() <= unhurried(SOON), (fault, evidence, told)


def slow_in_time(session: Path, limits: Limits) -> None:
    """SLOW was told within SOON of the first record by which the end lies after the decision point.

    What else may be said then must be over: nobody blocks, and a sign of life is fresh.
    """
    state, since, told = State(), None, 0
    for entry in journal.read(session / journal.FILE):
        before, state = state.verdict, fold(state, entry.event, entry.t, entry.seq)
        step, last = state.steps.get("migrate"), state.migration.last_sign
        far = progress(state, entry.t)
        decide = decision_point(state, step, limits) if step is not None and step.running else None
        late = far is not None and far.eta is not None and decide is not None and far.eta.likely > decide
        alive = last is not None and (entry.t - last[1]).total_seconds() < limits.quiet_warning
        if not (late and alive and state.migration.waiting is None and state.migration.ended is None):
            since = None
            continue
        since = since or entry.t
        if isinstance(entry.event, ev.VerdictChanged) and entry.event.verdict == "SLOW":
            told += 1
            assert (entry.t - since).total_seconds() <= unhurried(SOON), (since, entry, before)
        elif state.verdict is None or state.verdict.verdict != "SLOW":
            assert (entry.t - since).total_seconds() <= unhurried(SOON), (since, entry, before)
    assert told, "SLOW was told while its evidence stood"


def every_line_once(session: Path, world: Path) -> None:
    """The journal has every line of every migration pod's log, once and in order."""
    told = [
        each.event.text
        for each in journal.read(session / journal.FILE)
        if isinstance(each.event, ev.LogLine) and each.event.source == LOG_SOURCE
    ]
    printed = Counter[str]()
    for log in (world / "pods").glob("airflow-db-migrate-*/**/*.log"):
        printed.update(_text(line) for line in log.read_text().splitlines())
    assert printed, "the pods' logs are there"
    assert Counter(told) == printed


def _text(line: str) -> str:
    """What a container printed, of a line in the runtime's format."""
    _, _, _, text = line.split(" ", 3)
    return text


def committed(world: Path) -> list[tuple[str]]:
    """The rows of alembic_version."""
    return rehearsal.query(world, "select version_num from alembic_version")
