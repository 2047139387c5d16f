"""A key that does nothing says why: every action of both tables, and keys that are none, in every mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.controls import VIEW_CONTROLS
from migration_cockpit.app.plan import Looking
from migration_cockpit.cockpit.replay.controls import ReplayDesk, WatchDesk
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.cockpit.replay.watcher import Watcher
from migration_cockpit.cockpit.shown import Shown
from migration_cockpit.session.recording import Recording
from tests.app.light import light_app
from tests.app.test_app import until
from tests.report.sample import write_day

LEAVING = frozenset({"q", "ctrl+c", "ctrl+q"})
NO_KEYS = ("g", "Z", "f5", "ctrl+l", "equals_sign", "backspace", "delete")
WIDE, SMALL = (160, 48), (80, 24)
MODES = {"flight": WIDE, "observer": SMALL, "replay at its end": WIDE, "watch": SMALL}
"""Each mode with the size of the terminal in which it is tried."""


def made(mode: str, directory: Path) -> CockpitApp:
    """An app in a mode."""
    if mode in {"flight", "observer"}:
        app, light = light_app(directory)
        light.not_driving = "sre-2 drives: t takes the helm" if mode == "observer" else ""
        return app
    recording = Recording(write_day(directory))
    if mode == "watch":
        watcher = Watcher(recording)
        return CockpitApp(cast("Shown", watcher), WatchDesk(cast("Shown", watcher)))
    player = Player(recording)
    return CockpitApp(cast("Shown", player), ReplayDesk(player))


def shown(app: CockpitApp) -> tuple[Any, ...]:
    """What a key may have changed."""
    player = getattr(app.desk, "player", None)
    moved = (player.state.seq, player.playing, player.speed, player.skip_idle, player.clock.moment) if player else ()
    panel = app.board.scrolled
    return app.desk.where, app.page, app.board.looking, panel.place, panel._left, moved


async def pressed(app: CockpitApp, pilot: Pilot[None], key: str) -> None:
    """Press a key and wait until it has changed something, or said why not."""
    app._noticed = (app.shown.clock.monotonic(), "")
    before = shown(app)
    await app.press(key)
    try:
        await until(pilot, lambda: bool(app.notice) or shown(app) != before)
    except TimeoutError:
        pytest.fail(f"{key} does nothing and says nothing")
    app.page = ""
    app.desk.close_dialog()
    app.board.look(Looking("timeline"))
    app.desk.pane = "timeline"
    await until(pilot, lambda: app.screen is app.board)


@pytest.mark.parametrize("mode", MODES)
async def test_every_key_does_something_or_says_why_not(mode: str, tmp_path: Path) -> None:
    app = made(mode, tmp_path)
    keys = {key for each in app.desk.controls if each.where == "screen" for key in each.keys}
    keys |= {key for view in VIEW_CONTROLS for key in view.keys} | set(NO_KEYS)
    async with app.run_test(size=MODES[mode]) as pilot:
        await until(pilot, lambda: app.state.session is not None)
        player = getattr(app.desk, "player", None)
        if player is not None:
            await until(pilot, lambda: player.playing)
            player.playing = False
            player.to_offset(player.recording.end if "end" in mode else player.recording.first.end)
        for key in sorted(keys - LEAVING):
            if player is not None:
                player.playing = False
                player.to_offset(player.recording.end if "end" in mode else player.recording.first.end)
            await pressed(app, pilot, key)


@pytest.mark.parametrize("mode", ["observer"])
async def test_every_key_of_a_panes_rows_does_something_or_says_why_not(mode: str, tmp_path: Path) -> None:
    app = made(mode, tmp_path)
    controls = [each for each in app.desk.controls if each.where == "rows"]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.state.session is not None)
        player = getattr(app.desk, "player", None)
        if player is not None:
            await until(pilot, lambda: player.playing)
            player.playing = False
        for key in [key for each in controls for key in each.keys] + ["x", "left", "f"]:
            await app.press("d")
            await until(pilot, lambda: app.desk.where == "rows")
            looking = cast("Any", app.desk.dialog).looking
            before = (app.desk.where, looking.pane, looking.key, looking.column)
            app._noticed = (app.shown.clock.monotonic(), "")
            await app.press(key)
            dialog = cast("Any", app.desk.dialog)
            after = None if dialog is None else (app.desk.where, dialog.looking.pane, looking.key, looking.column)
            assert app.notice or after != before, f"{key} does nothing and says nothing"
            app.desk.close_dialog()
            app.desk.pane = "timeline"
            await until(pilot, lambda: app.screen is app.board)
