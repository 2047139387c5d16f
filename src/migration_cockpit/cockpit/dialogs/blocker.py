"""Ending the session that the migration waits for: who it is and what it does is shown, its pid is typed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.readings import Backend
from migration_cockpit.session.state import State

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk

_OWN = {"migration", "migration-lock", "cockpit", "autovacuum"}
_running: set[asyncio.Task[None]] = set()
"""Kept here until they end: a task that nobody holds may vanish."""


def offered(state: State) -> tuple[Backend, datetime] | None:
    """The session at the root of the migration's wait that may be ended, and since when it is waited for."""
    from migration_cockpit.advice.verdict import roots_of

    waiting, reading = state.migration.waiting, state.database
    if waiting is None or reading is None or state.migration.ended is not None:
        return None
    roots = set(roots_of(waiting, reading))
    for each in reading.backends:
        if each.pid in roots and each.role not in _OWN and each.backend_start is not None:
            return each, waiting.seen
    return None


class EndBlockerDialog(OpenDialog):
    """What is typed is `end <pid>`."""

    place = "end-blocker"

    def __init__(self, blocker: Backend, wait: datetime) -> None:
        super().__init__()
        self.blocker = blocker
        self.wait = wait

    @property
    def phrase(self) -> str:
        """What must be typed."""
        return f"end {self.blocker.pid}"

    def moot(self, state: State) -> str:
        """Closes when the lock is free or somebody else holds it."""
        now = offered(state)
        gone = now is None or (now[0].pid, now[0].backend_start) != (self.blocker.pid, self.blocker.backend_start)
        return f"pid {self.blocker.pid} does not block the migration any more" if gone else ""

    async def confirm(self, desk: Desk) -> None:
        """End it. Raises Refused for anything but the phrase."""
        if self.typed.strip() != self.phrase:
            raise Refused(f"type {self.phrase}, or press Esc")
        task = asyncio.create_task(_end(desk, self.blocker, self.wait), name="end blocker")
        _running.add(task)
        task.add_done_callback(_running.discard)
        desk.close_dialog(f"pid {self.blocker.pid} is being ended; the log says what came of it")


async def _end(desk: Desk, blocker: Backend, wait: datetime) -> None:
    from migration_cockpit.actions.blocker import EndBlocker
    from migration_cockpit.actions.operation import OperationError
    from migration_cockpit.actions.site import Site
    from migration_cockpit.connections import WorldError

    cockpit = desk.cockpit
    assert blocker.backend_start is not None
    site = Site(cockpit.settings, cockpit.flight.session, cockpit.flight.connections)
    try:
        done = await cockpit.flight.do("migrate", EndBlocker(site, blocker.pid, blocker.backend_start, wait))
    except OperationError as error:
        cockpit.flight.say(str(error), level="bad")
    except WorldError as error:
        cockpit.flight.say(f"pid {blocker.pid}: whether it was ended is not known: {error}", level="bad")
    except JournalError as error:
        desk.say(f"pid {blocker.pid}: what came of it is not on record: {error}")
    else:
        cockpit.flight.say(f"{cockpit.operator}: {done}", level="careful")


async def _open(desk: Desk) -> None:
    found = offered(desk.cockpit.state)
    if found is None:
        raise Refused("no session that may be ended blocks the migration")
    desk.open(EndBlockerDialog(*found))


OPEN = Control(
    "end-blocker", ("K",), "end blocker", "end the session that the migration waits for", "screen", _open, footer=False
)
CONTROLS = (
    Control("end-it", ("enter",), "end it", "cancel, then terminate the session", "end-blocker", confirm),
    Control("leave-it", ("escape",), "back", "close; nothing is done", "end-blocker", close),
)
