"""How far the migration is, weighed by what each revision costs, and when it will be done: pure, from State and now.

The bar rests on weights that are fixed before the Job begins, so that it never goes backwards; the time still to go
rests on the speed seen so far, so that it may.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from migration_cockpit.advice import revisions
from migration_cockpit.advice.arrival import Eta, arrival
from migration_cockpit.advice.bar import share
from migration_cockpit.advice.estimate import estimate
from migration_cockpit.advice.pace import Pace
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.remembered import remembered
from migration_cockpit.advice.way import Way
from migration_cockpit.session.migration import Measured
from migration_cockpit.session.state import State

PARTS = 1000
"""`total` of the step's recorded progress: it tells thousandths of the cost."""
MOST = 0.99
"""What the bar shows at most before the schema is verified."""
_USUAL = Measured(tables={}, conf=0)
"""Nothing was measured: every revision weighs the same, and there is no time of arrival."""


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

    @property
    def percent(self) -> int:
        """The share in whole percent, rounded down as the timeline does: 100 is done and nothing else."""
        return 100 * round(self.share * PARTS) // PARTS


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
    way = Way(migration, found, measured or _USUAL, now)
    pace = Pace(way)
    step = state.steps["migrate"]
    # What was recorded is never taken back, whatever the weights say of it later.
    recorded = step.done / PARTS if step.total == PARTS else 0.0
    reached = min(MOST, max(recorded, share(way, pace)))
    eta = arrival(way, pace) if measured is not None and migration.ended is None and migration.waiting is None else None
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
        rows_total=int(way.rows_total) if way.batched else 0,
        elapsed=(now - migration.created).total_seconds(),
        inside=(now - running.started).total_seconds() if running else 0.0,
        rate=rate,
        eta=eta,
    )
