"""Moving the window's end at the desk: a new end and the reason, then the message about it, drafted."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from migration_cockpit.advice.window import deadlines
from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.cockpit.dialogs.writing import MessageDialog
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.moments import NoMoment, later_end
from migration_cockpit.session.state import STEP_TITLES, State

if TYPE_CHECKING:
    from migration_cockpit.cockpit.cockpit import Cockpit
    from migration_cockpit.cockpit.desk import Desk


class WindowDialog(OpenDialog):
    """What is typed is the new end, then why: `17:00 the block cost us half an hour`."""

    place = "window"

    async def confirm(self, desk: Desk) -> None:
        """Move it, then draft the message. Raises Refused for what is no later end, or has no reason."""
        cockpit = desk.cockpit
        before, end, reason = parsed(cockpit, self.typed)
        cockpit.move_window(end, reason)
        draft = MessageDialog()
        draft.typed = draft_text(cockpit.state, before, end, reason)
        desk.open(draft, "the window's end is moved; this message is drafted: Enter sends it, Esc drops it")

    def preview(self, cockpit: Cockpit) -> tuple[str, ...]:
        """What would follow from what is typed, or why it is not taken."""
        try:
            _, end, reason = parsed(cockpit, self.typed)
        except Refused as refused:
            return (str(refused),)
        return (*following(cockpit, end), f"Reason: {reason}")


def parsed(cockpit: Cockpit, typed: str) -> tuple[datetime, datetime, str]:
    """The end as it is, the new one and the reason. Raises Refused."""
    end = cockpit.state.window_end
    if end is None:
        raise Refused("the session is not opened yet: there is no window to move")
    try:
        return (end, *later_end(typed, cockpit.clock.now(), end))
    except NoMoment as error:
        raise Refused(str(error)) from error


def following(cockpit: Cockpit, end: datetime) -> tuple[str, ...]:
    """What follows from this end of the window, in words."""
    found = deadlines(cockpit.state, cockpit.settings.limits, end)
    decide = f"{_moment(found.decision)}" if found.decision else "set when the migration runs"
    return (
        f"Window ends: {_moment(end)} UTC",
        f"Decision about the migration: {decide}",
        f"Last moment for a rollback that ends inside the window: {_moment(found.last_way_back)}",
    )


def draft_text(state: State, before: datetime, end: datetime, reason: str) -> str:
    """The message about it."""
    name = state.session.deployment if state.session else "Airflow"
    at = state.running_step or state.next_step
    doing = "" if at is None else f" {'Running' if at.running else 'Next'}: {STEP_TITLES.get(at.id, at.id)}."
    moved = f"the window now ends at {_moment(end)} UTC instead of {_moment(before)}"
    return f"Airflow migration of {name}: {moved}, because {reason}.{doing}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


async def _open(desk: Desk) -> None:
    if desk.cockpit.state.window_end is None:
        raise Refused("the session is not opened yet: there is no window to move")
    desk.open(WindowDialog())


OPEN = Control("window", ("w",), "window", "move the window's end, with a reason", "screen", _open, footer=False)
CONTROLS = (
    Control("move", ("enter",), "move it", "move the window's end, then draft the message", "window", confirm),
    Control("keep", ("escape",), "back", "close; the window stays as it is", "window", close),
)
