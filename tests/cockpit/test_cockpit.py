"""The cockpit around its steps: sources that fail, a journal that cannot be written, a session of another place."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from migration_cockpit.actions.messages import Messenger
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.crew import Crew
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.headless import Printer, fly
from migration_cockpit.cockpit.opening import opening
from migration_cockpit.config import load
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.journal import JournalError
from migration_cockpit.sources import Emit
from tests.connections.support import eventually
from tests.session.test_lease import Memory
from tests.steps import file_steps

SETTINGS = load(Path(__file__).parents[2] / "config.example.toml")


def _cockpit(directory: Path) -> Cockpit:
    cockpit = Cockpit(SETTINGS, directory, operator="sre", steps=file_steps(directory / "lines"))
    if cockpit.state.session is None:
        cockpit.recorder.record(opening(SETTINGS, "s"))
    return cockpit


def _crew(cockpit: Cockpit) -> Crew:
    return Crew(cockpit.flight, drives=lambda: True, each_second=cockpit.go_on)


def _full(_fd: int, _data: bytes) -> int:
    raise OSError(28, "No space left on device")


class Faulty:
    """A source with a defect of its own: it ends by an exception, and reads well the second time."""

    name = "health"

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, emit: Emit) -> None:
        """Fail once."""
        self.runs += 1
        if self.runs == 1:
            raise ZeroDivisionError("by zero")
        emit(ev.SourceRecovered(source=self.name))
        await asyncio.Event().wait()


async def test_a_source_with_a_defect_says_so_and_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_cockpit.cockpit.crew.AGAIN_AFTER", 0.05)
    cockpit = _cockpit(tmp_path)
    reading = asyncio.create_task(_crew(cockpit).read(Faulty()))
    await eventually(lambda: "health" in cockpit.state.sources)
    assert "ZeroDivisionError" in cockpit.state.sources["health"].why
    await eventually(lambda: cockpit.state.sources["health"].failing_since is None)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await cockpit.stop("test over")


async def test_a_source_that_fails_while_the_disk_is_full_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cockpit = _cockpit(tmp_path)
    monkeypatch.setattr("migration_cockpit.session.journal.os.write", _full)
    cockpit.recorder.record(ev.SourceFailed(source="pods", why="refuses connections"))
    assert cockpit.state.sources["pods"].why == "refuses connections"
    assert "No space left" in cockpit.recorder.write_error
    monkeypatch.undo()
    await cockpit.stop("test over")


async def test_a_step_whose_outcome_could_not_be_written_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cockpit = _cockpit(tmp_path)
    real: Callable[[int, bytes], int] = os.write

    def refuse_the_end(fd: int, data: bytes) -> int:
        return _full(fd, data) if b'"step.ended"' in data else real(fd, data)

    monkeypatch.setattr("migration_cockpit.session.journal.os.write", refuse_the_end)
    await cockpit.runner.start("announce", "sre")
    await eventually(lambda: cockpit.recorder.write_error and not cockpit.runner.busy)
    assert cockpit.state.step("announce").running
    monkeypatch.undo()
    monkeypatch.setattr("migration_cockpit.cockpit.crew.SYNC_EVERY", 0.05)
    syncing = asyncio.create_task(_crew(cockpit).sync())
    cockpit.note("there is room again")
    await eventually(lambda: cockpit.state.step("announce").outcome == "verified")
    assert (tmp_path / "lines").read_text() == "announce\n"
    syncing.cancel()
    await asyncio.gather(syncing, return_exceptions=True)
    await cockpit.stop("test over")


async def test_a_key_says_why_nothing_is_done_while_the_journal_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cockpit = _cockpit(tmp_path)
    desk = Desk(cockpit)
    monkeypatch.setattr("migration_cockpit.session.journal.os.write", _full)
    await desk.press("enter")
    assert "No space left" in desk.notice
    assert desk.where == "screen"
    monkeypatch.undo()
    await cockpit.stop("test over")


async def test_a_durable_event_is_on_disk_whatever_another_thread_has_just_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cockpit = _cockpit(tmp_path)
    synced: list[int] = []
    monkeypatch.setattr("migration_cockpit.session.journal.os.fdatasync", synced.append)
    # A sync that began before in its own thread has just noted that nothing is left to do.
    monkeypatch.setattr(cockpit.recorder._writer, "sync", lambda: None)
    cockpit.note("must be on disk")
    assert synced
    monkeypatch.undo()
    await cockpit.stop("test over")


async def test_a_message_that_was_taken_but_not_written_down_goes_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cockpit = _cockpit(tmp_path)
    cockpit.flight.queue_message("announce", "start", "it starts")
    posted: list[str] = []
    real = os.write

    async def post(text: str) -> None:
        posted.append(text)
        monkeypatch.setattr("migration_cockpit.session.journal.os.write", _full)

    monkeypatch.setattr(cockpit.connections, "slack_post", post)
    messenger = Messenger(cockpit.connections, cockpit.recorder)
    assert not await messenger._sent("start", "it starts")
    assert not await messenger._sent("start", "it starts")
    monkeypatch.setattr("migration_cockpit.session.journal.os.write", real)
    assert await messenger._sent("start", "it starts")
    assert len(posted) == 1
    assert posted[0].startswith("it starts\n")
    assert cockpit.state.messages["start"].sent is not None
    await cockpit.stop("test over")


async def test_a_defect_of_what_works_beside_the_steps_is_told_once_and_it_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migration_cockpit.cockpit.crew.AGAIN_AFTER", 0.01)
    cockpit = _cockpit(tmp_path)
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise ZeroDivisionError("by zero" if runs < 3 else "by nothing")

    await _crew(cockpit).keep("verdict", work)
    assert runs == 4
    assert [line.text for line in cockpit.state.log] == [
        f"verdict failed and begins anew: ZeroDivisionError: {why}" for why in ("by zero", "by nothing")
    ]
    await cockpit.stop("test over")


async def test_the_session_of_another_place_is_refused(tmp_path: Path) -> None:
    await _cockpit(tmp_path).stop("test over")
    kubernetes = msgspec.structs.replace(SETTINGS.kubernetes, context="prod-us")
    with pytest.raises(JournalError, match=r"context \S+, the config names prod-us"):
        Cockpit(msgspec.structs.replace(SETTINGS, kubernetes=kubernetes), tmp_path, operator="sre", clock=SystemClock())
    await _cockpit(tmp_path).stop("the lock was given back")


async def test_a_session_is_gone_on_with_read_only_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _cockpit(tmp_path)
    first._write_down_who_flies()
    first.recorder.record(ev.StepStarted(step="announce", operator="sre"))
    await first.stop("killed, as it were")
    monkeypatch.setattr("migration_cockpit.cockpit.crew.SYNC_EVERY", 0.05)
    monkeypatch.setattr("migration_cockpit.sources.all_sources", lambda *_: [])
    monkeypatch.setattr("migration_cockpit.cockpit.changeover.KubeLease", lambda *_: Memory())
    cockpit = _cockpit(tmp_path)
    with monkeypatch.context() as full:
        full.setattr("migration_cockpit.session.journal.os.write", _full)
        await cockpit.start()
        assert "No space left" in cockpit.recorder.write_error
        assert "No space left" in cockpit.runner.refusal("pause")
        assert cockpit.state.running_step is not None
        assert not cockpit.runner.busy
    await eventually(lambda: cockpit.state.step("announce").outcome == "verified")
    assert (tmp_path / "lines").read_text() == "announce\n"
    assert cockpit.state.resumption is not None
    await cockpit.stop("test over")


async def test_a_new_session_that_cannot_be_written_is_one_sentence_without_a_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cockpit = Cockpit(SETTINGS, tmp_path, operator="sre")
    monkeypatch.setattr("migration_cockpit.session.journal.os.write", _full)
    assert await fly(cockpit, pause=0.05, signals=()) == 1
    told = capsys.readouterr().out
    assert "the session cannot be started" in told
    assert "No space left" in told


class Closed(io.StringIO):
    """A terminal that is gone."""

    def write(self, _: str) -> int:
        """Nobody reads."""
        raise BrokenPipeError(32, "Broken pipe")


async def test_a_flight_whose_output_nobody_reads_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cockpit = _cockpit(tmp_path)
    cockpit.recorder.listeners.append(Printer().show)
    monkeypatch.setattr("sys.stdout", Closed())
    await cockpit.runner.start("announce", "sre")
    await eventually(lambda: not cockpit.runner.busy)
    assert cockpit.state.step("announce").outcome == "verified"
    await cockpit.stop("test over")
