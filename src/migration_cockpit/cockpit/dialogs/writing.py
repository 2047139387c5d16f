"""Writing at the desk: a note for the timeline, a message to the channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.advice import rates
from migration_cockpit.advice.migrating import message
from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.moments import NoMoment

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk


class NoteDialog(OpenDialog):
    """A note becomes part of the record."""

    place = "note"

    async def confirm(self, desk: Desk) -> None:
        """Put it into the timeline. Raises Refused when it is empty or its moment is none of the past."""
        try:
            desk.cockpit.note(_written(self))
        except NoMoment as error:
            raise Refused(str(error)) from error
        desk.close_dialog("note written")


class MessageDialog(OpenDialog):
    """A message goes out beside the steps."""

    place = "message"

    def __init__(self, text: str = "") -> None:
        """`text` is prepared: it stands in the field and can be changed."""
        super().__init__()
        self.typed = text

    async def confirm(self, desk: Desk) -> None:
        """Queue it. Raises Refused when it is empty."""
        text, state = _written(self), desk.cockpit.state
        due = state.running_step or state.next_step
        desk.cockpit.flight.queue_message(due.id if due else "", f"message-{len(state.messages) + 1}", text)
        desk.close_dialog("message queued; it goes out beside the steps")


def _written(dialog: OpenDialog) -> str:
    text = dialog.typed.strip()
    if not text:
        raise Refused(f"the {dialog.place} is empty: write something, or press Esc")
    return text


def opens(kind: type[OpenDialog]) -> Act:
    """The action that opens a dialog of this kind."""

    async def act(desk: Desk) -> None:
        desk.open(kind())

    return act


async def open_message(desk: Desk) -> None:
    """Open the message; while the migration runs one with its state and its new end is prepared."""
    cockpit = desk.cockpit
    settings = cockpit.settings
    desk.open(MessageDialog(message(cockpit.state, cockpit.clock.now(), settings.limits, rates.of(settings))))


CONTROLS = (
    Control("write-note", ("enter",), "write it", "put the note into the timeline", "note", confirm),
    Control("drop-note", ("escape",), "back", "close; nothing is written", "note", close),
    Control("send", ("enter",), "send it", "queue the message; it goes out beside the steps", "message", confirm),
    Control("drop-message", ("escape",), "back", "close; nothing is sent", "message", close),
)
