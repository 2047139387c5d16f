"""The whole flight in the embedded world: eleven of eleven, and a fault ends it at its step."""

from __future__ import annotations

from pathlib import Path

import pytest

from migration_cockpit.advice.progress import PARTS
from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.rehearsal import life
from migration_cockpit.rehearsal.faults import FAULTS
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import points
from tests.flight import world as rehearsal

QUICK = {"webhook-down"}
"""What the whole command is started for each time; all of them with `-m matrix`, one start each. That each fault fails
its step, and what comes after, is in one flight in test_faults.py."""
VERIFIED = [(step, what) for step in STEP_IDS for what in ("started", "verified")]


def test_the_headless_rehearsal_verifies_all_eleven_steps_and_leaves_nothing_running(tmp_path: Path) -> None:
    session = tmp_path / "session"
    flown = rehearsal.rehearse("--session", str(session))
    assert flown.returncode == 0, flown.stdout[-4000:] + flown.stderr[-2000:]
    assert "11 of 11 verified" in flown.stdout
    assert rehearsal.steps_of(session) == VERIFIED
    assert rehearsal.chain_is_whole(session)
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    known = [event for event in events if isinstance(event, ev.FailureShown)]
    assert [event for event in known if event.severity != "expected"] == [], "a clean flight shows no failure"
    # Where the torture kills is told by the steps themselves: an operation that they do not name would be left out.
    named = {point.name for point in points.of_operations(load(rehearsal.ROOT / "config.example.toml"))}
    done = {(each.step, each.operation) for each in intended(session)}
    assert {f"{step}/{operation}" for step, operation in done} <= named
    assert_the_migration_was_told_as_it_was(events)
    assert not (session / "world").exists()
    assert not [note for note in life.registry().glob("*.json") if str(session) in note.read_text()]


def assert_the_migration_was_told_as_it_was(events: list[ev.Event]) -> None:
    """No false alarm, a bar that never goes back and is full only when the schema is verified, each log line once."""
    words = [event.verdict for event in events if isinstance(event, ev.VerdictChanged)]
    assert set(words) == {"WORKING", "DONE"}
    assert words.index("DONE") == len(words) - 1
    done = [event.done for event in events if isinstance(event, ev.StepProgress) and event.step == "migrate"]
    shares = [share for share in done if share]
    assert shares == sorted(shares)
    assert 0 < shares[-1] < PARTS
    lines = [event for event in events if isinstance(event, ev.LogLine) and event.source == "job"]
    assert len({line.at for line in lines}) == len(lines) > 83
    begun = [line.text.partition("Running upgrade ")[2] for line in lines if "Running upgrade" in line.text]
    assert len(set(begun)) == len(begun) == 83, "82 core revisions and one of FAB"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.matrix)
        for name in sorted(FAULTS)
        if FAULTS[name].step != "rollback"
    ],
)
def test_a_fault_makes_its_step_not_verified(fault: str, tmp_path: Path) -> None:
    session = tmp_path / "session"
    flown = rehearsal.rehearse("--session", str(session), "--fault", fault)
    assert flown.returncode == 1, flown.stdout[-4000:] + flown.stderr[-2000:]
    last_step, outcome = rehearsal.steps_of(session)[-1]
    assert last_step == FAULTS[fault].step
    assert outcome in {"failed", "aborted"}
    told = next(line for line in flown.stdout.splitlines() if f"step {last_step}: {outcome} · " in line)
    assert len(told.split(" · ", 1)[1]) > 20, "it must say why and what to do"


def intended(session: Path) -> list[ev.OperationIntended]:
    """Every operation that was begun."""
    events = (entry.event for entry in journal.read(session / journal.FILE))
    return [event for event in events if isinstance(event, ev.OperationIntended)]
