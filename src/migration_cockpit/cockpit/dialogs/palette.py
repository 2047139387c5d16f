"""Finding an action by a word of what it does, instead of by its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk

SELF = "palette"


def found(controls: Sequence[Control], typed: str) -> list[Control]:
    """The actions of the main screen whose id, label or help holds every word that is typed; the table's order."""
    words = typed.lower().split()
    rows = [each for each in controls if each.where == "screen" and each.id != SELF]
    return [row for row in rows if all(word in f"{row.id} {row.label} {row.help}".lower() for word in words)]


class PaletteDialog(OpenDialog):
    """Enter does what its key would do, with all its dialogs and refusals, once the words leave one action only."""

    place = SELF

    async def confirm(self, desk: Desk) -> None:
        """Do the one that is left. Raises Refused while there are none or several."""
        rows = found(desk.controls, self.typed)
        if len(rows) != 1:
            said = "no action has these words" if not rows else f"{len(rows)} actions have these words: type more"
            raise Refused(said)
        desk.may(rows[0])
        desk.close_dialog()
        await rows[0].act(desk)


async def _open(desk: Desk) -> None:
    desk.open(PaletteDialog())


OPEN = Control(
    SELF,
    ("colon",),
    "actions",
    "find an action by a word of what it does",
    "screen",
    _open,
    footer=False,
    observer=True,
)
CONTROLS = (
    Control("do-found", ("enter",), "do it", "do the one that is left, as its key would", SELF, confirm, observer=True),
    Control("leave-palette", ("escape",), "back", "close it", SELF, close),
)
