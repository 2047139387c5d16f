"""How long the database migration will take, before it begins: a range, and which revisions make it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from migration_cockpit.advice import revisions, schema
from migration_cockpit.advice.rates import BUILT_IN, Rate, Rates
from migration_cockpit.advice.remembered import remembered
from migration_cockpit.session.migration import Chains, Measured, TableSize

SLOW = 0.05
"""Share of the whole from which a revision is named."""
FAB = "02ca36b0235b"
FAB_SECONDS = 0.5
"""A revision of FAB's with what its provider takes to be loaded before it."""
SUPERLINEAR = 0.3
"""So much more a row costs at ten times the rows measured: every batch scans what the ones before left dead."""
ROUND_TRIP = 0.0001
"""Seconds of a round trip that the built-in rates have in them."""
_BELOW, _ABOVE = 0.6, 2.0
"""The range of a built-in rate on another machine, at sizes that were measured."""
_BASE_MOST = 5.0
"""So many times its usual time a revision that rewrites nothing may take; there are some seventy of them."""
_OWN_BELOW, _OWN_ABOVE = 0.85, 1.25
_WIDER_BELOW, _WIDER_ABOVE = 0.1, 0.4
"""How much wider for every tenfold of the size measured."""
_UNKNOWN, _UNKNOWN_MOST = 0.05, 1.0
"""Seconds for each million rows of the largest table that a revision takes of which nothing is known: the mean and the
most of the 54 that came after 3.0, which is all that one can say of those that come next."""
_BYTES_A_ROW = 250.0
"""Where the catalogue has never counted a table's rows, its size tells them."""


@dataclass(frozen=True)
class Part:
    """One revision of the way, in seconds."""

    revision: str
    low: float
    likely: float
    high: float
    table: str = ""
    rows: float = 0.0
    rate: Rate | None = None


@dataclass(frozen=True)
class Estimate:
    """The whole way. `parts` are in their order, `start` and `end` stand before and after them."""

    start: float
    end: float
    parts: tuple[Part, ...]
    said: str
    """What the rates are."""

    @property
    def likely(self) -> float:
        """Seconds, from the Job's creation to its end."""
        return self._fixed() + self._likely()

    @property
    def low(self) -> float:
        """Seconds that it takes at least, as far as one can tell."""
        return self._fixed() + self._likely() - self._spread(below=True)

    @property
    def high(self) -> float:
        """Seconds that it takes at most, as far as one can tell."""
        return self._fixed() + self._likely() + self._spread(below=False)

    def _fixed(self) -> float:
        return self.start + self.end

    def _likely(self) -> float:
        return sum(part.likely for part in self.parts)

    def _spread(self, *, below: bool) -> float:
        # One machine is slow or quick in everything: what is off in one part is off in the others.
        return sum(part.likely - part.low if below else part.high - part.likely for part in self.parts)

    def slow(self) -> tuple[Part, ...]:
        """The revisions that make most of it, the slowest first."""
        whole = self.likely
        found = [part for part in self.parts if part.rate is not None and part.likely >= max(1.0, SLOW * whole)]
        return tuple(sorted(found, key=lambda part: -part.likely))


@remembered
def estimate(
    measured: Measured, source: str, target: str, rates: Rates = BUILT_IN, told: Chains | None = None
) -> Estimate | None:
    """The estimate for a way between two Airflow versions; None when the way is not known.

    `told` is the way as the target's image tells it. A revision that nothing is known of widens the range, and the
    estimate says how many there are.
    """
    way = revisions.way(source, target, told)
    if not way:
        return None
    parts = [_part(each.revision, measured, rates) for each in way]
    if told is not None:
        fab = [each.revision for each in revisions.of_fab(told)]
    else:
        reference = schema.reference(target)
        fab = [FAB] if reference is not None and reference.fab_head == FAB else []
    parts += [Part(each, FAB_SECONDS / 2, FAB_SECONDS, FAB_SECONDS * 3) for each in fab]
    guessed = sum(1 for each in way if _unknown(each.revision, rates))
    said = (
        f"{rates.said}, guessed for {guessed} revision{'s' * (guessed > 1)} not known here" if guessed else rates.said
    )
    return Estimate(rates.start, rates.end, tuple(parts), said)


def _unknown(revision: str, rates: Rates) -> bool:
    return revision not in rates.by_revision and not revisions.is_shipped(revision)


def _part(revision: str, measured: Measured, rates: Rates) -> Part:
    rate = rates.by_revision.get(revision)
    if rate is None and _unknown(revision, rates):
        most = max((_rows(each) for each in measured.tables.values()), default=0.0) / 1e6
        likely = rates.base + _UNKNOWN * most
        return Part(revision, rates.base / 3, likely, rates.base * _BASE_MOST + _UNKNOWN_MOST * most)
    if rate is None:
        return Part(revision, rates.base / 3, rates.base, rates.base * _BASE_MOST)
    few, rows = rows_of(rate, measured)
    millions = rows / 1e6
    beyond = max(0.0, math.log10(max(millions, 1e-9) / rate.measured))
    each = rate.seconds * (1 + (SUPERLINEAR * beyond if rate.batches and not rate.by_row else 0.0))
    # A round trip from the cockpit may be longer than the Job's: it bounds, a thousandth of a second is likely.
    most = 1e6 * max(0.0, measured.round_trip - ROUND_TRIP) if rate.by_row and not rates.own else 0.0
    trip = min(most, 1000.0)
    below, above = (_OWN_BELOW, _OWN_ABOVE) if rates.own else (_BELOW, _ABOVE)
    low = max(0.3, below - _WIDER_BELOW * beyond) * each * few / 1e6
    high = (above + _WIDER_ABOVE * beyond) * each * millions + max(0.0, most - trip) * millions
    likely = (each + trip) * (millions if few == rows else (few / 1e6 + millions) / 2)
    return Part(
        revision,
        rates.base / 3 + low,
        rates.base + likely,
        max(rates.base * _BASE_MOST + high, rates.base + likely),
        table=rate.table,
        rows=rows,
        rate=rate,
    )


def rows_of(rate: Rate, measured: Measured) -> tuple[float, float]:
    """At least and at most so many rows of the kind that a rate counts; large rows count as several."""
    if rate.table == "conf":
        most = _rows(measured.tables.get("dag_run", TableSize()))
        return (most * 0.1, most) if measured.conf is None else (float(measured.conf), float(measured.conf))
    table = measured.tables.get(rate.table, TableSize())
    rows = _rows(table)
    if rate.row_bytes and table.size and rows:
        rows = max(rows, table.size / rate.row_bytes)
    return rows, rows


def _rows(table: TableSize) -> float:
    """Rows of a table; where the catalogue has not counted them, as many as its size may hold."""
    return float(table.rows) if table.rows > 0 else table.size / _BYTES_A_ROW


def words(found: Estimate, *, most: int = 3) -> str:
    """`9 to 16 min: task_instance 12.4 M rows, xcom 3.1 M rows`."""
    slow = found.slow()[:most]
    tables = list(dict.fromkeys(f"{_named(part)} {millions(part.rows)} rows" for part in slow))
    return span(found.low, found.high) + (f": {', '.join(tables)}" if tables else "")


def _named(part: Part) -> str:
    return "dag_run.conf" if part.table == "conf" else part.table


def span(low: float, high: float) -> str:
    """Two durations in the larger one's unit: `40 to 70 s`, `9 to 16 min`, `1.5 to 3.2 h`."""
    if high < 120:
        return f"{low:.0f} to {high:.0f} s"
    if high < 7200:
        return f"{max(1.0, low / 60):.0f} to {math.ceil(high / 60)} min"
    return f"{low / 3600:.1f} to {high / 3600:.1f} h"


def millions(rows: float) -> str:
    """A number of rows with one decimal: 12.4 M, 55.0 k, 412."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rows >= size:
            figures = rows / size
            return f"{figures:.1f} {unit}" if figures < 100 else f"{figures:.0f} {unit}"
    return f"{rows:.0f}"


def tables(rates: Rates = BUILT_IN) -> Sequence[str]:
    """The tables whose sizes the estimate needs."""
    return sorted({rate.table for rate in rates.by_revision.values()} - {"conf"} | {"dag_run"})
