"""Updates of the terminal in as few bytes as they need.

Textual repaints a widget's row from its left edge and sets and resets the whole style around each piece of text. Over
SSH, times everyone who has attached to the tmux, most of what goes over the wire is that. Here a row is written from
its first changed cell on, and between two pieces of text only what differs in their style is said.

This reaches into Textual's compositor; the benchmark of the screen and the tests of this module hold it to that.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate

_ON = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "blink": "5", "reverse": "7", "strike": "9"}
Look = tuple[tuple[str, ...], str, str]
"""Attributes, foreground and background, as parameters of SGR; empty means the terminal's own."""
PLAIN: Look = ((), "", "")


@lru_cache(4096)
def _look(style: Style | None, system: ColorSystem | None) -> Look:
    if style is None or system is None:
        return PLAIN
    on = tuple(code for name, code in _ON.items() if getattr(style, name))
    fore = ";".join(style.color.downgrade(system).get_ansi_codes()) if style.color else ""
    back = ";".join(style.bgcolor.downgrade(system).get_ansi_codes(foreground=False)) if style.bgcolor else ""
    return on, fore, back


class Pen:
    """Writes segments, remembering how the last one looked. Begins and ends with the terminal's own look."""

    def __init__(self, system: ColorSystem | None) -> None:
        self._system = system
        self._look = PLAIN
        self.parts: list[str] = []

    def move(self, x: int, y: int) -> None:
        """Go to a cell, counted from 0."""
        self.parts.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, segments: Iterable[Segment]) -> None:
        """Write text with its style."""
        for text, style, control in segments:
            if control:
                continue
            look = _look(style, self._system)
            if look != self._look:
                self.parts.append(f"\x1b[{_turn(self._look, look)}m")
                self._look = look
            self.parts.append(text)

    def finish(self) -> str:
        """All that was written."""
        if self._look != PLAIN:
            self.parts.append("\x1b[0m")
        return "".join(self.parts)


@lru_cache(4096)
def _turn(before: Look, after: Look) -> str:
    """Parameters of SGR that turn one look into another, the shorter way: what differs, or all from the beginning."""
    afresh = ";".join(part for part in ("0", *after[0], after[1], after[2]) if part)
    if set(before[0]) - set(after[0]):
        return afresh
    more = [code for code in after[0] if code not in before[0]]
    if before[1] != after[1]:
        more.append(after[1] or "39")
    if before[2] != after[2]:
        more.append(after[2] or "49")
    return min(";".join(more), afresh, key=len)


class TightChops(ChopsUpdate):
    """Changed spans of the screen."""

    def render_segments(self, console: Console) -> str:
        """Each span from its first changed cell to its last."""
        pen = Pen(COLOR_SYSTEMS.get(console.color_system or ""))
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=True):
                if strip is None or x >= x2 or end <= x1:
                    continue
                left, right = max(x, x1), min(end, x2)
                pen.move(left, y)
                pen.write(strip.crop(left - x, right - x))
        return pen.finish()


class TightLayout(LayoutUpdate):
    """The whole screen."""

    def render_segments(self, console: Console) -> str:
        """Row by row."""
        pen = Pen(COLOR_SYSTEMS.get(console.color_system or ""))
        for y, row in enumerate(self.strips, self.region.y):
            pen.move(self.region.x, y)
            for strip in row:
                pen.write(strip)
        return pen.finish()


class TightCompositor(Compositor):
    """Textual's compositor, writing tightly."""

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """As Textual's; only its bytes differ."""
        update = super().render_full_update(simplify)
        return TightLayout(update.strips, update.region)

    def render_partial_update(self) -> ChopsUpdate | None:
        """As Textual's; only its bytes differ."""
        update = super().render_partial_update()
        return None if update is None else TightChops(update.chops, update.spans, update.chop_ends)
