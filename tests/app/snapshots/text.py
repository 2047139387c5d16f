"""A screen as text: its rows, then how each cell looks, by letters that a legend explains for each kind of terminal.

One letter stands for what a cell looks like in all terminals together, so that the runs are written once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from cockpit_widgets.panel import Palette, Panel, _segments
from cockpit_widgets.typein import TypeIn
from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.theme import SIXTEEN, palette, plain_palette
from tests.app.snapshots.scenes import SCENES
from tests.app.snapshots.stage import LARGE, SIZES, play, staged, terminal

FOLDER = Path(__file__).with_name("screens")
OTHERS = {"sixteen": palette(SIXTEEN), "no colour": plain_palette()}
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SETTLES = 60.0
"""Seconds within which a screen must stand still: a busy machine draws late."""
Cell = tuple[str, str]
"""A character and its style; a wide character's second cell is empty."""
Screen = list[list[Cell]]
Size = tuple[int, int]


def cells(app: CockpitApp) -> Screen:
    """What is on the screen, as it goes to the terminal."""
    found: Screen = []
    for strip in app.screen._compositor.render_strips():
        row: list[Cell] = []
        for text, style, _ in strip:
            row += [(character, str(style) if style else "none") for character in text]
        found.append(row)
    return found


def in_colours(app: CockpitApp, screen: Screen, palette: Palette) -> Screen:
    """The same screen in another palette: every panel's rows, as the panel itself would draw them."""
    found = [[(character, "ground") for character, _ in row] for row in screen]
    for panel in app.screen.query(Panel):
        if panel in app.screen._compositor.visible_widgets:
            x, y, _, _ = panel.region
            for at, row in enumerate(panel._rows, start=y):
                drawn = [(one, str(style)) for text, style, _ in _segments(row, palette) for one in text]
                found[at][x : x + len(drawn)] = drawn
    for field in app.screen.query(TypeIn):
        x, y, width, _ = field.region
        found[y][x : x + width] = [(character, "field") for character, _ in screen[y][x : x + width]]
    return found


async def settled(pilot: Pilot[None], app: CockpitApp) -> Screen:
    """The screen once it stands: as the panels have it, and the same as a moment before."""
    before: Screen = []
    async with asyncio.timeout(SETTLES):
        while True:
            screen = cells(app)
            if screen == before and rows(in_colours(app, screen, OTHERS["no colour"])) == rows(screen):
                return screen
            before = screen
            await pilot.pause()


async def taken(names: Sequence[str], sizes: Sequence[Size] = SIZES) -> dict[str, dict[Size, dict[str, Screen]]]:
    """Scene -> size -> terminal -> screen. One app, resized and played through, for what costs time is its layout; that
    each kind of terminal does get its palette, `real` holds."""
    found: dict[str, dict[Size, dict[str, Screen]]] = {name: {} for name in names}
    with terminal("dark"):
        app, stage = staged()
    async with app.run_test(size=sizes[0]) as pilot:
        for size in (*sizes, LARGE):
            await pilot.resize_terminal(*size)
            for name in names if size != LARGE else [each for each in names if each.startswith("board-")]:
                await play(pilot, stage, SCENES[name])
                screen = await settled(pilot, app)
                found[name][size] = {"dark": screen} | {
                    kind: in_colours(app, screen, palette) for kind, palette in OTHERS.items()
                }
    return found


async def real(kind: str, name: str, size: Size) -> tuple[Screen, Screen]:
    """A scene in an app that finds itself in this kind of terminal; and as the snapshots have it."""
    with terminal(kind):
        app, stage = staged()
    async with app.run_test(size=size) as pilot:
        await play(pilot, stage, SCENES[name])
        screen = await settled(pilot, app)
        return screen, in_colours(app, screen, OTHERS[kind])


def written(screens: Mapping[Size, Mapping[str, Screen]]) -> str:
    """The snapshot of a scene at all sizes."""
    return "\n".join(part for size, kinds in screens.items() for part in _of_size(size, kinds)) + "\n"


def _of_size(size: Size, kinds: Mapping[str, Screen]) -> list[str]:
    text = rows(kinds["dark"])
    for kind, screen in kinds.items():
        assert rows(screen) == text, f"{size[0]}x{size[1]} says something else in {kind}"
    looks: dict[tuple[str, ...], str] = {}
    runs = []
    for row in zip(*kinds.values(), strict=True):
        told: list[list[Any]] = []
        for cell in zip(*row, strict=True):
            letter = looks.setdefault(tuple(style for _, style in cell), LETTERS[len(looks)])
            if told and told[-1][1] == letter:
                told[-1][0] += 1
            else:
                told.append([1, letter])
        runs.append("".join(f"{count}{letter}" for count, letter in told))
    legend = [f"{letter}  {' | '.join(look)}" for look, letter in looks.items()]
    head = f"=== {size[0]}x{size[1]} "
    return [head.ljust(80, "="), *text, f"--- looks: {' | '.join(kinds)}", *_shared(runs), *legend]


def _shared(runs: Sequence[str]) -> list[str]:
    """Rows that look alike are written once, with their numbers."""
    found: dict[str, list[int]] = {}
    for number, run in enumerate(runs, start=1):
        found.setdefault(run, []).append(number)
    return [f"{','.join(map(str, numbers))}: {run}" for run, numbers in found.items()]


def rows(screen: Screen) -> list[str]:
    """Its text; spaces at the end of a row say nothing."""
    return ["".join(character for character, _ in row).rstrip() for row in screen]


def path(name: str) -> Path:
    """Where the snapshot of a scene is."""
    return FOLDER / f"{name}.txt"
