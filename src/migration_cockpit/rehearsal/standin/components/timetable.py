"""When a DAG's next run is due: the one place where 2.x and 3.x differ most quietly.

2.x turns a cron string into data intervals: the run of an interval starts at its end. 3.x (by default) turns the same
string into triggers: the run of a tick starts at that tick and its interval is empty. Without catchup only the newest
due run is made, the others are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.components.cron import cron

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class NextRun:
    """The next run: its logical date, its data interval, and when it may be created (all UTC)."""

    logical: datetime
    start: datetime
    end: datetime
    after: datetime


def next_run(
    schedule: str | None, *, begin: datetime, last: datetime | None, catchup: bool, now: datetime, is3: bool
) -> NextRun | None:
    """The run that follows `last`; None for a DAG without a schedule.

    `last` is of the newest scheduled run: in 2.x its logical date, in 3.x the end of its data interval.
    """
    if schedule is None:
        return None
    ticks = cron(schedule)
    first = begin if ticks.until(begin) == begin else ticks.after(begin)
    following = first if last is None else max(first, ticks.after(last))
    if is3:
        tick = following if catchup else max(following, ticks.until(now))
        return NextRun(tick, tick, tick, tick)
    if not catchup:
        newest_end = ticks.until(now)
        following = max(following, _before(schedule, newest_end))
    end = ticks.after(following)
    return NextRun(following, following, end, end)


def _before(schedule: str, tick: datetime) -> datetime:
    from datetime import timedelta

    return cron(schedule).until(tick - timedelta(minutes=1))
