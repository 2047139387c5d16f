"""A layout that puts named children exactly where a function says; those it does not name are not shown, and of those
that overlap the one named later lies on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.screen import Screen
from textual.widget import Widget

from cockpit_widgets.tight import TightCompositor

Rect = tuple[int, int, int, int]
"""x, y, width, height in cells."""


class Tiles(Layout):
    """Places children by their id."""

    name = "tiles"

    def __init__(self, plan: Callable[[int, int], Mapping[str, Rect]]) -> None:
        self._plan = plan

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """Where each child is drawn."""
        plan = self._plan(size.width, size.height)
        order = {name: at for at, name in enumerate(plan)}
        return [
            WidgetPlacement(Region(*plan[child.id]), Offset(0, 0), Spacing(), child, order[child.id])
            for child in children
            if child.id is not None and child.id in plan
        ]


class TiledScreen(Screen[None]):
    """A screen whose children stand where `tiles` says."""

    AUTO_FOCUS = ""  # nothing: None would mean what the app says

    def __init__(self) -> None:
        super().__init__()
        self._compositor = TightCompositor()
        self._placed: Mapping[str, Rect] = {}

    @property
    def layout(self) -> Layout:
        """The tiles, whatever the style sheet says."""
        return self._tiles

    @cached_property
    def _tiles(self) -> Tiles:
        return Tiles(self._place)

    def _place(self, width: int, height: int) -> Mapping[str, Rect]:
        self._placed = self.tiles(width, height)
        return self._placed

    def replan(self) -> None:
        """Place the children anew where `tiles` now says otherwise than when they were placed."""
        if self.is_mounted and dict(self.tiles(*self.size)) != dict(self._placed):
            self._clear_arrangement_cache()
            self.refresh(layout=True)

    def tiles(self, width: int, height: int) -> Mapping[str, Rect]:
        """Rectangle by id of child."""
        raise NotImplementedError
