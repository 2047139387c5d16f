"""Postponing the migration: what is done, what is told, what the next session starts from."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.cockpit import dialogs
from migration_cockpit.session.events import Command


class PostponeDialog(Dialog):
    """The cursor is not in the field when it opens: the reason is typed after reading."""

    tone = "border-careful"
    asks = "Why? It goes into the journal and the message:"

    def heading(self) -> str:
        """Its title."""
        return "postpone the migration"

    def text(self, width: int) -> list[Line]:
        """All of it."""
        dialog = self._cockpit_app.desk.dialog
        if not isinstance(dialog, dialogs.PostponeDialog):
            return []
        state = self._cockpit_app.state
        ledger = state.ledger
        done = f"The {ledger.active} DAGs of the pause ledger are unpaused." if ledger else "No DAG was paused yet."
        waits = "The step that waits is let go of. " if state.running_step else ""
        return [
            *_wrapped(f"{waits}{done} Then the session is closed: postponed.", width, "bright"),
            *_commands(dialog.commands, width),
            (),
            line(("What is told", "bold")),
            *_wrapped(dialog.message, width, "text"),
            (),
            line(("What the next session starts from", "bold")),
            *(each for said in dialog.starts_from for each in _wrapped(said, width, "text")),
        ]


def _commands(commands: tuple[Command, ...], width: int) -> list[Line]:
    lines: list[Line] = [(), line(("What is done", "bold"))] if commands else []
    for command in commands:
        lines += [line((text, "text")) for text in wrap(f"$ {command.text}", width, indent="  ")]
    return lines


def _wrapped(text: str, width: int, tone: str) -> list[Line]:
    return [line((each, tone)) for each in wrap(text, width)]
