"""The bar of the migration, by weights that are fixed before its Job begins."""

from __future__ import annotations

import math

from migration_cockpit.advice.estimate import Part
from migration_cockpit.advice.pace import Pace
from migration_cockpit.advice.way import Way
from migration_cockpit.session.migration import RevisionRun

FIRST = 0.02
"""What of the batches' share is shown at most before the first one."""


def share(way: Way, pace: Pace) -> float:
    """Of the whole cost, 0 to 1."""
    done = _start(way) + sum(part.likely for part in way.found.parts[: way.place])
    if way.under_way is not None:
        part, run = way.under_way
        done += part.likely * _fraction(way, pace, part, run)
    return done / way.found.likely


def _start(way: Way) -> float:
    start = way.found.start
    if way.place or way.running is not None:
        return start
    return start * _soft(way.since(way.migration.created) / start)


def _fraction(way: Way, pace: Pace, part: Part, run: RevisionRun) -> float:
    """How much of a revision is done: by its batches, and by time where it prints none."""
    rate = part.rate
    passed = max(0.0, way.since(run.started) - run.waited - way.waits())
    if rate is None or not rate.batches:
        return _soft(passed / max(0.05, part.likely * pace.seen(part).times))
    if not run.rows:
        return 0.99 * rate.batches * min(FIRST, FIRST * passed)
    done = 0.99 * rate.batches * max(FIRST, way.rows_share(run))
    if not way.batches_over(run):
        return done
    tail = part.likely * (1 - rate.batches) * pace.of_batches(part, run)
    return done + (1 - rate.batches) * _soft(way.after(run) / max(0.05, tail))


def _soft(share: float) -> float:
    """A share of time gone as a share of work done: 1 is never reached, however long it takes."""
    return share if share <= 0.8 else 0.8 + 0.19 * (1 - math.exp(-(share - 0.8) / 0.6))
