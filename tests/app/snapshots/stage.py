"""What the scenes are played on: one app for each kind of terminal, over a State and a clock that a scene sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
from textual.pilot import Pilot

from cockpit_widgets.panel import View
from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.dialogs import Dialog, dialog_for
from migration_cockpit.app.plan import Looking
from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.dialogs import OpenDialog
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.config import Settings
from migration_cockpit.session.state import State
from tests.app.fixtures import DAY
from tests.app.light import HeldClock, Still, settings

if TYPE_CHECKING:
    from migration_cockpit.cockpit.cockpit import Cockpit
    from migration_cockpit.cockpit.shown import Shown

SIZES = ((80, 24), (120, 40), (160, 48))
LARGE = (200, 50)
"""The boards have a column more there; dialogs are as at 160x48."""
TERMINALS: Mapping[str, Mapping[str, str]] = {
    "dark": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "sixteen": {"TERM": "xterm"},
    "no colour": {"TERM": "xterm-256color", "NO_COLOR": "1"},
}
"""Which environment makes which look: nothing else is set, so that what is chosen by itself is seen too."""


class StandingClock(HeldClock):
    """No time passes: ages, countdowns and notices are what the scene sets."""

    def monotonic(self) -> float:
        """Seconds."""
        return 1000.0


class Stage(Still):
    """A cockpit whose State, moment and settings a scene sets."""

    def __init__(self) -> None:
        super().__init__(State(), DAY)
        self.recorder.record = lambda _event: None
        self.clear()

    def clear(self) -> None:
        """As it is before any scene."""
        self.settings: Settings = settings()
        self.not_driving = ""
        self.recorder.write_error = ""
        self.driving: object = None
        self.runner: object = None
        self.shows: Any = None
        """A recording in the place of the flight."""

    def stand(self, state: State, now: datetime) -> Stage:
        """Show this."""
        self.state = state
        self.clock = StandingClock(now)
        return self

    def set_rollback(self, **values: Any) -> None:
        """Settings of the way back."""
        rollback = msgspec.structs.replace(self.settings.rollback, **values)
        self.settings = msgspec.structs.replace(self.settings, rollback=rollback)


@dataclass(frozen=True)
class Opened:
    """What a scene wants to be seen."""

    dialog: OpenDialog | None = None
    page: str = ""
    looking: Looking = field(default_factory=Looking)
    controls: tuple[Control, ...] = CONTROLS
    typed: str = ""
    """What is typed into the dialog's field."""
    notice: str = ""


Scene = Callable[[Stage], Opened]


@contextmanager
def terminal(name: str) -> Iterator[None]:
    """The environment of a kind of terminal."""
    wanted = {"TERM": "", "COLORTERM": "", "NO_COLOR": ""} | dict(TERMINALS[name])
    before = {key: os.environ.get(key) for key in wanted}
    try:
        for key, value in wanted.items():
            _set(key, value or None)
        yield
    finally:
        for key, kept in before.items():
            _set(key, kept)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def staged(**options: Any) -> tuple[CockpitApp, Stage]:
    """An app on a stage."""
    stage = Stage()
    cockpit = cast("Cockpit", stage)
    return CockpitApp(cockpit, Desk(cockpit), **options), stage


async def play(pilot: Pilot[None], stage: Stage, scene: Scene) -> None:
    """Bring a scene onto the screen."""
    app = cast("CockpitApp", pilot.app)
    stage.clear()
    opened = scene(stage)
    if isinstance(app.screen, Dialog):
        await app.pop_screen()
    app.shown = app.desk.shown = cast("Shown", stage.shows or stage)
    app._rules = None
    app.desk.notice, app.desk.controls = "", opened.controls
    app.desk.pane = opened.looking.pane
    app._noticed = (app.shown.clock.monotonic(), opened.notice)
    app.desk.dialog, app.page = opened.dialog, opened.page
    wanted = app._wanted()
    if wanted:
        await app.push_screen(dialog_for(wanted, app))
        if opened.typed:
            await app.write(opened.typed)
            while app.desk.typed != opened.typed:
                await pilot.pause()
            app.draw()
    else:
        for panel in app.board._panels.values():  # where a log stands tells what was seen before it
            panel._view, panel._following = View(), True
        app.board.look(opened.looking)
        app.board.scrolled.to_end(False)
        app.draw()
    await pilot.pause()
