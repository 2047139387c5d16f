"""The same flight by the screen: keys pressed into the real app give the same step events as the headless flight."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.cockpit.dialogs import DecisionDialog
from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal

VERIFIED = [(step, what) for step in STEP_IDS for what in ("started", "verified")]


async def test_eleven_steps_by_keys_into_the_real_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world") as world:
        for name, value in rehearsal.environment(world).items():
            monkeypatch.setenv(name, value)
        cockpit = Cockpit(load(world / "config.toml"), session, operator="pilot")
        app = CockpitApp(cockpit, Desk(cockpit))
        async with app.run_test(size=(160, 48)) as pilot:
            async with asyncio.timeout(800):
                while not cockpit.state.steps or cockpit.state.next_step is not None:
                    await asyncio.sleep(0.1)
                    if not cockpit.state.steps:
                        continue
                    if isinstance(app.desk.dialog, DecisionDialog) and not app.desk.dialog.choice:
                        await pilot.press("1")
                    elif app.desk.where != "screen" or cockpit.state.decision or not cockpit.state.running_step:
                        await asyncio.sleep(DEAF * 1.1)
                        await pilot.press("enter")
                    failed = [step for step in cockpit.state.steps.values() if step.outcome in {"failed", "aborted"}]
                    assert not failed
            await pilot.press("q")
    assert rehearsal.steps_of(session) == VERIFIED
    assert rehearsal.chain_is_whole(session)
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    assert isinstance(events[-1], ev.SessionClosed)
    assert {event.operator for event in events if isinstance(event, ev.StepStarted)} == {"pilot"}
