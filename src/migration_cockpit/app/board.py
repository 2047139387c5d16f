"""The main screen: the panes, each drawn from State by its own pure function, placed by the plan for the size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult

from cockpit_widgets.panel import Panel, View
from cockpit_widgets.spans import line, wrap
from cockpit_widgets.tiles import Rect, TiledScreen
from migration_cockpit.app.panes import badges, footer, header, starting
from migration_cockpit.app.plan import BESIDE, PANES, Looking, compact, plan

if TYPE_CHECKING:
    from migration_cockpit.app.app import CockpitApp


class Board(TiledScreen):
    """Header, panes, advice and footer; at small sizes one pane at a time with the timeline as a strip, at large ones
    a column more."""

    def __init__(self) -> None:
        super().__init__()
        self.looking = Looking()
        self._panels: dict[str, Panel] = {}
        self._shown: tuple[str, ...] = ()

    @property
    def _app(self) -> CockpitApp:
        return cast("CockpitApp", self.app)

    def compose(self) -> ComposeResult:
        """One panel for each part of the screen."""
        for name in ("header", "strip", "badges", *PANES, *BESIDE, "advice", "track", "footer"):
            framed = name in PANES or name in BESIDE or name == "advice"
            app = self._app
            self._panels[name] = Panel(self._source(name), app.palette, framed=framed, spelling=app.spelling, id=name)
            yield self._panels[name]

    def on_mount(self) -> None:
        """Mark the selected pane."""
        self._select()

    def tiles(self, width: int, height: int) -> dict[str, Rect]:
        """Where the parts stand."""
        rects = plan(width, height, self.looking, track=self._app.shown.track is not None)
        self._shown = tuple(rects)
        return rects

    def _source(self, name: str) -> Callable[[int, int], View]:
        return lambda width, height: self._app.guarded(name, lambda: self._view(name, width, height))

    def _view(self, name: str, width: int, height: int) -> View:
        app = self._app
        state, now = app.state, app.now
        if name == "header":
            return header.view(state, now, width, height, app.shown.mark)
        if name == "footer":
            controls = app.desk.at_first if state.session is None else app.desk.controls
            return footer.view("screen", width, controls, without=("zoom",) if self.compact else ())
        if name == "track":
            from migration_cockpit.app.panes import track

            return track.view(app.shown.track, width)
        if state.session is None:
            return self._before(name, width, height)
        if name == "badges":
            return badges.view(state, now, width, app.rules, self.looking.pane)
        from migration_cockpit.app.panes import drawn

        if name == "strip":
            return drawn.STRIP(state, now, width, height)
        if name == "advice":
            return drawn.ADVICE(state, now, width, height, app.rules, app.notice)
        draw = drawn.DRAWN.get(name) or drawn.ASIDE[name]
        return draw(state, now, width, height, app.rules)

    def _before(self, name: str, width: int, height: int) -> View:
        """A part of the screen before the session is opened."""
        if name == "advice":
            return starting.advice(width, height, self._app.notice)
        if name == "badges":
            return badges.unread(width, self.looking.pane)
        return starting.STRIP if name == "strip" else starting.pane(name, width)

    def redraw(self) -> None:
        """Draw what changed."""
        for name in self._shown:
            self._panels[name].redraw()

    @property
    def scrolled(self) -> Panel:
        """What arrow keys move."""
        return self._panels[self.looking.pane]

    def look(self, looking: Looking) -> None:
        """Select a pane, or zoom."""
        self.looking = looking
        self._select()
        self.replan()
        self.call_after_refresh(self.redraw)

    def on_click(self, event: events.Click) -> None:
        """Where the mouse is asked for, a click selects a pane."""
        pane = event.widget.id if event.widget is not None else None
        if pane in PANES:
            self._app.desk.pane = pane
            self.look(Looking(pane, self.looking.zoom))

    def _select(self) -> None:
        for name in PANES:
            self._panels[name].selected = name == self.looking.pane
        self.redraw()

    @property
    def compact(self) -> bool:
        """Whether one pane is shown at a time."""
        width, height = self.size
        return compact(width, height - 1 if self._app.shown.track is not None else height)


def broken(name: str, error: str, width: int = 60) -> View:
    """What stands in a part of the screen that failed to draw: the others go on."""
    said = wrap(f"this pane cannot be drawn: {error}", width)
    return View(tuple(line((text, "bad")) for text in said), line((name, "title")), tone="border-bad")
