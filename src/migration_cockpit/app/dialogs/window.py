"""Moving the window's end: as it is, and what would follow from what is being typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.writing import Writing
from migration_cockpit.cockpit import dialogs
from migration_cockpit.cockpit.dialogs.window import following
from migration_cockpit.session.moments import TAKES

if TYPE_CHECKING:
    from textual.widgets import Input


class WindowDialog(Writing):
    """The new end stands before the reason, in one field."""

    asks = "New end, then why:"

    def heading(self) -> str:
        """Its title."""
        return "the window's end"

    def text(self, width: int) -> list[Line]:
        """Now, then."""
        cockpit = self.cockpit
        dialog, end = self._cockpit_app.desk.dialog, cockpit.state.window_end
        if not isinstance(dialog, dialogs.WindowDialog) or end is None:
            return []
        lines = [line(("As it is", "bold")), *_lines(following(cockpit, end), width, "text"), ()]
        if dialog.typed.strip():
            lines += [line(("With what is typed", "bold")), *_lines(dialog.preview(cockpit), width, "bright"), ()]
        return [*lines, *_lines((f"It takes {TAKES}.",), width, "dim")]

    def on_input_changed(self, event: Input.Changed) -> None:
        """What follows is seen while one types."""
        super().on_input_changed(event)
        self.redraw()


def _lines(texts: tuple[str, ...], width: int, tone: str) -> list[Line]:
    return [line((each, tone)) for text in texts for each in wrap(text, width)]
