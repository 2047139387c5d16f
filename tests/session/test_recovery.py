"""Going on after anything: what was left is told, jumps of the clock too; what is not written is not acknowledged."""

from __future__ import annotations

import json
import os
import resource
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import Jump, JumpWatch, SystemClock
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.recovery import found_words
from migration_cockpit.session.redact import MASK, Redactor
from tests.app.fixtures import at, opened

OLD = Path(__file__).with_name("data") / "program-0.1.0.jsonl"


class Hands(SystemClock):
    """A clock whose hands a test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 5, 16, 9, 52, 10, tzinfo=UTC)
        self.awake = self.passed = 100.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.awake

    def elapsed(self) -> float:
        return self.passed

    def run(self, seconds: float, *, asleep: bool = False) -> None:
        """Time passes."""
        self.moment += timedelta(seconds=seconds)
        self.passed += seconds
        self.awake += 0 if asleep else seconds


def open_session(directory: Path, clock: SystemClock) -> Recorder:
    return Recorder(directory, clock, Redactor())


def begin_upgrade(recorder: Recorder, *, resumed: bool = False) -> None:
    """A cockpit that begins the Helm upgrade."""
    if not resumed:
        recorder.record(opened())
    recorder.record(ev.DriverChanged(operator="sre-1", host="bastion", pid=1, resumed=resumed))
    recorder.record(ev.StepStarted(step="helm", operator="sre-1"))
    commands = (ev.Command(text="helm upgrade airflow"),)
    recorder.record(ev.OperationIntended(step="helm", operation="helm-upgrade", key="k", commands=commands))


def test_what_was_in_flight_is_told_with_what_the_world_shows(tmp_path: Path) -> None:
    clock = Hands()
    first = open_session(tmp_path, clock)
    begin_upgrade(first)
    first.close()
    clock.run(180)
    second = open_session(tmp_path, clock)
    state = second.record(ev.DriverChanged(operator="sre-2", host="laptop", pid=2, resumed=True))
    found = state.resumption
    assert found is not None
    assert (found.before, found.left, found.step) == ("sre-1 on bastion", "", "helm")
    assert "ended without a word at 09:52:10, 3 min ago" in state.log[-1].text
    assert "step helm upgrade was running; in flight: helm-upgrade, begun 09:52:10" in state.log[-1].text
    assert "looked at when step helm upgrade comes to it" in found_words(found.operations[0])
    names: dict[str, Any] = {"step": "helm", "operation": "helm-upgrade", "key": "k"}
    state = second.record(ev.OperationObserved(**names, found="done", detail="revision 8 is deployed"))
    told = "helm-upgrade: was started 09:52:10, revision 8 is deployed → done"
    assert state.log[-1].text == told
    state = second.record(ev.OperationEnded(**names, outcome="found", detail="revision 8 is deployed"))
    assert state.resumption is not None
    assert found_words(state.resumption.operations[0]) == told
    second.close()


@pytest.mark.parametrize(
    ("found", "outcome", "words"),
    [
        ("running", "", "→ runs; it is joined, not begun again"),
        ("running", "failed", "→ runs; it is joined, not begun again; it failed"),
        ("not started", "done", "→ not begun, so it is done now; it is done"),
        ("failed", "failed", "→ failed"),
    ],
)
def test_what_came_of_it_is_told_too(found: str, outcome: str, words: str, tmp_path: Path) -> None:
    clock = Hands()
    recorder = open_session(tmp_path, clock)
    begin_upgrade(recorder)
    recorder.record(ev.DriverChanged(operator="sre-1", host="bastion", pid=2, resumed=True))
    names: dict[str, Any] = {"step": "helm", "operation": "helm-upgrade", "key": "k"}
    recorder.record(ev.OperationObserved(**names, found=found))
    if outcome:
        recorder.record(ev.OperationEnded(**names, outcome=outcome))
    resumption = recorder.state.resumption
    recorder.close()
    assert resumption is not None
    assert found_words(resumption.operations[0]).endswith(words)


def test_a_cockpit_that_was_left_says_why_and_what_was_torn(tmp_path: Path) -> None:
    clock = Hands()
    first = open_session(tmp_path, clock)
    begin_upgrade(first)
    first.record(ev.SessionClosed(reason="detached"))
    first.close()
    with (tmp_path / journal.FILE).open("ab") as file:
        file.write(b'{"v":1,"seq":9')
    second = open_session(tmp_path, clock)
    state = second.record(ev.DriverChanged(operator="sre-2", host="b", pid=2, resumed=True, torn=second.torn))
    second.close()
    assert "sre-1 on bastion left it (detached)" in state.log[-1].text
    assert "14 bytes of a half-written event cut off, nothing rested on them" in state.log[-1].text


def test_a_journal_of_the_first_version_is_gone_on_with(tmp_path: Path) -> None:
    shutil.copy(OLD, tmp_path / journal.FILE)
    recorder = open_session(tmp_path, SystemClock())
    state = recorder.record(ev.DriverChanged(operator="sre-2", host="laptop", pid=2, resumed=True))
    recorder.close()
    assert [step.outcome for step in state.steps.values()][:5] == ["verified"] * 4 + [""]
    assert state.resumption is not None
    assert [each.operation for each in state.resumption.operations] == ["migration-job"]
    assert state.ledger is not None
    assert len(state.recovery_points) == 2


@pytest.mark.parametrize(
    ("moves", "jump"),
    [
        ([("run", 1.0)], None),
        ([("run", 1.0), ("set", 1.5)], None),
        ([("run", 1.0), ("set", 3600.0)], Jump(3600.0, slept=False)),
        ([("run", 1.0), ("set", -3600.0)], Jump(-3600.0, slept=False)),
        ([("sleep", 720.0)], Jump(720.0, slept=True)),
    ],
)
def test_a_clock_that_was_set_and_a_machine_that_slept_are_told_apart(
    moves: list[tuple[str, float]], jump: Jump | None
) -> None:
    clock = Hands()
    watch = JumpWatch(clock)
    for what, seconds in moves:
        if what == "set":
            clock.moment += timedelta(seconds=seconds)
        else:
            clock.run(seconds, asleep=what == "sleep")
    assert watch.look() == jump
    clock.run(1.0)
    assert watch.look() is None


def test_the_system_tells_time_asleep() -> None:
    clock = SystemClock()
    watch = JumpWatch(clock)
    assert watch.look() is None
    assert clock.elapsed() >= clock.monotonic() - 1.0


def test_a_small_step_back_of_the_clock_is_waited_for(tmp_path: Path) -> None:
    clock = Hands()
    recorder = open_session(tmp_path, clock)
    begin_upgrade(recorder)
    clock.moment -= timedelta(seconds=90)
    state = recorder.record(ev.Note(operator="sre", text="still in order"))
    recorder.close()
    assert state.t == at("09:52:10")
    assert [entry.event.kind for entry in journal.read(tmp_path / journal.FILE)].count("clock.jumped") == 0


def test_a_clock_that_is_set_right_by_an_hour_is_followed_and_told_first(tmp_path: Path) -> None:
    clock = Hands()
    recorder = open_session(tmp_path, clock)
    begin_upgrade(recorder)
    clock.moment -= timedelta(hours=1)
    recorder.record(ev.Note(operator="sre", text="an hour earlier"))
    clock.run(60)
    state = recorder.record(ev.Note(operator="sre", text="a minute later"))
    recorder.close()
    told = list(journal.read(tmp_path / journal.FILE))[-3:]
    assert [entry.event.kind for entry in told] == ["clock.jumped", "note", "note"]
    assert told[2].t - told[1].t == timedelta(minutes=1)
    assert state.t == at("08:53:10")
    assert any("clock was set back by 1 h" in line.text for line in state.log)


def test_a_line_that_the_disk_did_not_surely_take_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = open_session(tmp_path, Hands())
    recorder.record(ev.Note(operator="sre", text="kept"))

    def broken(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("migration_cockpit.session.journal.os.fdatasync", broken)
        with pytest.raises(JournalError, match="Input/output error"):
            recorder.record(ev.Note(operator="sre", text="not acknowledged"))
        patched.setattr("migration_cockpit.session.journal.os.ftruncate", lambda _fd, _size: broken(0))
        with pytest.raises(JournalError, match="Input/output error"):
            recorder.record(ev.Note(operator="sre", text="not acknowledged either"))
    recorder.record(ev.Note(operator="sre", text="after"))
    recorder.close()
    lines = (tmp_path / journal.FILE).read_bytes().splitlines()
    assert [json.loads(line)["data"]["text"] for line in lines] == ["kept", "after"]
    assert json.loads(lines[1])["prev"] == journal.line_hash(lines[0])


def test_what_a_full_disk_did_not_take_is_seen_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = open_session(tmp_path, Hands())
    recorder.redactor.register("hunter22-and-more")
    with monkeypatch.context() as patched:
        patched.setattr("migration_cockpit.session.journal.os.write", lambda _fd, data: 0 * len(data))
        state = recorder.record(ev.LogLine(source="helm", text="it was hunter22-and-more"))
    assert "the disk is full" in recorder.write_error
    assert state.log[-1].text == f"it was {MASK}"
    recorder.close()


def test_a_line_that_fits_only_in_part_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = open_session(tmp_path, Hands())
    recorder.record(ev.Note(operator="sre", text="kept"))
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr("migration_cockpit.session.journal.os.write", lambda fd, data: real(fd, data[:20]))
        with pytest.raises(JournalError, match="the disk is full; free some space"):
            recorder.record(ev.Note(operator="sre", text="too long for it"))
    recorder.record(ev.Note(operator="sre", text="after"))
    recorder.close()
    lines = (tmp_path / journal.FILE).read_bytes().splitlines()
    assert [json.loads(line)["data"]["text"] for line in lines] == ["kept", "after"]


def test_an_artifact_that_a_full_disk_does_not_take_is_an_error_of_the_record(tmp_path: Path) -> None:
    recorder = open_session(tmp_path, Hands())
    kept = recorder.write_artifact("ledger.json", b"as it was")
    # The kernel limits the size of a file, in a process of its own: it stops in the middle, as a full disk does.
    if (child := os.fork()) == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
            recorder.write_artifact("ledger.json", b"x" * 500)
        except JournalError as error:
            code = 0 if str(error) == f"{kept}: cannot be written: File too large" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert kept.read_bytes() == b"as it was"
    assert [each.name for each in recorder.artifacts.iterdir()] == ["ledger.json"]
    recorder.close()
