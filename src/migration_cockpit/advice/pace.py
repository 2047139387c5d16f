"""How much longer than estimated work takes on this machine, learnt from what is through and what is under way.

Three kinds of work are told apart: revisions that rewrite nothing, statements row by row from the client, and whole
tables at once. The batches of a large revision tell first. How much of their time they waited for the disk says what
they tell of the rest: one by one from the client is not slower for the disk, index builds and rewrites are the more so.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from migration_cockpit.advice.estimate import Part
from migration_cockpit.advice.way import Way, cost, in_batches, took
from migration_cockpit.session.migration import RevisionRun

FEW = 0.2
"""What is taken for the unsteadiness of a speed that a few batches tell."""
UNSTEADY = 0.6
"""The unsteadiness at which half of what the batches tell is believed."""
FEW_SMALL = 8
"""So many revisions that rewrite nothing tell how long such a one takes here."""
SLOWEST = 5.0
"""A small one that took so many times what is usual did something else, such as wait for a vacuum."""
WORTH = 0.3
"""Seconds of estimate from which a finished revision tells of the machine's speed."""
DAMPED = 0.7
"""How much of the speed seen in one kind of work is believed of another kind."""
TELLING = 0.02
"""The share of a revision's rows from which its batches tell of what is ahead."""
LOOKS = 6
"""So many readings of a statement tell whether it waits for the disk."""
WRITES = 3.0
"""For each second of batches that waits for the disk, so many of an index build or a rewrite: they write their pages at
once beside the WAL, where a batch leaves its own to the checkpoint."""


class Seen(NamedTuple):
    """A pace, and whether it was seen in work of the same kind."""

    times: float
    """How many times the estimate."""
    same: bool


class _Through(NamedTuple):
    """Actual over estimated time of the slow revisions that are through, 0 for unknown, and the estimates."""

    by_row: float
    rows_thought: float
    by_set: float
    processor: float
    """Of whole tables, what was no waiting for the disk."""
    set_thought: float


class Pace:
    """What is known of the pace at one moment."""

    def __init__(self, way: Way) -> None:
        self._way = way

    @property
    def told(self) -> bool:
        """Whether any of the large work told how quick this machine is."""
        way, under_way = self._way, self._way.under_way
        batches = way.batched and under_way is not None and way.rows_share(under_way[1]) >= TELLING
        return batches or any(True for _ in self._slow())

    def seen(self, part: Part) -> Seen:
        """What the revisions that are through tell of a part."""
        if part.rate is None:
            return self._small
        told = self._through
        same, other = (told.by_row, told.processor) if part.rate.by_row else (told.by_set, told.by_row)
        if same:
            return Seen(_clamp(same), True)
        return Seen(_clamp(other) ** DAMPED if other else 1.0, False)

    def ahead(self, part: Part) -> Seen:
        """What they and the batches under way tell of a part that has not begun."""
        seen = self.seen(part)
        way, under_way = self._way, self._way.under_way
        if under_way is None or not way.batched:
            return seen
        current, run = under_way
        rate = current.rate
        if rate is None or way.rows_share(run) < TELLING:
            return seen
        now, by_row = self.believed(current, run), rate.by_row
        if part.rate is not None and part.rate.by_row == by_row:
            # Each tells by as much work as it was; only a few seconds of such work came before the large revision.
            before = self._through.rows_thought if by_row else self._through.set_thought
            here = current.likely * rate.batches * cost(way.rows_share(run))
            now *= 1.0 if by_row else _heavier(run)
            return Seen((seen.times * before + now * here) / (before + here), True)
        if seen.same:
            return seen
        worked = now * (1 - _stalled(run)) if part.rate is not None and part.rate.by_row else now
        return Seen(worked**DAMPED, False)

    def of_batches(self, part: Part, run: RevisionRun) -> float:
        """How much longer than estimated the batches took; fixed once they are through."""
        assert part.rate is not None  # asked of those that print batches
        passed = in_batches(run) if run.rows_at is not None else self._way.since(run.started) - run.waited
        return passed / max(0.05, part.likely * part.rate.batches * cost(self._way.rows_share(run)))

    def believed(self, part: Part, run: RevisionRun) -> float:
        """The batches' pace as far as it is to be believed: while short or unsteady, the estimate counts too."""
        trust = len(run.marks) / (len(run.marks) + 2) / (1 + (self.uneven / UNSTEADY) ** 2)
        return float(_clamp(self.of_batches(part, run)) ** trust)

    def after_batches(self, part: Part, run: RevisionRun) -> float:
        """The pace of what follows the batches in the same revision: indexes and constraints."""
        return self.believed(part, run) * _heavier(run)

    @cached_property
    def uneven(self) -> float:
        """How much the speed of the running revision's batches went up and down; 0 for steady."""
        return _unsteady(self._way.running) if self._way.running is not None else FEW

    @cached_property
    def _small(self) -> Seen:
        """The pace of revisions that rewrite nothing, however long one of them waited."""
        usual = {part.revision: part.likely for part in self._way.found.parts if part.rate is None}
        runs = self._way.migration.revisions
        paces = [took(run) / usual[run.revision] for run in runs if run.committed and run.revision in usual]
        if len(paces) < FEW_SMALL:
            return Seen(1.0, False)
        return Seen(_clamp(statistics.fmean(min(pace, SLOWEST) for pace in paces)), True)

    @cached_property
    def _through(self) -> _Through:
        by_row = by_set = processor = rows_thought = set_thought = 0.0
        for part, run in self._slow():
            assert part.rate is not None  # that is what makes it slow
            seconds = took(run)
            if part.rate.by_row:
                by_row, rows_thought = by_row + seconds, rows_thought + part.likely
                continue
            batches = in_batches(run) if part.rate.batches else 0.0
            by_set += seconds - batches + batches * _heavier(run)
            processor += seconds * (1 - _stalled(run))
            set_thought += part.likely
        rows, sets = rows_thought or 1.0, set_thought or 1.0
        return _Through(by_row / rows, rows_thought, by_set / sets, processor / sets, set_thought)

    def _slow(self) -> Iterator[tuple[Part, RevisionRun]]:
        parts = {part.revision: part for part in self._way.found.parts}
        for run in self._way.migration.revisions:
            part = parts.get(run.revision)
            if part is not None and part.rate is not None and run.committed is not None and part.likely >= WORTH:
                yield part, run


def _stalled(run: RevisionRun) -> float:
    """The share of its time for which a revision waited for the disk; 0 where few readings tell."""
    return run.stalled / run.looks if run.looks >= LOOKS else 0.0


def _heavier(run: RevisionRun) -> float:
    """How much slower than a revision's batches what writes whole tables is."""
    return 1 + (WRITES - 1) * _stalled(run)


def _unsteady(run: RevisionRun) -> float:
    """How much the speed of the batches went up and down: the deviation of its logarithm, 0 for steady."""
    pairs = [(a, b) for a, b in pairwise(((run.started, 0), *run.marks)) if b[0] > a[0] and b[1] > a[1]]
    speeds = [math.log((b[1] - a[1]) / (b[0] - a[0]).total_seconds()) for a, b in pairs]
    if len(speeds) <= 3:
        return FEW
    middle = math.fsum(speeds) / len(speeds)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in speeds) / len(speeds))


def _clamp(pace: float) -> float:
    return min(50.0, max(0.02, pace))
