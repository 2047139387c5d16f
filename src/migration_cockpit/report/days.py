"""What the days before and after the migration have found."""

from __future__ import annotations

from collections.abc import Iterable

from migration_cockpit.report.document import Block, Heading, Table, Text
from migration_cockpit.report.gather import Gathered
from migration_cockpit.session.events import DayState

_TONES = {"holds": "good", "fails": "bad"}


def days(found: Gathered) -> Iterable[Block]:
    """A row for each look of each day; nothing where no day was gone through."""
    known = sorted(found.state.days.items(), key=lambda each: each[1].started)
    if not known:
        return
    yield Heading("The days before and after")
    rows = [row for name, day in known for row in _rows(name, day)]
    yield Table(("day", "look", "status", "found"), tuple(rows), tuple(_TONES.get(row[2], "careful") for row in rows))
    for name, day in known:
        for where, taken in day.measured.items():
            version = f" {taken.version}" if taken.version else ""
            values = ", ".join(f"{metric} {value:.3g}" for metric, value in sorted(taken.values.items()))
            yield Text(f"Measured on {name} ({taken.at:%Y-%m-%d %H:%M}), {where}{version}: {values}.")


def _rows(name: str, day: DayState) -> Iterable[tuple[str, str, str, str]]:
    for each in day.found:
        yield (f"{name}, {day.started:%Y-%m-%d}, {day.operator}", each.look, each.status, "; ".join(each.found))
