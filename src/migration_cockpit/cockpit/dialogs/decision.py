"""A question of the running step at the desk: an answer is chosen by its number, then given by Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.events import DecisionAsked

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk
    from migration_cockpit.session.state import State


class DecisionDialog(OpenDialog):
    """Nothing is chosen when it opens; what is typed is the reason for a careful answer."""

    place = "decision"

    def __init__(self, event: DecisionAsked) -> None:
        super().__init__()
        self.event = event
        self.choice = ""
        """The answer chosen, before it is given."""

    @property
    def needs_reason(self) -> bool:
        """Whether the chosen answer is given only with a reason."""
        return self.choice in self.event.reasoned

    async def confirm(self, desk: Desk) -> None:
        """Give the chosen answer. Raises Refused."""
        if not self.choice:
            raise Refused("choose an answer first")
        if why := desk.cockpit.answer(self.choice, self.typed):
            raise Refused(why)
        desk.close_dialog()

    def moot(self, state: State) -> str:
        """The world or another person has answered it."""
        asked = state.decision
        return "" if asked is not None and asked.event == self.event else "the question was settled while it was open"


def _choice(number: int) -> Act:
    async def act(desk: Desk) -> None:
        dialog = desk.dialog
        assert isinstance(dialog, DecisionDialog)
        answers = list(dialog.event.choices)
        if number >= len(answers):
            raise Refused(f"there are {len(answers)} answers")
        dialog.choice = answers[number]
        desk.notice = f"{dialog.choice} needs a typed reason" if dialog.needs_reason else ""

    return act


CONTROLS = (
    *(
        Control(
            f"answer-{n + 1}", (str(n + 1),), "choose", f"choose answer {n + 1}", "decision", _choice(n), footer=False
        )
        for n in range(6)
    ),
    Control("answer", ("enter",), "answer", "give the chosen answer", "decision", confirm),
    Control("later", ("escape",), "later", "close; the step goes on waiting for the answer", "decision", close),
)
