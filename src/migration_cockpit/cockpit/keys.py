"""What a key does here and now, which dialog is open, and the last word to the operator: by a table of actions.

It knows nothing of the screen that draws it, nor of what is shown on it: a flight has one table, a replay another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.journal import JournalError

if TYPE_CHECKING:
    from migration_cockpit.cockpit.control import Control
    from migration_cockpit.cockpit.dialogs import OpenDialog
    from migration_cockpit.cockpit.shown import Shown

DEAF = 0.5
"""Seconds after a dialog's opening in which keys are dropped: two people share a tmux."""


class Keys:
    """Takes keys by a table of actions. At most one dialog is open."""

    def __init__(self, shown: Shown, controls: Sequence[Control] | None = None) -> None:
        """The table is that of a flight unless others are given."""
        self.shown = shown
        """What the screen is given, and the keys with it."""
        self._given = controls
        self.dialog: OpenDialog | None = None
        self.pane = "timeline"
        """The pane that is selected on the screen."""
        self.notice = ""
        """Why the last key did nothing, or what it did."""
        self.quitting = False
        self.listeners: list[Callable[[], None]] = []
        self._opened = 0.0
        self._busy: Control | None = None
        """What is being done for a key: others wait for nothing, they are dropped and that is said."""
        self._dropped = ""

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        """The table; no key stands twice in one place. A flight's is imported with its first use: the screen paints
        sooner without it."""
        if self._given is not None:
            return tuple(self._given)
        from migration_cockpit.cockpit.table import CONTROLS

        return CONTROLS

    @property
    def at_first(self) -> Sequence[Control]:
        """What is offered before the session is opened."""
        return self.controls

    @property
    def where(self) -> str:
        """Which part of the table is live: `screen`, or the place of the open dialog."""
        return "screen" if self.dialog is None else self.dialog.place

    @property
    def typed(self) -> str:
        """What stands in the field of the open dialog."""
        return "" if self.dialog is None else self.dialog.typed

    @property
    def deaf(self) -> bool:
        """Whether a dialog has opened so recently that keys are dropped."""
        if self.dialog is None or self.dialog.quiet:
            return False
        return self.shown.clock.monotonic() - self._opened < DEAF

    def takes(self, key: str) -> bool:
        """Whether a key is in the table for what is open now."""
        return any(each.where == self.where and key in each.keys for each in self.controls)

    async def press(self, key: str) -> bool:
        """Do what a key does here and now; False when it is not in the table for this place."""
        control = next((c for c in self.controls if c.where == self.where and key in c.keys), None)
        if control is None:
            return False
        if self._busy is not None:
            # Not kept for later: what it would act on then is not what was looked at when it was pressed.
            self._dropped = f"{control.label} was dropped: {self._busy.label} is still under way; press it again after"
            self.say(self._dropped)
            return True
        if self.deaf:
            if not self.notice:
                self.say(f"{control.label} was dropped: this had only just opened; press it again")
            return True
        self.notice = self._dropped = ""
        self._busy = control
        try:
            self.may(control)
            await control.act(self)
        except Refused as refused:
            self.notice = self.clean(str(refused))
        except JournalError as error:
            self.notice = f"nothing was done: {error}"
        finally:
            self._busy = None
        self.notice = self.notice or self._dropped
        self._changed()
        return True

    def may(self, control: Control) -> None:
        """Raises Refused for what may not be done now; everything may, unless there is more to say."""

    def clean(self, text: str) -> str:
        """A text without secrets, where any could have come into it."""
        return text

    def welcome(self) -> None:
        """Say what must be said before anything else; nothing, unless there is something."""

    def type(self, text: str) -> None:
        """Set the text in the field of the open dialog."""
        if self.dialog is not None and not self.deaf:
            self.dialog.typed = text

    @property
    def takes_paste(self) -> bool:
        """Whether pasted text may go into the field of the open dialog."""
        return self.dialog is not None and not self.dialog.by_hand and not self.deaf

    @property
    def standing(self) -> str:
        """What is said for as long as it holds, before any notice; empty for nothing."""
        return ""

    @property
    def offer(self) -> str:
        """What is offered while there is nothing else to say; empty for nothing."""
        return ""

    def say(self, notice: str) -> None:
        """Tell the operator something now, before the action is through."""
        self.notice = notice
        self._changed()

    def open(self, dialog: OpenDialog, notice: str = "") -> None:
        """Open a dialog in place of whatever is open; keys are dropped for a moment."""
        self.dialog, self.notice = dialog, notice
        self._opened = self.shown.clock.monotonic()
        self._changed()

    def seen_again(self) -> None:
        """The open dialog was covered and is seen again: keys are dropped for a moment."""
        self._opened = self.shown.clock.monotonic()

    def close_dialog(self, notice: str = "") -> None:
        """Back to the screen."""
        dialog, self.dialog = self.dialog, None
        if dialog is not None:
            dialog.left(self)
        self.notice = notice
        self._changed()

    def close_moot(self) -> None:
        """Close a dialog that has nothing to ask any more, and say why."""
        if self.dialog is not None and (why := self.dialog.moot(self.shown.state)):
            self.close_dialog(why)

    def _changed(self) -> None:
        for listener in tuple(self.listeners):
            listener()
