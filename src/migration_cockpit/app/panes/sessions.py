"""The sessions of the database in a row each, where a large screen has room for them: who holds, waits or is there. At
other sizes `d` in the database opens them."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, line, row
from migration_cockpit.app.panes.frame import Rules, empty
from migration_cockpit.app.panes.frame import view as framed
from migration_cockpit.app.panes.starting import WAITS_FOR
from migration_cockpit.app.words import age, seconds_between
from migration_cockpit.session.readings import Backend, DatabaseReading, Waiter
from migration_cockpit.session.state import State

SHOWN = 60
"""Rows at most: one scrolls no further here, and a frame stays cheap."""
_ORDER = {"migration": 0, "migration-lock": 1, "other": 2}


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - immutable
    """Those that hold first, then those that wait, then the others."""
    reading = state.database
    if reading is None:
        lines = empty(state, "database", WAITS_FOR["sessions"], width)
        return framed("sessions", lines, state, now, rules, source="database", width=width)
    waiting = {each.pid: each for each in reading.waiters}
    held = {pid for each in reading.waiters for pid in each.blockers}
    ordered = sorted(reading.backends, key=lambda one: _place(one, waiting, held))
    lines = [_session(each, waiting.get(each.pid), each.pid in held, now, width) for each in ordered[:SHOWN]]
    total = reading.backends_total or len(reading.backends)
    return framed("sessions", lines, state, now, rules, source="database", width=width, more=_more(reading, total))


def _more(reading: DatabaseReading, total: int) -> str:
    waiters = reading.waiters_total or len(reading.waiters)
    return f"{total}, {waiters} wait" if waiters else str(total)


def _place(each: Backend, waiting: dict[int, Waiter], held: set[int]) -> tuple[int, int, int]:
    kind = 0 if each.pid in held and each.pid not in waiting else 1 if each.pid in waiting else 2
    return kind, _ORDER.get(each.role, 3), each.pid


def _session(each: Backend, waiter: Waiter | None, holds: bool, now: datetime, width: int) -> Line:
    root = holds and waiter is None
    idle = each.state.startswith("idle in") and each.role != "migration-lock"
    glyph, tone = ("✖", "bad") if root else ("◌", "careful") if waiter else ("▲", "careful") if idle else (" ", "text")
    name = each.role if each.role != "other" else each.application or each.user or "other"
    begun = waiter.since if waiter else each.xact_start if idle else each.query_start
    doing = f"for {', '.join(map(str, waiter.blockers))}" if waiter else each.state
    room = max(6, (width - 18) // 2)
    return row(
        [
            (line((glyph, tone)), 1),
            (line((str(each.pid), tone)), -6),
            (line((name, tone)), room),
            (line((doing, "dim" if tone == "text" else tone)), width - room - 18),
            (line((age(seconds_between(begun, now)) if begun else "", "dim")), -7),
        ]
    )
