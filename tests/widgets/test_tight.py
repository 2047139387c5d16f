"""What is written to the terminal shows there what Textual's own, longer writing would show."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from cockpit_widgets.tight import TightChops, TightLayout

Cell = tuple[str, str]
CODES = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|([^\x1b])")


class Screen:
    """A terminal that knows cursor moves and SGR: enough to compare two ways of writing the same."""

    def __init__(self, width: int, height: int) -> None:
        self.cells: list[list[Cell]] = [[(".", "")] * width for _ in range(height)]

    def feed(self, text: str) -> None:
        """Take what a program writes."""
        x = y = 0
        look: dict[str, str] = {}
        for match in CODES.finditer(text):
            numbers, letter, character = match.groups()
            if letter == "H":
                y, x = (int(number) - 1 for number in numbers.split(";"))
            elif letter == "m":
                self._turn(look, (numbers or "0").split(";"))
            elif character == "\n":
                y += 1
            elif character:
                self.cells[y][x] = (character, repr(sorted(look.items())))
                x += 1

    def _turn(self, look: dict[str, str], numbers: list[str]) -> None:
        left = iter(numbers)
        for number in left:
            if number == "0":
                look.clear()
            elif number in {"38", "48"}:
                kind = next(left)
                values = [next(left) for _ in range(1 if kind == "5" else 3)]
                look["fore" if number == "38" else "back"] = ";".join([kind, *values])
            elif number in {"39", "49"}:
                look.pop("fore" if number == "39" else "back", None)
            elif 30 <= int(number) <= 37 or 90 <= int(number) <= 97:
                look["fore"] = number
            elif 40 <= int(number) <= 47 or 100 <= int(number) <= 107:
                look["back"] = number
            else:
                look[number] = "on"


def strip(chance: random.Random, cells: int) -> Strip:
    """A strip of random pieces in random styles."""
    colours = [None, "#56b4e9", "#ff7043", "red", "color(75)"]
    segments, left = [], cells
    while left:
        size = min(left, chance.randint(1, 7))
        style = Style(
            color=chance.choice(colours),
            bgcolor=chance.choice([None, "#0d1117", "#161b22"]),
            bold=chance.choice([None, True]),
            reverse=chance.choice([None, None, True]),
            underline=chance.choice([None, None, True]),
        )
        segments.append(Segment("".join(chance.choice("abc █▁") for _ in range(size)), style))
        left -= size
    return Strip(segments, cells)


def consoles() -> list[Console]:
    """One console for each of the colour systems."""
    systems = ("standard", "256", "truecolor")
    return [Console(color_system=system, force_terminal=True, width=80) for system in systems]  # type: ignore[arg-type]


def test_changed_spans_look_the_same_and_cost_less() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret, a repeatable test
    for console in consoles():
        for _ in range(60):
            ends = [[30, 60, 80] for _ in range(5)]
            chops = [{0: strip(chance, 30), 30: strip(chance, 30), 60: strip(chance, 20)} for _ in range(5)]
            spans = [(y, x, min(80, x + chance.randint(1, 40))) for y in range(5) for x in [chance.randint(0, 79)]]
            theirs, ours = Screen(80, 5), Screen(80, 5)
            long = ChopsUpdate(chops, spans, ends).render_segments(console)
            short = TightChops(chops, spans, ends).render_segments(console)
            theirs.feed(long)
            ours.feed(short)
            for y, x1, x2 in spans:
                assert ours.cells[y][x1:x2] == theirs.cells[y][x1:x2]
                assert [cell for cell, _ in ours.cells[y][:x1]] == ["."] * x1, "nothing before the change is written"
            assert len(short) < len(long)


def test_a_whole_screen_looks_the_same_and_costs_less() -> None:
    chance = random.Random(11)  # noqa: S311 - no secret, a repeatable test
    for console in consoles():
        rows: list[Iterable[Strip]] = [[strip(chance, 50), strip(chance, 30)] for _ in range(24)]
        theirs, ours = Screen(80, 24), Screen(80, 24)
        long = LayoutUpdate(rows, Region(0, 0, 80, 24)).render_segments(console)
        short = TightLayout(rows, Region(0, 0, 80, 24)).render_segments(console)
        theirs.feed(long)
        ours.feed(short)
        assert ours.cells == theirs.cells
        assert len(short) < len(long)


def test_without_colours_only_text_is_written() -> None:
    console = Console(color_system=None, force_terminal=True, width=80)
    rows: list[Iterable[Strip]] = [[Strip([Segment("plain", Style(color="red", bold=True))])]]
    assert TightLayout(rows, Region(0, 0, 5, 1)).render_segments(console) == "\x1b[1;1Hplain"
