"""The way back once it has begun, at the desk: where it is, and the answers where a stage failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.cockpit.dialogs.decision import DecisionDialog
from migration_cockpit.session.events import ROLLBACK

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk
    from migration_cockpit.session.state import Decision, State


class UnderWayDialog(OpenDialog):
    """Drawn from State as it is: it asks nothing itself."""

    place = "rollback-under-way"

    async def confirm(self, desk: Desk) -> None:
        """To the answers where a stage failed, else back to the screen; the way back goes on either way."""
        asked = question(desk.cockpit.state)
        if asked is not None:
            desk.open(DecisionDialog(asked.event))
        else:
            desk.close_dialog()


def began(state: State) -> bool:
    """Whether a way back goes on, or has come to its end: one that was left may be begun anew."""
    return state.rollback is not None and state.rollback.outcome != "failed"


def question(state: State) -> Decision | None:
    """What a failed stage asks."""
    asked = state.decision
    return asked if asked is not None and asked.event.step == ROLLBACK else None


CONTROLS = (
    Control(
        "answers",
        ("enter",),
        "answer or close",
        "open what a failed stage asks; else close",
        "rollback-under-way",
        confirm,
    ),
    Control("out-of-it", ("escape",), "back", "close; the way back goes on", "rollback-under-way", close),
)
