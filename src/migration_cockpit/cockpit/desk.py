"""The desk of a flight: its keys reach the world, by the one table of actions.

The table and its dialogs are loaded when they are needed, after the first paint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import DETACH, Control
from migration_cockpit.cockpit.keys import DEAF, Keys
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:  # the desk needs the cockpit's shape, not all that it imports
    from migration_cockpit.cockpit.cockpit import Cockpit

__all__ = ["DEAF", "Desk"]


class Desk(Keys):
    """Where a flight is flown."""

    def __init__(self, cockpit: Cockpit, controls: Sequence[Control] | None = None) -> None:
        super().__init__(cockpit, controls)
        self.cockpit = cockpit

    def clean(self, text: str) -> str:
        """A text without secrets."""
        return self.cockpit.recorder.redactor.clean(text)

    @property
    def at_first(self) -> Sequence[Control]:
        """The way out: the others are refused until it is known who drives."""
        return (DETACH,)

    def may(self, control: Control) -> None:
        """Raises Refused for what only the driver may do, where this cockpit does not drive."""
        from migration_cockpit.cockpit.dialogs.base import close

        if not (control.observer or control.act is close) and (why := self.cockpit.not_driving):
            raise Refused(why)

    @property
    def offer(self) -> str:
        """The update that waits to be sent, to the one who may send it."""
        if self.cockpit.state.session is None or self.cockpit.not_driving:
            return ""
        from migration_cockpit.cockpit.watches.updates import offer

        return offer(self.cockpit.state, self.cockpit.clock.now())

    def welcome(self) -> None:
        """Tell what the last cockpit left behind, where it left something, else open on the phase that it is; nothing
        else must be open yet."""
        from migration_cockpit.advice.phase import PREPARATION, phase
        from migration_cockpit.cockpit.dialogs.prepare import PrepareDialog
        from migration_cockpit.cockpit.dialogs.resumed import ResumedDialog, worth_telling

        state = self.cockpit.state
        if why := self.cockpit.not_driving:
            self.say(why)
        elif self.dialog is None and worth_telling(state):
            self.open(ResumedDialog())
        if self.dialog is None and phase(state, self.cockpit.clock.now()) == PREPARATION:
            self.open(PrepareDialog(), self.notice)
