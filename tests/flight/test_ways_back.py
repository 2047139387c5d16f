"""Each way back from where the world stands, as a person starts it; from every step with `-m matrix`."""

from __future__ import annotations

from pathlib import Path

import pytest

from migration_cockpit.config import STEP_IDS
from migration_cockpit.rehearsal import faults
from migration_cockpit.rehearsal.faults import FAULTS
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal

PLACES = [
    pytest.param("pause", "restore", "abort"),
    pytest.param("helm", "restore", "helm"),
    pytest.param("migrate", "dump", "dump"),
    pytest.param("migrate", "downgrade", "downgrade"),
    *(
        pytest.param(step, "restore", way, marks=pytest.mark.matrix)
        for step, way in [("drain", "abort"), *((each, "restore") for each in STEP_IDS[STEP_IDS.index("migrate") :])]
    ),
    pytest.param("soak", "dump", "dump", marks=pytest.mark.matrix),
    pytest.param("soak", "downgrade", "downgrade", marks=pytest.mark.matrix),
]
"""Step after which it goes back, what was asked for, and the way that fits what the world shows then."""


@pytest.mark.parametrize(("step", "by", "way"), PLACES)
def test_from_a_step_the_way_back_that_fits_ends_well(step: str, by: str, way: str, tmp_path: Path) -> None:
    session = tmp_path / "session"
    flown = rehearsal.rehearse("--session", str(session), "--rollback-after", step, "--by", by)
    assert flown.returncode == 0, flown.stdout[-4000:] + flown.stderr[-2000:]
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    started = next(event for event in events if isinstance(event, ev.RollbackStarted))
    # It begins as it does for a person: by the dialog, its phrase and its countdown.
    considered = [event.act for event in events if isinstance(event, ev.RollbackConsidered)]
    assert considered == ["opened", "armed", "fired"]
    assert started.way == way
    ended = {event.stage: event for event in events if isinstance(event, ev.RollbackStageEnded)}
    assert [stage.stage for stage in started.stages] == list(ended)
    assert {stage.outcome for stage in ended.values()} == {"verified"}
    assert next(check for check in ended["unpause"].checks if check.name == "active as in the ledger").holds
    if way in {"restore", "dump"}:
        assert "tables equal row for row" in next(c for c in ended["compare"].checks if c.name == "tables").found
    last = events[-1]
    assert isinstance(last, ev.SessionClosed)
    assert last.outcome == "rolled back"
    assert not (session / "world").exists()


STAY = {"pause-noop", "unpause-partial", "unpause-lost"}
"""Faults that break unpausing itself: while they stand the way back ends at that stage too."""


@pytest.mark.matrix
@pytest.mark.parametrize(
    "fault",
    sorted(
        name
        for name, each in FAULTS.items()
        # A lock that nobody lets go of keeps the backend of an ended migration: somebody has to end its holder first.
        if each.step != "rollback" and name not in STAY and each.verdict != "BLOCKED"
    ),
)
def test_from_a_step_that_a_fault_makes_fail_the_way_back_ends_well(fault: str, tmp_path: Path) -> None:
    session = tmp_path / "session"
    order = ("--rollback-after", FAULTS[fault].step)
    flown = rehearsal.rehearse("--session", str(session), "--fault", fault, *order)
    assert flown.returncode == 0, flown.stdout[-4000:] + flown.stderr[-2000:]
    assert "rolled back" in flown.stdout or "aborted" in flown.stdout


@pytest.mark.matrix
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", sorted(STAY))
def test_a_fault_that_breaks_unpausing_too_is_mended_and_the_way_back_goes_on(fault: str, tmp_path: Path) -> None:
    session, order = tmp_path / "session", (FAULTS[fault].step, "restore")
    with rehearsal.world(tmp_path / "world", "--fault", fault) as world:
        flown = rehearsal.fly_once(world, session, back=order, timeout=400)
        stages = {e.stage: e.outcome for e in _events(session) if isinstance(e, ev.RollbackStageEnded)}
        if flown.returncode:
            assert {name for name, outcome in stages.items() if outcome != "verified"} == {"unpause"}, flown.stdout[
                -3000:
            ]
            faults.switch(world, fault, None)
            flown = rehearsal.fly_once(world, session, back=order, timeout=400)
        assert flown.returncode == 0, flown.stdout[-4000:] + flown.stderr[-2000:]
    ended = {event.stage: event for event in _events(session) if isinstance(event, ev.RollbackStageEnded)}
    assert {stage.outcome for stage in ended.values()} == {"verified"}
    assert next(check for check in ended["unpause"].checks if check.name == "active as in the ledger").holds


def _events(session: Path) -> list[ev.Event]:
    return [entry.event for entry in journal.read(session / journal.FILE)]
