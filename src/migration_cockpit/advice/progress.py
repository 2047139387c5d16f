"""How far the migration is, weighed by what each revision costs, and when it will be done: pure, from State and now.

The bar rests on weights that are fixed before the Job begins, so that it never goes backwards; the time still to go
rests on the speed seen so far, so that it may.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from migration_cockpit.advice import revisions
from migration_cockpit.advice.estimate import Estimate, Part, estimate, rows_of
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.remembered import remembered
from migration_cockpit.session.migration import Measured, MigrationState, RevisionRun
from migration_cockpit.session.state import State

PARTS = 1000
"""`total` of the step's recorded progress: it tells thousandths of the cost."""
FEW = 0.2
"""What is taken for the unsteadiness of a speed that a few batches tell."""
FIRST = 0.02
"""What of the batches' share is shown at most before the first one."""
MOST = 0.99
"""What the bar shows at most before the schema is verified."""
FEW_SMALL = 8
"""So many revisions that rewrite nothing tell how long such a one takes here."""
SLOWEST = 5.0
"""A small one that took so many times what is usual did something else, such as wait for a vacuum."""
WORTH = 0.3
"""Seconds of estimate from which a finished revision tells of the machine's speed."""
NARROW = 0.8
"""How much of a rate's range is left once the speed of work of its kind was seen: revisions differ among themselves."""
DAMPED = 0.7
"""How much of the speed seen in one kind of work is believed of another kind."""


@dataclass(frozen=True)
class Eta:
    """When it will be done."""

    low: datetime
    likely: datetime
    high: datetime
    rests: str
    """What it rests on."""


@dataclass(frozen=True)
class Progress:
    """How far it is."""

    share: float
    """Of the whole cost, 0 to 1: what was last recorded, so that every screen and every replay shows the same."""
    reached: float
    """What is to be recorded next, 0 to 1: the place that is seen now, and never less than what was recorded."""
    number: int
    """The revision that runs, counted from 1 on the way between the versions; 0 before the first."""
    total: int
    revision: str
    message: str
    rows: int
    rows_total: int
    """0 where it prints no batches."""
    elapsed: float
    """Seconds since the Job was made."""
    inside: float
    """Seconds in this revision."""
    rate: float
    """Rows per second, 0 where it prints no batches."""
    eta: Eta | None
    """None before there is one, while it waits for a lock, and when it is over."""


@remembered
def progress(state: State, now: datetime, rates: Rates = BUILT_IN) -> Progress | None:
    """The progress of the migration; None before its Job is made or when the way is not known."""
    migration = state.migration
    if not migration.job or migration.created is None or state.session is None:
        return None
    source, target = state.session.source_version, state.session.target_version
    measured = migration.measured
    found = estimate(measured or _USUAL, source, target, rates, migration.chains)
    if found is None:
        return None
    if migration.ended is not None:
        now = min(now, migration.ended)
    way = _Way(migration, found, measured or _USUAL, now)
    step = state.steps["migrate"]
    # What was recorded is never taken back, whatever the weights say of it later.
    recorded = step.done / PARTS if step.total == PARTS else 0.0
    reached = min(MOST, max(recorded, way.share()))
    eta = way.eta() if measured is not None and migration.ended is None and migration.waiting is None else None
    core = len(revisions.way(source, target, migration.chains))
    running = migration.running
    rate = way.rate()
    return Progress(
        share=1.0 if step.passed else recorded or int(reached * PARTS) / PARTS,
        reached=reached,
        number=min(way.number, core),
        total=core,
        revision=running.revision if running else "",
        message=running.message if running else "",
        rows=int(running.rows) if running and way.batched else 0,
        rows_total=int(way.rows_total()) if way.batched else 0,
        elapsed=(now - migration.created).total_seconds(),
        inside=(now - running.started).total_seconds() if running else 0.0,
        rate=rate,
        eta=eta,
    )


class _Way:
    """The way with the place reached on it."""

    def __init__(self, migration: MigrationState, found: Estimate, measured: Measured, now: datetime) -> None:
        self._migration, self._found, self._measured, self._now = migration, found, measured, now
        self._names = [part.revision for part in found.parts]
        self._running = migration.running
        self._place = self._reached()

    def _reached(self) -> int:
        """How many parts are committed."""
        seen = [each.revision for each in self._migration.revisions if each.committed is not None]
        places = [self._names.index(each) + 1 for each in (*seen, *self._migration.heads) if each in self._names]
        if self._running is not None and self._running.revision in self._names:
            # The line that a revision begins says that all before it are committed.
            return max([*(each for each in places), self._names.index(self._running.revision)])
        return len(self._names) if self._migration.finished is not None else max(places, default=0)

    @property
    def number(self) -> int:
        """The revision that runs, or the last one committed."""
        return self._place + 1 if self._part is not None and self._running is not None else self._place

    @property
    def _part(self) -> Part | None:
        return self._found.parts[self._place] if self._place < len(self._found.parts) else None

    @property
    def batched(self) -> bool:
        """Whether the running revision prints its batches."""
        part = self._part
        return bool(self._running and part and part.rate and part.rate.batches and self._running.rows)

    def rows_total(self) -> float:
        """Rows that the running revision goes through."""
        part = self._part
        return rows_of(part.rate, self._measured)[1] if part and part.rate else 0.0

    def rate(self) -> float:
        """Rows per second of the running revision."""
        run = self._running
        if not self.batched or run is None or run.rows_at is None:
            return 0.0
        took = (run.rows_at - run.started).total_seconds() - run.waited
        return run.rows / took if took > 0 else 0.0

    def share(self) -> float:
        """Of the whole cost, by the fixed weights."""
        whole = self._found.likely
        return (self._start_share() + sum(p.likely for p in self._found.parts[: self._place]) + self._inside()) / whole

    def _start_share(self) -> float:
        if self._place or self._running is not None:
            return self._found.start
        return self._found.start * _soft(self._since(self._migration.created) / self._found.start)

    def _inside(self) -> float:
        """Seconds of the running revision's weight that are done."""
        part, run = self._part, self._running
        if part is None or run is None or run.revision != part.revision:
            return 0.0
        return part.likely * self._fraction(part, run)

    def _fraction(self, part: Part, run: RevisionRun) -> float:
        """How much of a revision is done: by its batches, and by time where it prints none."""
        rate = part.rate
        passed = max(0.0, self._since(run.started) - run.waited - self._waits())
        pace = self._pace(part)
        if rate is None or not rate.batches:
            return _soft(passed / max(0.05, part.likely * pace))
        if not run.rows:
            return 0.99 * rate.batches * min(FIRST, FIRST * passed)
        rows = min(1.0, run.rows / max(1.0, self.rows_total()))
        done = 0.99 * rate.batches * max(FIRST, rows)
        if not self._batches_over(run):
            return done
        tail = part.likely * (1 - rate.batches) * self._batch_pace(part, run)
        return done + (1 - rate.batches) * _soft(self._after(run) / max(0.05, tail))

    def _batches_over(self, run: RevisionRun) -> bool:
        """Whether what follows the batches has begun: nearly all rows are through, and no batch came for three."""
        return run.rows >= 0.985 * self.rows_total() and self._after(run) > 0

    def _after(self, run: RevisionRun) -> float:
        """Seconds since the batches must be over."""
        if run.rows_at is None or not run.rows:
            return 0.0
        took = (run.rows_at - run.started).total_seconds() - run.waited
        each = took / max(1.0, run.rows / 10_000)
        return max(0.0, self._since(run.rows_at) - self._waits() - 3 * each)

    def _batch_pace(self, part: Part, run: RevisionRun) -> float:
        """How much longer than estimated the batches took; fixed once they are through."""
        assert part.rate is not None
        took = ((run.rows_at or self._now) - run.started).total_seconds() - run.waited
        rows = min(1.0, run.rows / max(1.0, self.rows_total()))
        return took / max(0.05, part.likely * part.rate.batches * _cost(rows))

    def _believed(self, part: Part, run: RevisionRun) -> float:
        """The batches' pace as far as it is to be believed: while short or unsteady, the estimate counts too."""
        trust = len(run.marks) / (len(run.marks) + 2) / (1 + (self._uneven / 0.5) ** 2)
        return float(_clamp(self._batch_pace(part, run)) ** trust)

    @cached_property
    def _uneven(self) -> float:
        """How unsteady the running revision's batches are."""
        return _unsteady(self._running) if self._running is not None else FEW

    @cached_property
    def _now_believed(self) -> float:
        """The pace that is believed of the running revision."""
        assert self._part is not None
        assert self._running is not None
        return self._believed(self._part, self._running)

    def _waits(self) -> float:
        waiting = self._migration.waiting
        return self._since(waiting.seen) if waiting is not None else 0.0

    def _since(self, moment: datetime | None) -> float:
        return max(0.0, (self._now - moment).total_seconds()) if moment is not None else 0.0

    def _pace(self, part: Part) -> float:
        """How much longer than estimated work of a part's kind takes here, from the revisions that are through."""
        return self._paces(part)[0]

    def _paces(self, part: Part) -> tuple[float, bool]:
        """The pace, and whether it was seen in work of the same kind."""
        if part.rate is None:
            return self._small_ones
        same, all_ = self._seen_by_row if part.rate.by_row else self._seen_by_set
        if same:
            return _clamp(same), True
        return (_clamp(all_) ** DAMPED, False) if all_ else (1.0, False)

    @cached_property
    def _seen_by_row(self) -> tuple[float, float]:
        return _seen(self._migration, self._found, by_row=True)

    @cached_property
    def _seen_by_set(self) -> tuple[float, float]:
        return _seen(self._migration, self._found, by_row=False)

    @cached_property
    def _small_ones(self) -> tuple[float, bool]:
        return _small(self._migration, self._found)

    def eta(self) -> Eta | None:
        """When it will be done."""
        ahead: list[tuple[float, float, float]] = []
        part, run = self._part, self._running
        current = run is not None and part is not None and run.revision == part.revision
        seen = False
        if current and part is not None and run is not None:
            likely, spread = self._current(part, run)
            ahead.append((likely, likely * spread, likely * spread))
            seen = spread < 0.4
        elif not self._place:
            start = max(0.5, self._found.start - self._since(self._migration.created))
            ahead.append((start, start * 0.3, start))
        for each in self._found.parts[self._place + (1 if current else 0) :]:
            pace, same = self._future(each)
            seen = seen or same
            narrow = NARROW if same else 1.0
            ahead.append(
                (
                    each.likely * pace,
                    (each.likely - each.low) * pace * narrow,
                    (each.high - each.likely) * pace * narrow,
                )
            )
        end = max(0.2, self._found.end - self._since(self._migration.finished))
        ahead.append((end, end * 0.5, end))
        likely = sum(one for one, _, _ in ahead)
        # A machine that becomes slower or quicker does so for all that is ahead: what is off adds up.
        low = likely - max(1.0, sum(below for _, below, _ in ahead))
        high = likely + max(2.0, sum(above for _, _, above in ahead))

        def at(seconds: float) -> datetime:
            return self._now + timedelta(seconds=max(0.0, seconds))

        rests = f"the speed so far and {self._found.said}" if seen else f"sizes and {self._found.said}"
        return Eta(at(low), at(likely), at(high), rests)

    def _future(self, part: Part) -> tuple[float, bool]:
        pace, same = self._paces(part)
        run, current = self._running, self._part
        # The batches under way tell more of the machine than anything before them.
        if same or run is None or current is None or current.rate is None or not self.batched:
            return pace, same
        if run.rows < 0.02 * self.rows_total():
            return pace, same
        now = self._now_believed
        alike = part.rate is not None and part.rate.by_row == current.rate.by_row
        return (now, True) if alike else (now**DAMPED, False)

    def _current(self, part: Part, run: RevisionRun) -> tuple[float, float]:
        """Seconds that the running revision still takes, and how far off that may be as a share of it."""
        rate = part.rate
        passed = self._since(run.started) - run.waited
        pace = self._pace(part)
        if rate is not None and rate.batches and run.rows and run.rows_at is not None:
            rows = min(1.0, run.rows / max(1.0, self.rows_total()))
            pace = self._believed(part, run)
            over = self._batches_over(run)
            batches = part.likely * rate.batches * pace
            left = 0.0 if over else max(0.0, batches * (1 - _cost(rows)) - self._since(run.rows_at))
            left += _left(part.likely * (1 - rate.batches) * pace, self._after(run) if over else 0.0)
            return left, (_OBSERVED if rows > 0.05 else 0.4) + self._uneven
        return _left(part.likely * pace, passed), 0.4


_OBSERVED = 0.15
_USUAL = Measured(tables={}, conf=0)
"""Nothing was measured: every revision weighs the same, and there is no time of arrival."""


def _unsteady(run: RevisionRun) -> float:
    """How much the speed of the batches went up and down: the deviation of its logarithm, 0 for steady."""
    pairs = [(a, b) for a, b in pairwise(((run.started, 0), *run.marks)) if b[0] > a[0] and b[1] > a[1]]
    speeds = [math.log((b[1] - a[1]) / (b[0] - a[0]).total_seconds()) for a, b in pairs]
    if len(speeds) <= 3:
        return FEW
    middle = math.fsum(speeds) / len(speeds)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in speeds) / len(speeds))


def _left(whole: float, passed: float) -> float:
    """Seconds still to go of what should take `whole`: past four fifths of it, ever more slowly less."""
    if passed <= 0.8 * whole:
        return whole - passed
    return 0.2 * whole + 0.15 * (passed - 0.8 * whole)


def _cost(rows: float) -> float:
    """Share of the batches' time that the first `rows` (a share) of them take: the last cost a quarter more."""
    return (rows + 0.125 * rows * rows) / 1.125


def _soft(share: float) -> float:
    """A share of time gone as a share of work done: 1 is never reached, however long it takes."""
    return share if share <= 0.8 else 0.8 + 0.19 * (1 - math.exp(-(share - 0.8) / 0.6))


def _clamp(pace: float) -> float:
    return min(50.0, max(0.02, pace))


def _small(migration: MigrationState, found: Estimate) -> tuple[float, bool]:
    """The pace of revisions that rewrite nothing: the usual one of those that are through, however long one waited."""
    usual = {part.revision: part.likely for part in found.parts if part.rate is None}
    paces = [
        ((run.committed - run.started).total_seconds() - run.waited) / usual[run.revision]
        for run in migration.revisions
        if run.committed is not None and run.revision in usual
    ]
    return (
        (_clamp(statistics.fmean(min(pace, SLOWEST) for pace in paces)), True)
        if len(paces) >= FEW_SMALL
        else (1.0, False)
    )


def _seen(migration: MigrationState, found: Estimate, by_row: bool) -> tuple[float, float]:
    """Actual over estimated time of the revisions that are through: of the same kind, and of all. 0 for unknown."""
    parts = {part.revision: part for part in found.parts}
    same: list[tuple[float, float]] = []
    all_: list[tuple[float, float]] = []
    for run in migration.revisions:
        part = parts.get(run.revision)
        if part is None or part.rate is None or run.committed is None or part.likely < WORTH:
            continue
        pair = ((run.committed - run.started).total_seconds() - run.waited, part.likely)
        all_.append(pair)
        if part.rate.by_row == by_row:
            same.append(pair)
    return _ratio(same), _ratio(all_)


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(took for took, _ in pairs) / sum(thought for _, thought in pairs) if pairs else 0.0
