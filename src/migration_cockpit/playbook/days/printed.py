"""What was found on a day, for people and for programs."""

from __future__ import annotations

from typing import Any

from migration_cockpit.playbook.prepare.printed import found_lines
from migration_cockpit.session.events import DayFound, DayState

LEAD = " " * 14


def as_lines(found: DayFound, *, width: int) -> str:
    """One look: how it stands, what was found, what to do."""
    return found_lines(found, width=width, lead=LEAD)


def as_data(name: str, day: DayState, journal: str) -> dict[str, Any]:
    """A day for programs."""
    return {
        "day": name,
        "outcome": day.outcome,
        "operator": day.operator,
        "attempt": day.attempt,
        "started": day.started.isoformat(),
        "ended": day.ended.isoformat() if day.ended else None,
        "journal": journal,
        "found": [
            {"look": each.look, "status": each.status, "found": list(each.found), "mend": each.mend}
            for each in day.found
        ],
        "measured": {
            where: {"at": each.at.isoformat(), "version": each.version, "minutes": each.minutes, "values": each.values}
            for where, each in day.measured.items()
        },
    }
