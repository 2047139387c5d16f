"""What every dialog at the desk has: its place in the table of actions, and a text that is being typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk
    from migration_cockpit.session.state import State


class OpenDialog:
    """A dialog that stands open at the desk. It knows nothing of the screen that draws it.

    What it shows must not change under the operator's hands: a dialog that looks at the world again is a new one.
    """

    place: ClassVar[str]
    """Which rows of the table of actions are live while it is open."""
    by_hand: ClassVar[bool] = False
    """Whether what is typed stands for a decision, so that a paste is not taken."""

    quiet: ClassVar[bool] = False
    """Whether it takes keys at once: nothing that it does could be regretted."""
    counts: ClassVar[bool] = False
    """Whether it acts by itself in a moment: nothing may cover it."""

    def __init__(self) -> None:
        self.typed = ""
        """What stands in its field."""

    async def confirm(self, desk: Desk) -> None:
        """Do what it stands for, then close it. Raises Refused, saying why that cannot be."""
        raise NotImplementedError

    def left(self, desk: Any) -> None:
        """It is being closed, and no other dialog takes its place."""

    def moot(self, state: State) -> str:
        """Why it has nothing to ask any more, so that it closes by itself; empty while it has."""
        return ""


async def confirm(desk: Desk) -> None:
    """Enter: what the open dialog stands for."""
    assert desk.dialog is not None
    await desk.dialog.confirm(desk)


async def close(desk: Desk) -> None:
    """Esc: back to the screen; nothing was done."""
    desk.close_dialog()
