"""Sending the update that is prepared: one key, since the log shows what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Control
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk


async def _send(desk: Desk) -> None:
    """Queue it. Raises Refused when there is none."""
    from migration_cockpit.cockpit.watches import updates

    cockpit = desk.cockpit
    if why := updates.refusal(cockpit.state, cockpit.clock.now(), cockpit.settings):
        raise Refused(why)
    updates.queue(cockpit.recorder)
    desk.say("update queued; it goes out beside the steps")


OPEN = Control(
    "update", ("u",), "update", "send the update that is prepared to the channel", "screen", _send, footer=False
)
