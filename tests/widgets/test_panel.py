"""The panel repaints what changed and nothing else, scrolls, and follows without moving each line each time."""

from __future__ import annotations

from itertools import pairwise

from rich.style import Style
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from cockpit_widgets.panel import Panel, View, changes
from cockpit_widgets.spans import Line, line
from cockpit_widgets.tiles import Rect, TiledScreen

PALETTE = {"base": Style(color="white", bgcolor="black"), "bold": Style(bold=True)}


class Watched(Panel):
    """A panel that notes what it asks to be repainted."""

    def __init__(self, view: list[View], *, framed: bool = True) -> None:
        super().__init__(lambda _w, _h: view[0], PALETTE, framed=framed, id="panel")
        self.asked: list[tuple[Region, ...]] = []

    def refresh(self, *regions: Region, **options: bool) -> Watched:
        self.asked.append(regions)
        super().refresh(*regions, **options)
        return self


class Alone(TiledScreen):
    """One panel on a screen."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.panel = panel

    def compose(self) -> ComposeResult:
        yield self.panel

    def tiles(self, width: int, height: int) -> dict[str, Rect]:
        return {"panel": (0, 0, width, height)}


class One(App[None]):
    """An app with one panel."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.panel = panel

    def get_default_screen(self) -> Alone:
        return Alone(self.panel)


def lines(*texts: str) -> tuple[Line, ...]:
    """Plain lines."""
    return tuple(line(text) for text in texts)


def test_changes_are_the_cells_that_differ() -> None:
    assert changes(line("same"), line("same")) == []
    assert changes(line("a 1 b"), line("a 2 b")) == [(2, 3)]
    assert changes(line("1" + " " * 20 + "2"), line("3" + " " * 20 + "4")) == [(0, 1), (21, 22)]
    assert changes(line("abc"), line(("abc", "bold"))) == [(0, 3)]
    assert changes(line("日本 1"), line("日本 2")) == [(5, 6)]
    assert changes(line("日本 ", ("1", "bold")), line("日本 ", ("2", "bold"))) == [(5, 6)]
    assert changes(line("a", ("b", "bold")), line("a")) == [(1, 2)]


async def test_the_first_paint_has_what_there_is_to_show_and_is_not_followed_by_another() -> None:
    painted: list[str] = []

    class Noting(Watched):
        def render_line(self, y: int) -> Strip:
            strip = super().render_line(y)
            painted.append(strip.text)
            return strip

    panel = Noting([View(lines("one"))])
    async with One(panel).run_test(size=(30, 4)) as pilot:
        await pilot.pause(0.1)
    assert len(painted) == 4
    assert painted[1].startswith("│ one")


async def test_equal_values_repaint_nothing_and_one_cell_repaints_one_cell() -> None:
    shown = [View(lines("one", "two 1", "three"))]
    panel = Watched(shown)
    async with One(panel).run_test(size=(30, 8)) as pilot:
        await pilot.pause()
        panel.asked.clear()
        shown[0] = View(lines("one", "two 1", "three"))
        panel.redraw()
        assert panel.asked == []
        shown[0] = View(lines("one", "two 2", "three"))
        panel.redraw()
        assert panel.asked == [(Region(6, 2, 1, 1),)]


async def test_a_panel_scrolls_to_its_end_and_not_beyond() -> None:
    shown = [View(lines(*(f"line {n} {'x' * 40}" for n in range(20))))]
    panel = Watched(shown)
    async with One(panel).run_test(size=(30, 8)) as pilot:
        await pilot.pause()
        assert panel.place == "1-6 of 20"
        assert "1-6 of 20" in panel.rows[-1]
        assert panel.scroll(down=100)
        assert panel.place == "15-20 of 20"
        assert not panel.scroll(down=1)
        assert panel.scroll(right=100)
        assert panel.rows[1].count("x") == 26
        panel.to_end(False)
        assert panel.rows[1].startswith("│ line 0")


async def test_following_moves_by_half_a_panel_and_lines_stand_still_in_between() -> None:
    shown = [View(lines(*(f"{n}" for n in range(6))), follow=True)]
    panel = Watched(shown)
    async with One(panel).run_test(size=(30, 8)) as pilot:
        await pilot.pause()
        tops = []
        for end in range(6, 60):
            shown[0] = View(lines(*(f"{n}" for n in range(max(0, end - 40), end))), follow=True)
            panel.redraw()
            body = [row.strip("│ ") for row in panel.rows[1:-1]]
            assert f"{end - 1}" in body, "the newest line is always seen"
            tops.append(body[0])
        moved = sum(one != other for one, other in pairwise(tops))
        assert moved <= len(tops) / 3 + 1


async def test_a_panel_too_small_for_anything_does_not_fail() -> None:
    for size in ((1, 1), (4, 2), (5, 3)):
        panel = Watched([View(lines("long text", "more"), line("title"), line("foot"))])
        async with One(panel).run_test(size=size) as pilot:
            await pilot.pause()
            assert len(panel.rows) == size[1]
