"""Postponing the migration at the desk: what it does is shown, the reason is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.events import Command

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk


class PostponeDialog(OpenDialog):
    """What is typed is the reason."""

    place = "postpone"

    def __init__(self, commands: tuple[Command, ...], message: str, starts_from: tuple[str, ...]) -> None:
        super().__init__()
        self.commands = commands
        self.message = message
        """With the reason left open."""
        self.starts_from = starts_from

    async def confirm(self, desk: Desk) -> None:
        """Postpone it. Raises Refused without a reason, or when it cannot be postponed any more."""
        reason = self.typed.strip()
        if not reason:
            raise Refused("type the reason for which the migration is postponed, or press Esc")
        await desk.cockpit.runner.postpone(desk.cockpit.operator, reason)
        desk.close_dialog("the migration is being postponed: the DAGs of the ledger come back")


async def _open(desk: Desk) -> None:
    from migration_cockpit.actions.site import Site
    from migration_cockpit.playbook import postpone

    state, settings = desk.cockpit.state, desk.cockpit.settings
    if why := postpone.refusal(state):
        raise Refused(why)
    site = Site(settings, desk.cockpit.flight.session)
    commands = postpone.unpausing(settings, site, None).describe() if state.ledger else ()
    desk.open(PostponeDialog(commands, postpone.message(settings, "<reason>"), postpone.starts_from(state)))


OPEN = Control(
    "postpone", ("P",), "postpone", "call the migration off before the Helm upgrade", "screen", _open, footer=False
)
CONTROLS = (
    Control("put-off", ("enter",), "postpone", "bring the DAGs back and close the session", "postpone", confirm),
    Control("go-on", ("escape",), "back", "close; nothing is done", "postpone", close),
)
