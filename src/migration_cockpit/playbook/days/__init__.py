"""The days before and after the migration: each gone through by evidence, and kept for a later one to rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from migration_cockpit.connections import Connections
from migration_cockpit.playbook.days import flown
from migration_cockpit.playbook.days.announcement import D3
from migration_cockpit.playbook.days.backups import D1
from migration_cockpit.playbook.days.first_day import D_PLUS_1
from migration_cockpit.playbook.days.shape import Day, Ground, Look
from migration_cockpit.playbook.days.staging import D7
from migration_cockpit.playbook.days.week import D_PLUS_7
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.prepare.asking import cleaned, guarded, staging_of
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN
from migration_cockpit.session import events as ev
from migration_cockpit.session.recorder import Recorder

DAYS: tuple[Day, ...] = (D7, D3, D1, D_PLUS_1, D_PLUS_7)
"""In the order of the calendar."""
LOOK_SECONDS = 6 * 3600.0
"""Bounds what waits without a limit of its own: a snapshot or a dump has one, and may take hours."""


def by_id(name: str) -> Day | None:
    """The day of this name, in either case; None when there is none."""
    wanted = name.upper().replace("\N{MINUS SIGN}", "-")
    return next((each for each in DAYS if each.id == wanted), None)


async def go_through(
    day: Day,
    flight: Flight,
    *,
    sessions: Path,
    send: bool = False,
    copied: bool = False,
    also: Sequence[tuple[str, Look]] = (),
    tell: Callable[[ev.DayFound], None] = lambda _: None,
) -> str:
    """Look at everything that belongs to the day, one after the other, and write down what is found.

    Returns the worst of it: `holds`, `unknown` or `fails`. A day that was broken off is gone on with, so that what was
    begun then is found. `also` are further looks. Raises JournalError when it cannot be written down.
    """
    before = flight.state.days.get(day.id)
    attempt = 1 if before is None else before.attempt + (before.ended is not None)
    flight.record(ev.DayStarted(day=day.id, operator=flight.operator, attempt=attempt))
    connections = flight.connections
    there = staging_of(flight.settings)
    staging = Connections(there, connections.redactor, connections.clock) if there is not None else None
    async with AsyncExitStack() as stack:
        if staging is not None:
            stack.push_async_callback(staging.close)
        await connections.warm()
        ground = Ground(day.id, flight, staging, flown.newest(sessions, flight.settings), send, copied)
        statuses = []
        for name, look in (*day.looks, *also):
            seen = cleaned(await guarded(look(ground), LOOK_SECONDS), connections.redactor.clean)
            found = ev.DayFound(day=day.id, look=name, status=seen.status, found=seen.found, mend=seen.mend)
            flight.record(found)
            tell(found)
            statuses.append(seen.status)
    outcome = next((each for each in (FAILS, UNKNOWN) if each in statuses), HOLDS)
    flight.record(ev.DayEnded(day=day.id, outcome=outcome))
    return outcome


def opened(recorder: Recorder, first: ev.SessionOpened) -> None:
    """Begin the journal, where it is new."""
    if recorder.state.session is None:
        recorder.record(first)
