"""A session that goes on tells on the screen what was left and what the world shows of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.session import events as ev
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.app.fixtures import at, opened
from tests.app.light import HeldClock, LeapingClock, light_app
from tests.app.test_app import seen, until

LEFT = at("09:52:10")


class ThreeMinutesLater(LeapingClock):
    """Wall time stands still three minutes after the other cockpit ended."""

    def now(self) -> datetime:
        return LEFT + timedelta(minutes=3)


def leave(directory: Path, *, raised: bool, closed: str = "") -> None:
    """A cockpit that ended while the flag of its first step was being raised."""
    recorder = Recorder(directory, HeldClock(LEFT), Redactor())
    recorder.record(opened(production=False))
    recorder.record(ev.DriverChanged(operator="sre-2", host="bastion", pid=9))
    recorder.record(ev.StepStarted(step="announce", operator="sre-2"))
    commands = (ev.Command(text="flagctl raise"),)
    recorder.record(ev.OperationIntended(step="announce", operation="raise", key="flag-announce", commands=commands))
    if raised:
        names: dict[str, Any] = {"step": "announce", "operation": "raise", "key": "flag-announce"}
        recorder.record(ev.OperationEnded(**names, outcome="done"))
        recorder.record(ev.StepEnded(step="announce", outcome="verified", operator="sre-2"))
    if closed:
        recorder.record(ev.SessionClosed(reason=closed))
    recorder.close()


@pytest.mark.parametrize("size", [(160, 48), (80, 24)])
async def test_what_was_in_flight_stands_on_the_screen_until_it_is_closed(
    size: tuple[int, int], tmp_path: Path
) -> None:
    leave(tmp_path, raised=False)
    app, light = light_app(tmp_path, clock=ThreeMinutesLater())
    light.small["announce"].raised = 1  # the world shows that it happened
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "was started 09:52:10" in seen(app) and "→ done" in seen(app))
        said = seen(app)
        for words in ("sre-2 on bastion ended without a word", "09:52:10 UTC", "Step announce was running"):
            assert words in said
        await until(pilot, lambda: not app.desk.deaf)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, Dialog))
    assert light.small["announce"].raised == 1
    assert light.state.step("announce").outcome == "verified"


async def test_a_session_that_was_left_in_order_opens_without_a_word_in_the_way(tmp_path: Path) -> None:
    leave(tmp_path, raised=True, closed="detached")
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.resumption is not None)
        await until(pilot, lambda: "sre-2 on bastion left it (detached)" in seen(app))
        assert not isinstance(app.screen, Dialog)
