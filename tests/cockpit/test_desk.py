"""The desk: a key does what the table says, a fresh dialog is deaf, and every refusal says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from migration_cockpit.cockpit.autopilot import next_key
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.cockpit.dialogs import SheetDialog
from migration_cockpit.cockpit.opening import opening
from migration_cockpit.cockpit.outcome import exit_code, session_outcome
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from tests.steps import file_steps

SETTINGS = load(Path(__file__).parents[2] / "config.example.toml")


class HeldClock(SystemClock):
    """Monotonic time stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


class Seat:
    """A desk over small real steps; no source runs."""

    def __init__(self, directory: Path) -> None:
        self.clock = HeldClock()
        self.steps = file_steps(directory / "lines")
        self.cockpit = Cockpit(SETTINGS, directory, operator="sre", clock=self.clock, steps=self.steps)
        self.cockpit.recorder.record(opening(SETTINGS, "s"))
        self.desk = Desk(self.cockpit)

    async def press(self, key: str, *, after: float = DEAF) -> None:
        self.clock.seconds += after
        await self.desk.press(key)

    async def settled(self) -> None:
        task = self.cockpit.runner._task
        assert task is not None
        await asyncio.wait_for(task, 5)

    def outcome(self, step: str) -> str:
        return self.cockpit.state.step(step).outcome


@pytest.fixture
async def seat(tmp_path: Path) -> AsyncIterator[Seat]:
    seat = Seat(tmp_path)
    yield seat
    await seat.cockpit.stop("test over")


async def test_a_step_needs_two_keys_and_the_second_not_too_soon(seat: Seat) -> None:
    await seat.press("1")
    assert seat.desk.where == "sheet"
    await seat.press("enter", after=0.0)
    await seat.press("enter", after=DEAF * 0.9)
    assert seat.desk.where == "sheet", "keys in the first half second are dropped"
    await seat.press("enter", after=DEAF)
    await seat.settled()
    assert seat.outcome("announce") == "verified"
    assert seat.desk.where == "screen"


async def test_a_key_that_is_pressed_while_another_is_prepared_is_dropped_and_that_is_said(seat: Seat) -> None:
    ready, told, done = asyncio.Event(), [], []

    async def slow(desk: Desk) -> None:
        await ready.wait()

    async def other(desk: Desk) -> None:
        done.append(desk)

    seat.desk = Desk(
        seat.cockpit,
        (
            Control("slow", ("enter",), "next step", "", "screen", slow),
            Control("other", ("m",), "message", "", "screen", other),
        ),
    )
    seat.desk.listeners.append(lambda: told.append(seat.desk.notice))
    first = asyncio.create_task(seat.press("enter"))
    await asyncio.sleep(0)
    await seat.press("m")
    dropped = "message was dropped: next step is still under way; press it again after"
    assert told == [dropped]
    ready.set()
    await first
    assert not done, "it does not act late, on what was not looked at"
    assert seat.desk.notice == dropped, "it still stands when one can press again"
    await seat.press("m")
    assert done
    assert seat.desk.notice == ""


async def test_a_key_that_comes_too_soon_after_a_dialog_is_dropped_and_that_is_said(seat: Seat) -> None:
    await seat.press("1")
    await seat.press("r", after=0.1)
    assert seat.desk.notice == "look again was dropped: this had only just opened; press it again"


async def test_escape_closes_the_sheet_and_nothing_is_done(seat: Seat) -> None:
    await seat.press("1")
    await seat.press("escape")
    assert seat.desk.where == "screen"
    assert seat.outcome("announce") == ""


async def test_enter_opens_what_is_due(seat: Seat) -> None:
    await seat.press("enter")
    assert isinstance(seat.desk.dialog, SheetDialog)
    assert seat.desk.dialog.sheet.step == "announce"


async def test_an_override_without_a_reason_is_refused_and_says_so(seat: Seat) -> None:
    await seat.press("3")
    await seat.press("enter")
    assert "type a reason" in seat.desk.notice
    assert seat.desk.where == "sheet"
    seat.desk.type("the first two were done by hand")
    await seat.press("enter")
    await seat.settled()
    assert seat.outcome("drain") == "verified"
    assert seat.outcome("announce") == "skipped"


async def test_a_reason_typed_into_a_fresh_dialog_is_dropped(seat: Seat) -> None:
    await seat.press("3")
    seat.desk.type("pasted too early")
    assert seat.desk.typed == ""


async def test_a_step_that_is_done_says_why_its_key_does_nothing(seat: Seat) -> None:
    await seat.press("1")
    await seat.press("enter")
    await seat.settled()
    await seat.press("1")
    assert "does not run twice" in seat.desk.notice
    assert seat.desk.where == "screen"


async def test_a_decision_is_answered_by_number_and_a_careful_one_needs_a_reason(seat: Seat) -> None:
    seat.cockpit.recorder.record(ev.StepStarted(step="drain", operator="sre"))
    choices = {"wait": "wait on", "proceed": "kill them"}
    question = ev.DecisionAsked(step="drain", decision="drain", question="?", choices=choices, reasoned=("proceed",))
    seat.cockpit.recorder.record(question)
    await seat.press("enter")
    assert seat.desk.where == "decision"
    await seat.press("2")
    await seat.press("enter")
    assert "needs a reason" in seat.desk.notice
    seat.desk.type("they are idempotent")
    await seat.press("enter")
    made = next(iter(seat.cockpit.state.decisions.values()))
    assert (made.answer, made.reason, made.operator) == ("proceed", "they are idempotent", "sre")


async def test_the_autopilot_flies_all_steps_through_the_same_table(seat: Seat) -> None:
    pressed = []
    while (key := next_key(seat.desk)) is not None:
        pressed.append(key)
        await seat.press(key or "x")
        if seat.cockpit.runner.busy:
            await seat.settled()
    assert [seat.outcome(step) for step in STEP_IDS] == ["verified"] * 11
    assert {key for key in pressed if key} <= {key for control in CONTROLS for key in control.keys}
    assert session_outcome(seat.cockpit.state) == "verified"
    assert exit_code(seat.cockpit.state) == 0


async def test_exit_codes_tell_failed_from_overridden(seat: Seat) -> None:
    assert exit_code(seat.cockpit.state) == 1, "not finished"
    await seat.press("minus")
    seat.clock.seconds += DEAF
    seat.desk.type("all done elsewhere")
    await seat.press("enter")
    await seat.settled()
    assert session_outcome(seat.cockpit.state) == "overridden"
    assert exit_code(seat.cockpit.state) == 3


def test_no_key_stands_twice_in_one_place() -> None:
    places = [(control.where, key) for control in CONTROLS for key in control.keys]
    assert len(places) == len(set(places))


async def test_the_window_moves_with_a_reason_and_the_message_is_drafted(seat: Seat) -> None:
    before = seat.cockpit.state.window_end
    assert before is not None
    await seat.press("w")
    assert seat.desk.where == "window"
    await seat.press("enter")
    assert "type the new end, then why" in seat.desk.notice
    seat.clock.seconds += DEAF
    seat.desk.type("+90m")
    await seat.press("enter")
    assert "why? Type the reason" in seat.desk.notice
    assert seat.cockpit.state.window_end == before
    seat.desk.type("+90m the block cost us half an hour")
    await seat.press("enter")
    after = seat.cockpit.state.window_end
    assert after is not None
    assert after - seat.cockpit.clock.now() > timedelta(minutes=89), "it had closed: the 90 minutes count from now"
    assert seat.desk.where == "message"
    assert "because the block cost us half an hour" in seat.desk.typed
    assert seat.cockpit.state.messages == {}, "drafted, not sent"
    await seat.press("enter")
    assert [each.text for each in seat.cockpit.state.messages.values()] == [
        seat.cockpit.state.messages["message-1"].text
    ]
    moved = [entry.event for entry in journal.read(seat.cockpit.recorder.directory / journal.FILE)]
    told = next(event for event in moved if isinstance(event, ev.WindowMoved))
    assert (told.operator, told.reason, told.before) == ("sre", "the block cost us half an hour", before)


async def test_a_note_can_be_of_the_past_and_refuses_what_is_to_come(seat: Seat) -> None:
    opened = seat.cockpit.state.opened
    assert opened is not None
    await seat.press("n")
    seat.clock.seconds += DEAF
    seat.desk.type("-5m far too early")
    await seat.press("enter")
    assert "before the session was opened" in seat.desk.notice
    assert seat.desk.typed == "-5m far too early", "what was typed is kept"
    seat.desk.type("-0s the DBA ended it")
    await seat.press("enter")
    ((about, note),) = seat.cockpit.state.notes
    assert (note.text, note.about) == ("the DBA ended it", about)
    assert "sre of " in seat.cockpit.state.log[-1].text
