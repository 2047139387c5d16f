"""When the migration will be done: what is ahead, each part at the pace that is known of work of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from migration_cockpit.advice.estimate import Part
from migration_cockpit.advice.pace import Pace
from migration_cockpit.advice.way import Way, cost
from migration_cockpit.session.migration import RevisionRun

NARROW = 0.8
"""How much of a rate's range is left once the speed of work of its kind was seen: revisions differ among themselves."""
OBSERVED, UNOBSERVED = 0.15, 0.4
"""How far off the running revision may be, as a share of what is left of it: by its batches, and by the estimate."""


@dataclass(frozen=True)
class Eta:
    """When it will be done."""

    low: datetime
    likely: datetime
    high: datetime
    rests: str
    """What it rests on."""


class _Left(NamedTuple):
    """Seconds that something still takes, and how many fewer or more they may be."""

    likely: float
    below: float
    above: float


def arrival(way: Way, pace: Pace) -> Eta:
    """The range of its end, at the moment of `way`."""
    found = way.found
    lefts: list[_Left] = []
    if way.under_way is not None:
        likely, off = _current(way, pace, *way.under_way)
        lefts.append(_Left(likely, likely * off, likely * off))
    elif not way.place:
        start = max(0.5, found.start - way.since(way.migration.created))
        lefts.append(_Left(start, start * 0.3, start))
    for part in found.parts[way.place + (way.under_way is not None) :]:
        times, same = pace.ahead(part)
        narrow = NARROW if same else 1.0
        below, above = (part.likely - part.low) * narrow, (part.high - part.likely) * narrow
        lefts.append(_Left(part.likely * times, below * times, above * times))
    end = max(0.2, found.end - way.since(way.migration.finished))
    lefts.append(_Left(end, end * 0.5, end))
    likely = sum(each.likely for each in lefts)
    # A machine that becomes slower or quicker does so for all that is ahead: what is off adds up.
    low = likely - max(1.0, sum(each.below for each in lefts))
    high = likely + max(2.0, sum(each.above for each in lefts))

    def at(seconds: float) -> datetime:
        return way.now + timedelta(seconds=max(0.0, seconds))

    return Eta(at(low), at(likely), at(high), f"{'the speed so far' if pace.told else 'sizes'} and {found.said}")


def _current(way: Way, pace: Pace, part: Part, run: RevisionRun) -> tuple[float, float]:
    """Seconds that the running revision still takes, and how far off that may be as a share of it."""
    rate = part.rate
    if rate is None or not rate.batches or not run.rows or run.rows_at is None:
        return _left(part.likely * pace.seen(part).times, way.since(run.started) - run.waited), UNOBSERVED
    rows, over = way.rows_share(run), way.batches_over(run)
    batches = part.likely * rate.batches * pace.believed(part, run)
    left = 0.0 if over else max(0.0, batches * (1 - cost(rows)) - way.since(run.rows_at))
    tail = part.likely * (1 - rate.batches) * pace.after_batches(part, run)
    left += _left(tail, way.after(run) if over else 0.0)
    return left, (OBSERVED if rows > 0.05 else UNOBSERVED) + pace.uneven


def _left(whole: float, passed: float) -> float:
    """Seconds still to go of what should take `whole`: past four fifths of it, ever more slowly less."""
    if passed <= 0.8 * whole:
        return whole - passed
    return 0.2 * whole + 0.15 * (passed - 0.8 * whole)
