"""What was found on a day, for people and for programs."""

from __future__ import annotations

import textwrap
from typing import Any

from migration_cockpit.playbook.prepare.printed import WORDS
from migration_cockpit.session.events import DayFound, DayState

LEAD = " " * 14


def as_lines(found: DayFound, *, width: int) -> str:
    """One look: how it stands, what was found, what to do."""
    lines = [f"{WORDS[found.status]} {found.look}"]
    for text in found.found:
        lines += textwrap.wrap(text, width, initial_indent=LEAD, subsequent_indent=LEAD + "  ")
    if found.mend and found.status != "holds":
        lines += textwrap.wrap(f"→ {found.mend}", width, initial_indent=LEAD, subsequent_indent=LEAD + "  ")
    return "\n".join(lines)


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
