"""Watching: the same screen as the flight's, within a second, and no way to act."""

from __future__ import annotations

import time
from pathlib import Path

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.cockpit.replay.controls import WATCH_CONTROLS, WatchDesk
from migration_cockpit.cockpit.replay.watcher import Watcher
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.recording import Recording
from tests.app.light import light_app
from tests.app.test_app import seen, until
from tests.pace import one_within


async def test_what_happens_in_the_flight_is_seen_by_the_watcher_within_a_second(tmp_path: Path) -> None:
    flight, light = light_app(tmp_path)
    async with flight.run_test(size=(160, 48)) as flown:
        await until(flown, lambda: light.state.driver is not None)
        watcher = Watcher(Recording(tmp_path / journal.FILE))
        app = CockpitApp(watcher, WatchDesk(watcher))
        async with app.run_test(size=(160, 48)) as pilot:
            await until(pilot, lambda: "● live" in seen(app))

            async def until_seen() -> float:
                light.note("the office burns")
                begun = time.monotonic()
                await until(pilot, lambda: watcher.state == light.state)
                return time.monotonic() - begun

            assert await one_within(1.0, until_seen)
            await until(pilot, lambda: "the office burns" in seen(app))
            before = (tmp_path / journal.FILE).read_bytes()
            for key in ("1", "enter", "n", "m", "w", "P", "R"):
                await pilot.press(key)
                await until(pilot, lambda: "this is a watch" in app.notice)
            assert (tmp_path / journal.FILE).read_bytes() == before
            light.recorder.record(ev.SessionClosed(reason="detached"))
            await until(pilot, lambda: "the cockpit has left" in seen(app))


def test_every_key_of_a_flight_is_off() -> None:
    watched = {key for control in WATCH_CONTROLS for key in control.keys}
    assert {key for control in CONTROLS if control.where == "screen" for key in control.keys} <= watched
