"""The place that a migration has reached on its way: which revision runs, and what its batches tell of it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from migration_cockpit.advice.estimate import Estimate, Part, rows_of
from migration_cockpit.session.migration import Measured, MigrationState, RevisionRun

BATCH = 10_000
"""Rows of a batch, where nothing else is configured."""


class Way:
    """The way with the place reached on it, at one moment."""

    def __init__(self, migration: MigrationState, found: Estimate, measured: Measured, now: datetime) -> None:
        self.migration, self.found, self.now = migration, found, now
        self._measured = measured
        self.running = migration.running
        self.place = self._reached()
        """How many parts are committed."""

    def _reached(self) -> int:
        names = [part.revision for part in self.found.parts]
        seen = [each.revision for each in self.migration.revisions if each.committed is not None]
        places = [names.index(each) + 1 for each in (*seen, *self.migration.heads) if each in names]
        if self.running is not None and self.running.revision in names:
            # The line that a revision begins says that all before it are committed.
            return max([*places, names.index(self.running.revision)])
        return len(names) if self.migration.finished is not None else max(places, default=0)

    @property
    def part(self) -> Part | None:
        """The first that is not committed; None when all are."""
        return self.found.parts[self.place] if self.place < len(self.found.parts) else None

    @property
    def under_way(self) -> tuple[Part, RevisionRun] | None:
        """The part that runs; None between two of them, and where one runs that is not on the way."""
        part, run = self.part, self.running
        return (part, run) if part is not None and run is not None and run.revision == part.revision else None

    @property
    def number(self) -> int:
        """The revision that runs, or the last one committed."""
        return self.place + 1 if self.part is not None and self.running is not None else self.place

    @property
    def batched(self) -> bool:
        """Whether the running revision prints its batches."""
        part = self.part
        return bool(self.running and part and part.rate and part.rate.batches and self.running.rows)

    @cached_property
    def rows_total(self) -> float:
        """Rows that the running revision goes through."""
        part = self.part
        return rows_of(part.rate, self._measured)[1] if part and part.rate else 0.0

    def rows_share(self, run: RevisionRun) -> float:
        """Of its rows, how many are through."""
        return min(1.0, run.rows / max(1.0, self.rows_total))

    def rate(self) -> float:
        """Rows per second of the running revision."""
        run = self.running
        if not self.batched or run is None or run.rows_at is None:
            return 0.0
        took = in_batches(run)
        return run.rows / took if took > 0 else 0.0

    def batches_over(self, run: RevisionRun) -> bool:
        """Whether what follows the batches has begun: nearly all rows are through, and no batch came for three."""
        return run.rows >= 0.985 * self.rows_total and self.after(run) > 0

    def after(self, run: RevisionRun) -> float:
        """Seconds since the batches must be over."""
        if run.rows_at is None or not run.rows:
            return 0.0
        each = in_batches(run) / max(1.0, run.rows / BATCH)
        return max(0.0, self.since(run.rows_at) - self.waits() - 3 * each)

    def waits(self) -> float:
        """Seconds for which it has been waiting for a lock."""
        waiting = self.migration.waiting
        return self.since(waiting.seen) if waiting is not None else 0.0

    def since(self, moment: datetime | None) -> float:
        """Seconds since then; 0 where there is no such moment."""
        return max(0.0, (self.now - moment).total_seconds()) if moment is not None else 0.0


def took(run: RevisionRun) -> float:
    """Seconds that a committed revision worked."""
    assert run.committed is not None  # asked of those only
    return (run.committed - run.started).total_seconds() - run.waited


def in_batches(run: RevisionRun) -> float:
    """Seconds from a revision's begin to its last batch; 0 before one."""
    return (run.rows_at - run.started).total_seconds() - run.waited if run.rows_at is not None else 0.0


def cost(rows: float) -> float:
    """Share of the batches' time that the first `rows` (a share) of them take: the last cost a quarter more."""
    return (rows + 0.125 * rows * rows) / 1.125
