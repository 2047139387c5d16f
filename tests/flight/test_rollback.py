"""The way back in the embedded world: from every place to a working 2.x, and nothing twice after a kill -9.

At every point that its stages name: `python -m tests.flight.torture --back smoke restore`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from migration_cockpit.config import load
from migration_cockpit.rehearsal import faults
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import points
from tests.flight import world as rehearsal
from tests.flight.migration_kills import fly_once
from tests.flight.torture import not_repeatable

BACK = ("smoke", "restore")
FAULTS = {
    "restore-fails": ("restore", "incompatible-restore"),
    "secret-refused": ("probe", "denied the request"),
    "helm-rollback-fails": ("helm", "failed calling webhook"),
}
"""By fault: the stage that fails, and a word of what it says."""


def after(operation: str) -> tuple[str, str, str]:
    """After the call, when nobody knows yet that it was made."""
    return ("before", "operation.ended", operation)


COURSE: list[str | tuple[str, str, str]] = [
    ("after", "rollback.started", ""),
    "restore-fails",
    ("after", "operation.intended", "restore-instance"),
    after("restore-instance"),
    "secret-refused",
    after("probe-job"),
    "helm-rollback-fails",
    after("helm-rollback"),
    after("set-aside"),
    after("take-over"),
]
"""Faults that are switched on for one start, and points at which the cockpit is killed; in the order of the stages."""


def stages_of(session: Path) -> list[tuple[str, str]]:
    """How each stage of the way back ended, in order."""
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    return [(event.stage, event.outcome) for event in events if isinstance(event, ev.RollbackStageEnded)]


def check_of(session: Path, stage: str, name: str) -> ev.Check:
    """The last verification of a stage, one line of it."""
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    ended = [e for e in events if isinstance(e, ev.RollbackStageEnded) and e.stage == stage and e.checks]
    return next(check for check in ended[-1].checks if check.name == name)


def assert_2x_works_as_before(world: Path) -> None:
    """What a user of Airflow finds: the schema of 2.x, its DAGs active as they were, and work being done."""
    assert rehearsal.query(world, "select version_num from alembic_version") == [("5f2621c13b39",)]
    paused = rehearsal.query(world, "select count(*) from dag where is_active and is_paused")
    assert paused == [(2,)], "those that were paused on purpose, and no others"
    assert rehearsal.query(world, "select count(*) from dag where is_active") == [(30,)]


def fly_course(world: Path, session: Path, course: Sequence[str | tuple[str, str, str]]) -> None:
    """Start again and again: each start ends at a kill or at a stage that fails, the last one where it should."""
    for each in course:
        if isinstance(each, tuple):
            killed = fly_once(world, session, each, back=BACK)
            assert killed.returncode == -9, (each, killed.stdout[-3000:], killed.stderr[-2000:])
            continue
        stage, word = FAULTS[each]
        faults.switch(world, each, {})
        failed = fly_once(world, session, back=BACK)
        faults.switch(world, each, None)
        assert failed.returncode == 1, (each, failed.stdout[-3000:], failed.stderr[-2000:])
        assert stages_of(session)[-1] == (stage, "failed"), failed.stdout[-3000:]
        assert word in failed.stdout
        assert "try the stage again: what is done is found" in failed.stdout
    flown = fly_once(world, session, back=BACK)
    assert flown.returncode == 0, flown.stdout[-4000:] + flown.stderr[-2000:]


@pytest.mark.timeout(1800)  # a way back in eleven lives
def test_killed_and_failing_on_the_way_back_it_ends_well_and_repeats_nothing(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world") as world:
        fly_course(world, session, COURSE)
        counted = not_repeatable(world)
        runs = rehearsal.query(world, "select count(*) from dag_run where run_id like 'migration-cockpit-%'")
        assert_2x_works_as_before(world)
    assert runs == [(0,)], "the canary was written after the recovery point"
    assert "tables equal row for row" in check_of(session, "compare", "tables").found
    assert check_of(session, "unpause", "active as in the ledger").holds
    assert set(dict(stages_of(session)).values()) == {"verified"}
    failed_once = ("helm rollback", "RestoreDBInstance")
    assert {count for name, count in counted.items() if not name.startswith(failed_once)} == {1}, counted
    twice = {name: count for name, count in counted.items() if name.startswith(failed_once)}
    assert (len(twice), set(twice.values())) == (2, {2}), f"the one that failed, and the one that did not: {twice}"
    assert rehearsal.chain_is_whole(session)
    # Where the torture of a way back kills is told by its stages: an operation that they do not name would be left out.
    named = {point.name for point in points.of_the_way_back(load(rehearsal.ROOT / "config.example.toml"), BACK[1])}
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    intended = {e.operation for e in events if isinstance(e, ev.OperationIntended) and e.step == ev.ROLLBACK}
    assert {f"{ev.ROLLBACK}/{operation}" for operation in intended} <= named
