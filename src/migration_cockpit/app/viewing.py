"""Moving the view: panes, zoom, pages to read and scrolling, as the controls on the view ask for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.app.board import Board
from migration_cockpit.app.copying import copy
from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.app.plan import PANES, Looking

if TYPE_CHECKING:
    from cockpit_widgets.panel import Panel
    from migration_cockpit.app.app import CockpitApp


class Viewing:
    """A Viewer, as controls.py asks for one: what it moves is an app's screen."""

    def __init__(self, app: CockpitApp, copies: Path | None) -> None:
        """`copies` is the file that copied text goes into too."""
        self._app, self._copies = app, copies

    def next_pane(self, step: int) -> None:
        """Select another pane."""
        board = self._app.board
        pane = self._app.desk.pane = PANES[(PANES.index(board.looking.pane) + step) % len(PANES)]
        board.look(Looking(pane, board.looking.zoom))

    def toggle_zoom(self) -> None:
        """The selected pane on the whole screen, and back."""
        board = self._app.board
        if board.compact:
            self._app.tell("one pane at a time is shown already at this size; Tab shows the next")
            return
        board.look(Looking(board.looking.pane, not board.looking.zoom))

    def unzoom(self) -> None:
        """All panes again."""
        board = self._app.board
        if board.looking.zoom:
            board.look(Looking(board.looking.pane))
        else:
            self._app.tell("nothing is open or zoomed: Esc has nothing to close")

    def read(self, page: str) -> None:
        """Open or close a page to read."""
        self._app.read(page)

    def scroll_by(self, down: int = 0, right: int = 0, *, pages: bool = False) -> None:
        """Scroll the selected pane, or the open dialog."""
        panel = self._scrolled()
        if panel is None:
            return
        lines = down * max(1, panel.size.height - 3) if pages else down
        if not panel.scroll(lines, right):
            self._app.tell("there is nothing further that way")
        self._app.draw()

    def scroll_to_end(self, end: bool) -> None:
        """Scroll to the end, or to the beginning."""
        panel = self._scrolled()
        if panel is not None and not panel.to_end(end):
            self._app.tell(f"this is the {'end' if end else 'beginning'} already")

    def _scrolled(self) -> Panel | None:
        screen = self._app.screen
        return screen.scrolled if isinstance(screen, Board | Dialog) else None

    def copy(self) -> None:
        """Copy what is looked at: to the terminal's clipboard (OSC 52), and into the file for copies."""
        copy(self._app, self._copies)

    def leave(self, reason: str, *, signal_number: int = 0) -> None:
        """Leave the cockpit."""
        self._app.life.leave(reason, signal_number=signal_number)
