"""The step sheet at the desk: Enter starts the step as it was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.playbook.sheet import Refused, Sheet

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk


class SheetDialog(OpenDialog):
    """A step's sheet; what is typed is the reason for going past gates that do not hold."""

    place = "sheet"

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.sheet = sheet

    async def confirm(self, desk: Desk) -> None:
        """Start the step. Raises Refused where a gate fails and no reason is typed."""
        if self.sheet.failing and not self.typed.strip():
            raise Refused("a gate does not hold: type a reason (Tab goes to the field), or press Esc")
        await desk.cockpit.runner.start(self.sheet.step, desk.cockpit.operator, self.typed)
        desk.close_dialog()


async def open_sheet(desk: Desk, step_id: str) -> None:
    """Open a step's sheet. Raises Refused."""
    desk.say(f"looking at the gates of step {step_id} …")
    desk.open(SheetDialog(await desk.cockpit.runner.sheet(step_id, desk.cockpit.operator)))


def sheet_of(step_id: str) -> Act:
    """The action that opens the sheet of this step."""

    async def act(desk: Desk) -> None:
        await open_sheet(desk, step_id)

    return act


async def _look_again(desk: Desk) -> None:
    """Look at the gates once more; what was typed stays."""
    before = desk.dialog
    assert isinstance(before, SheetDialog)
    fresh = SheetDialog(await desk.cockpit.runner.sheet(before.sheet.step, desk.cockpit.operator))
    fresh.typed = before.typed
    desk.open(fresh, "looked at the gates again")


CONTROLS = (
    Control("confirm", ("enter",), "do it", "run the step as the sheet shows it", "sheet", confirm),
    Control("look", ("r",), "look again", "look at the gates once more", "sheet", _look_again),
    Control("cancel", ("escape",), "back", "close the sheet; nothing is done", "sheet", close),
)
