"""Writing a note into the timeline, or a message to the channel."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.words import hm, plural
from migration_cockpit.session.state import MessageState

SHOWN = 6
"""How many earlier notes or messages stand above the field."""


class Writing(Dialog):
    """A dialog for typing."""

    def on_mount(self) -> None:
        """The cursor stands in the field at once: there is nothing else to do here."""
        super().on_mount()
        self.set_focus(self._field)


class NoteDialog(Writing):
    """A note is part of the record and stands in the log."""

    asks = "Note:"

    def heading(self) -> str:
        """Its title."""
        return "note"

    def text(self, width: int) -> list[Line]:
        """The last notes."""
        notes = self._cockpit_app.state.notes[-SHOWN:]
        lines = [
            line((text, "dim"))
            for text in wrap(
                "It goes into the journal and the log with the time and your name. "
                "Begin with -5m or 10:32 for a moment of the past.",
                width,
            )
        ]
        for moment, note in notes:
            lines += [
                line((text, "text"))
                for text in wrap(f"{hm(moment)} {note.operator}: {note.text}", width, indent="      ")
            ]
        return lines


class MessageDialog(Writing):
    """A message goes out beside the steps; what became of the last ones stands above."""

    asks = "Message:"

    def heading(self) -> str:
        """Its title."""
        return "message"

    def text(self, width: int) -> list[Line]:
        """Where it goes, and the last messages with their state."""
        slack = self.cockpit.settings.slack
        where = f"It goes to {slack.channel}." if slack else "No channel is configured: it stays in the journal."
        lines = [line((where, "dim"))]
        for message in list(self._cockpit_app.state.messages.values())[-SHOWN:]:
            lines += message_lines(message, width)
        return lines


def message_lines(message: MessageState, width: int) -> list[Line]:
    """A message with its state: glyph and word."""
    if message.sent is not None:
        glyph, said, tone = "✔", f"sent {hm(message.sent)}", "good"
    elif message.tries:
        glyph, said, tone = "✖", f"not sent after {plural(message.tries, 'try', 'tries')}: {message.detail}", "bad"
    else:
        glyph, said, tone = "◌", "going out", "dim"
    texts = wrap(message.text.replace("\n", " "), width - 2)
    head = [line((f"{glyph} {each}" if n == 0 else f"  {each}", tone)) for n, each in enumerate(wrap(said, width - 2))]
    return [*head, *(line((f"  {text}", "text")) for text in texts[:3])]
