"""Resizing loses nothing: what is open, what is typed with its cursor, what is selected, and where one reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pytest
from textual.geometry import Size
from textual.pilot import Pilot

from cockpit_widgets.spans import plain
from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.dialogs import Dialog, kinds
from migration_cockpit.app.plan import PANES
from tests.app.snapshots.scenes import SCENES
from tests.app.snapshots.stage import Stage, play, staged, terminal
from tests.pace import PATIENCE

LARGE, SMALL, WIDE = (200, 50), (80, 24), (160, 48)


def one_of_each() -> dict[str, str]:
    """A scene for each dialog and page, the one with something typed where there is one; and for each pane."""
    found: dict[str, str] = {}
    for name, scene in SCENES.items():
        opened = scene(Stage())
        place = opened.dialog.place if opened.dialog else opened.page
        if place and (place not in found or opened.typed):
            found[place] = name
    assert set(found) >= set(kinds())
    return {place: name for place, name in found.items() if place in kinds()} | {each: f"pane-{each}" for each in PANES}


def kept(app: CockpitApp) -> tuple[Any, ...]:
    """What a viewer would miss: the dialog or pane, the text with its cursor, the selection."""
    screen, desk = app.screen, app.desk
    if not isinstance(screen, Dialog):
        return (app.board.looking,)
    field = screen._field
    typed = (field.value, field.cursor_position, screen.focused is field) if field is not None else ()
    looking = getattr(desk.dialog, "looking", None)
    chosen = [getattr(desk.dialog, name, None) for name in ("plan", "choice", "chosen", "key")]
    return screen.about, app.page, desk.dialog, desk.typed, typed, looking and (looking.key, looking.words), chosen


def top(app: CockpitApp) -> str:
    """The line at which one reads."""
    panel = cast("Any", app.board.scrolled if app.screen is app.board else cast("Dialog", app.screen).scrolled)
    return plain(panel.view.lines[panel._top]) if panel.view.lines else ""


async def resize(pilot: Pilot[None], size: tuple[int, int]) -> None:
    """Resize the terminal, and wait until what is seen is laid out for it."""
    app = cast("CockpitApp", pilot.app)
    await pilot.resize_terminal(*size)
    before: object = None
    async with asyncio.timeout(PATIENCE):
        while app.screen.size != size or (now := [app.screen.size, top(app), *_sizes(app)]) != before:
            before = now if app.screen.size == size else None
            await pilot.pause()


def _sizes(app: CockpitApp) -> list[Size]:
    return [each.size for each in app.screen.query("*")]


async def kept_by(places: Iterable[str]) -> None:
    """Each of these through all sizes."""
    scenes = one_of_each()
    with terminal("dark"):
        app, stage = staged()
    async with app.run_test(size=LARGE) as pilot:
        for place in places:
            await play(pilot, stage, SCENES[scenes[place]])
            field = app.screen._field if isinstance(app.screen, Dialog) else None
            if field is not None and field.value:
                field.cursor_position = 3
            before = kept(app)
            await resize(pilot, SMALL)
            app.viewing.scroll_by(3)
            read = top(app)
            await resize(pilot, WIDE)
            assert kept(app) == before, place
            await resize(pilot, SMALL)
            assert (kept(app), top(app)) == (before, read), place
            await resize(pilot, LARGE)


USUAL = ("note", "sheet", "rollback", "rollback-phrase", "rows", "rows-filter", "row", "help", "database", "log")
"""One of each shape: with a field, with a long text, with a selection, a pane that scrolls and one that follows."""


async def test_what_is_typed_chosen_and_read_is_kept() -> None:
    await kept_by(USUAL)


@pytest.mark.matrix
async def test_it_is_kept_in_every_page_dialog_and_pane() -> None:
    await kept_by(one_of_each())
