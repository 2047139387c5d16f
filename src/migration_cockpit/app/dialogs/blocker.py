"""Ending the session that the migration waits for: who it is, what it does, what is done to it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cockpit_widgets.confirm import phrase_line
from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.words import long
from migration_cockpit.cockpit import dialogs

if TYPE_CHECKING:
    from textual.widgets import Input


class EndBlockerDialog(Dialog):
    """The cursor is not in the field when it opens: the pid is typed after reading."""

    tone = "border-bad"
    asks = "Type it:"

    def heading(self) -> str:
        """Its title."""
        return "end the session that blocks the migration"

    def text(self, width: int) -> list[Line]:
        """All of it."""
        dialog = self._cockpit_app.desk.dialog
        if not isinstance(dialog, dialogs.EndBlockerDialog):
            return []
        who, now = dialog.blocker, self._cockpit_app.now
        waiting = self._cockpit_app.state.migration.waiting
        what = f"{waiting.mode} on {waiting.relation or 'a lock'}" if waiting else "a lock"
        rows = (
            ("session", f"pid {who.pid}, {who.user} from {who.address or 'the server itself'}"),
            ("application", who.application or "names itself nothing"),
            (
                "state",
                f"{who.state or 'hidden'}"
                + (f", in a transaction for {_age(who.xact_start, now)}" if who.xact_start else ""),
            ),
            ("last query", who.query or "hidden"),
            ("blocks", f"the migration waits for {what}, for {_age(waiting.since if waiting else None, now)}"),
        )
        lines: list[Line] = []
        for name, value in rows:
            first, *rest = wrap(value, width - 13)
            lines.append(line((f"{name:13}", "dim"), (first, "bright")))
            lines += [line((" " * 13 + each, "bright")) for each in rest]
        told = (
            "Its statement is cancelled first; if it still blocks, the session is terminated: what its transaction did "
            "is undone, and whoever runs it sees an error. Tell its owner. The migration itself is never ended."
        )
        lines += [(), *(line((each, "text")) for each in wrap(told, width)), ()]
        return [*lines, line(("To end it, type", "text")), phrase_line(dialog.phrase, self.desk.typed)]

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show at once how much of the phrase is typed."""
        super().on_input_changed(event)
        self.redraw()


def _age(moment: datetime | None, now: datetime) -> str:
    return long((now - moment).total_seconds()) if moment else ""
