"""A framed list of lines that repaints only the cells that changed.

Over SSH every byte counts: Textual's own borders and tables repaint whole regions when one cell changes, so the panel
draws its frame itself and tells the compositor cell by cell what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from cockpit_widgets.glyphs import Spelling, as_it_is
from cockpit_widgets.spans import Line, Span, clip, drop, fit, line, plain, width

Palette = Mapping[str, Style]
"""Style by tone; `base` is the ground on which everything stands."""


@dataclass(frozen=True)
class View:
    """What a panel shows: lines of any number, what stands in its frame, and the frame's tone."""

    lines: tuple[Line, ...] = ()
    title: Line = ()
    foot: Line = ()
    tone: str = "border"
    follow: bool = False
    """Whether the newest lines, at the end, are the ones to be seen."""


GAP = 8
"""Cells that stayed as they were and are written all the same: moving over them costs as many bytes."""

STRIPS = 200
"""Rows of which it is remembered how they are drawn."""

WHEEL = 3
"""Lines for one notch of the wheel."""

Source = Callable[[int, int], View]
"""What a panel asks for its view: (width, height) of its inside, in cells."""


class Panel(Widget):
    """Draws a View; scrolls it; repaints what changed and nothing else."""

    def __init__(
        self,
        source: Source,
        palette: Palette,
        *,
        framed: bool = True,
        spelling: Spelling = as_it_is,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        """`spelling` turns each text into what is drawn of it, cell by cell."""
        super().__init__(id=id)
        self._source = source
        self._palette = palette
        self._spelling = spelling
        self._framed = framed
        self._rows: list[Line] = []
        self._strips: dict[Line, Strip] = {}
        """What was drawn of a row: many are alike, and most stay as they are."""
        self._drawn: tuple[object, ...] = ()
        self._view = View()
        self._top = 0
        self._left = 0
        self._following = True
        self._reading: int | None = None
        """How many characters stand before the first line seen, where a resize and nothing else has moved it since."""
        self._early: Size | None = None
        """At which size it was painted before it was told of its size, where nothing has been told since."""
        self.selected = False

    @property
    def view(self) -> View:
        """What is shown, all of it."""
        return self._view

    @property
    def rows(self) -> list[str]:
        """What is seen, row by row, without tones."""
        return [plain(each) for each in self._rows]

    @property
    def place(self) -> str:
        """Which lines are seen, of how many; empty when all are."""
        height, total = self._inside()[1], len(self._view.lines)
        return f"{self._top + 1}-{min(total, self._top + height)} of {total}" if total > height else ""

    def use(self, palette: Palette) -> None:
        """Draw with another palette."""
        self._palette = palette
        self._strips.clear()
        self.refresh()

    def on_resize(self) -> None:
        """Ask for a view of the new size; one that follows shows as many of its newest lines as there is room for.

        The lines of another width are others: what stood first is found again by what stands before it, so that
        nobody loses the place at which they read.
        """
        early, self._early = self._early, None
        if early == self.size:
            return
        if self._reading is None and self._top:
            self._reading = sum(map(_ink, self._view.lines[: self._top]))
        reading = self._reading
        self._rows, self._drawn = [], ()
        if self._following and self._view.follow:
            self._view = View()
        elif reading is not None and self.size.width and self.size.height:
            self._view = self._source(*self._inside())
            self._top = _line_at(self._view.lines, reading)
        self.redraw()
        self._reading = reading

    def redraw(self) -> None:
        """Ask for the view and repaint the rows in which it differs from what is seen."""
        if not self.size.width or not self.size.height:
            return
        view = self._source(*self._inside())
        same = view == self._view
        self._move_with(view)
        self._view = view
        if not same or self._seen() != self._drawn:
            self._repaint()

    def _seen(self) -> tuple[object, ...]:
        """What the rows are made of beside the view."""
        return self.size, self.selected, self._top, self._left, self._following

    def scroll(self, down: int = 0, right: int = 0) -> bool:
        """Move what is seen; False when there is nothing further that way."""
        before = self._top, self._left
        self._reading = None
        self._top += down
        self._left = max(0, min(self._left + right, self._widest() - self._inside()[0]))
        self._bound()
        if down:
            self._following = self._view.follow and self._top >= self._last_top()
        self._repaint()
        return before != (self._top, self._left)

    def to_end(self, end: bool) -> bool:
        """Go to the last line, or to the first; False when one is there already."""
        left, self._left = self._left, 0
        return self.scroll(down=len(self._view.lines) if end else -len(self._view.lines)) or left != 0

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls what is under it."""
        event.stop()
        self.scroll(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The same the other way."""
        event.stop()
        self.scroll(-WHEEL)

    def _inside(self) -> tuple[int, int]:
        wide, high = self.size
        return (max(0, wide - 4), max(0, high - 2)) if self._framed else (wide, high)

    def _widest(self) -> int:
        return max((width(each) for each in self._view.lines), default=0)

    def _last_top(self) -> int:
        return max(0, len(self._view.lines) - self._inside()[1])

    def _bound(self) -> None:
        self._top = max(0, min(self._top, self._last_top()))
        self._left = max(0, self._left)

    def _move_with(self, view: View) -> None:
        """Keep the lines that are seen where they are when lines come in at the end and go at the beginning.

        While following, the lines move up by half a panel at a time: what one reads stands still, and the terminal is
        not sent every row again for each new line.
        """
        height = self._inside()[1]
        total = len(view.lines)
        if not view.follow:
            self._top = max(0, min(self._top, total - height))
            return
        gone = _gone(self._view.lines, view.lines)
        # Lines that went at the end: it is another moment that is shown, not a later one.
        fresh = not self._view.lines or total < len(self._view.lines) - gone
        self._top = max(0, self._top - gone)
        if self._following and (fresh or total - self._top > height):
            self._top = max(0, total - (height if fresh else height - height // 2))
        self._top = min(self._top, max(0, total - 1))

    def _repaint(self) -> None:
        self._drawn = self._seen()
        rows = self._arranged()
        if len(rows) != len(self._rows):
            self._rows = rows
            self.refresh()
            return
        for y, (before, after) in enumerate(zip(self._rows, rows, strict=True)):
            if before != after:
                self.refresh(*(Region(start, y, end - start, 1) for start, end in changes(before, after)))
        self._rows = rows

    def _first(self) -> None:
        """Have something to show when the screen is painted for the first time, so that it is painted once."""
        self._move_with(view := self._source(*self._inside()))
        self._view = view
        self._drawn, self._early = self._seen(), self.size
        self._rows = self._arranged()

    def _arranged(self) -> list[Line]:
        wide, high = self.size
        inner, height = self._inside()
        left = min(self._left, max(0, self._widest() - inner)) if self._left else 0
        seen = [drop(each, left) if left else each for each in self._view.lines]
        seen = seen[self._top : self._top + height]
        seen += [()] * (height - len(seen))
        if not self._framed:
            return [fit(each, wide) for each in seen]
        tone = self._frame_tone()
        body = [line(("│ ", tone), fit(each, inner), (" │", tone)) for each in seen]
        return [self._head(wide, tone), *body, self._foot(wide, tone)][:high]

    def _frame_tone(self) -> str:
        return "border-focus" if self.selected and self._view.tone == "border" else self._view.tone

    def _head(self, wide: int, tone: str) -> Line:
        title = clip(self._view.title, wide - 6)
        mark = "━" if self.selected else "─"
        left = line((f"╭{mark}", tone), (" ", tone), title, (" ", tone)) if title else line((f"╭{mark}", tone))
        return line(left, (mark * (wide - width(left) - 1) + "╮", tone))

    def _foot(self, wide: int, tone: str) -> Line:
        place: Line = ()
        if self.place and not (self._view.follow and self._following):
            place = line((f" {self.place} ", "dim"))
        if self._left or self._widest() > self._inside()[0]:
            place = line(place, (" ←→ ", "dim"))
        foot = clip(self._view.foot, wide - 6 - width(place))
        left = line(("╰─", tone), (" ", tone), foot, (" ", tone)) if foot else line(("╰─", tone))
        gap = wide - width(left) - width(place) - 2
        return line(left, ("─" * max(0, gap), tone), place, ("─╯", tone))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw rows, as Textual does for a widget that has neither borders, padding, tint nor links of its own: most of
        what that takes is to find out that there are none."""
        if not self._rows and self.size.height:
            self._first()
        strips = [self._strip(y) for y in crop.line_range]
        for each in self.get_line_filters():
            ground = self.background_colors[1]
            strips = [strip.apply_filter(each, ground) for strip in strips]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def _strip(self, y: int) -> Strip:
        row = self._rows[y] if y < len(self._rows) else ()
        strip = self._strips.get(row)
        if strip is None or strip.cell_length != self.size.width:
            if len(self._strips) >= STRIPS:
                self._strips.clear()
            strip = self._strips[row] = self.render_line(y)
        return strip

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        wide = self.size.width
        if y >= len(self._rows):
            return Strip.blank(wide, self._palette["base"])
        row = self._rows[y]
        if self._spelling is not as_it_is:
            row = tuple((self._spelling(text), tone) for text, tone in row)
        return Strip(_segments(row, self._palette)).adjust_cell_length(wide, self._palette["base"])


def _ink(of: Line) -> int:
    """How many characters a line has that breaking it elsewhere does not change."""
    return sum(len(text) - text.count(" ") for text, _ in of)


def _line_at(lines: tuple[Line, ...], before: int) -> int:
    """The first line before which at least so many characters stand."""
    seen = 0
    for at, each in enumerate(lines):
        if seen >= before:
            return at
        seen += _ink(each)
    return max(0, len(lines) - 1)


def _gone(before: tuple[Line, ...], after: tuple[Line, ...]) -> int:
    """How many lines went at the beginning, found by where the oldest line that is left stood before."""
    if not before or not after:
        return 0
    for at in range(min(len(before), 400)):
        if before[at] == after[0] and before[at : at + 3] == after[: min(3, len(before) - at)]:
            return at
    return len(before)


def changes(before: Line, after: Line) -> list[tuple[int, int]]:
    """Spans of cells (start, end) in which two lines differ; spans with a small gap between them are one."""
    same = begin = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same, begin = same + 1, begin + width((one,))
    old, new = _cells(before[same:]), _cells(after[same:])
    longest = max(len(old), len(new))
    old += [("", "")] * (longest - len(old))
    new += [("", "")] * (longest - len(new))
    spans: list[tuple[int, int]] = []
    for at in range(longest):
        if old[at] == new[at]:
            continue
        if spans and at - spans[-1][1] <= GAP:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return [(begin + start, begin + end) for start, end in spans]


def _cells(of: Line) -> list[Span]:
    """One entry a cell; a wide character's second cell is empty text."""
    cells: list[Span] = []
    for text, tone in of:
        if text.isascii():
            cells += [(character, tone) for character in text]
            continue
        for character in text:
            cells += [(character, tone), *[("", tone)] * (cell_len(character) - 1)]
    return cells


def _segments(row: Line, palette: Palette) -> list[Segment]:
    """Segments of a row, neighbours of one look joined; a gap takes the look before it where that draws the same."""
    joined: list[tuple[str, Style]] = []
    base = palette["base"]
    for text, tone in row:
        style = base + palette.get(tone, base)
        if joined:
            last_text, last = joined[-1]
            blank = not text.strip() and style.bgcolor == last.bgcolor
            if style == last or (blank and not (last.reverse or style.reverse or last.underline or style.underline)):
                joined[-1] = (last_text + text, last)
                continue
        joined.append((text, style))
    return [Segment(text, style) for text, style in joined]
