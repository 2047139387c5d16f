"""The time series: every scrape's samples, in memory, at a cost that follows what changes.

All series are scraped at the same moments, so a series keeps only runs of equal values between two scrapes; a gauge
that does not move costs nothing. A series that is missing in a scrape is stale from there on, as in Prometheus. The
history from before the first scrape (``backfill``) has timestamps of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Labels = tuple[tuple[str, str], ...]
Sample = tuple[float, float]
LOOKBACK_SECONDS = 300.0
"""How old the newest sample may be that an instant query still takes (Prometheus' default)."""

OPEN = -1


@dataclass
class Series:
    """One series: ``labels`` with ``__name__``; runs by number of the first and last scrape that they cover."""

    labels: Labels
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    history: list[Sample] = field(default_factory=list)

    def set(self, scrape: int, value: float) -> None:
        """Have ``value`` from ``scrape`` on."""
        if self.values and self.last[-1] == OPEN:
            if self.values[-1] == value:
                return
            self.end(scrape)
        self.first.append(scrape)
        self.last.append(OPEN)
        self.values.append(value)

    def end(self, scrape: int) -> None:
        """Have no value from ``scrape`` on."""
        if self.values and self.last[-1] == OPEN:
            if self.first[-1] >= scrape:
                del self.first[-1], self.last[-1], self.values[-1]
            else:
                self.last[-1] = scrape - 1

    def at(self, scrape: int) -> float | None:
        """Return the value in a scrape, None when the series was not in it."""
        run = bisect_right(self.first, scrape) - 1
        if run < 0 or (self.last[run] != OPEN and self.last[run] < scrape):
            return None
        return self.values[run]


class Store:
    """All series, by name."""

    def __init__(self) -> None:
        self.scrapes: list[float] = []
        self._series: dict[Labels, Series] = {}
        self._by_name: dict[str, list[Series]] = {}

    def scrape(self, now: float, changed: Iterable[tuple[Labels, float]]) -> None:
        """Add a scrape at ``now`` (Unix seconds) in which ``changed`` have new values and the rest is as before."""
        number = len(self.scrapes)
        for labels, value in changed:
            self.series(labels).set(number, value)
        self.scrapes.append(now)

    def end(self, keep: Iterable[Labels] = ()) -> None:
        """Let every series but ``keep`` be missing from the next scrape on."""
        kept = set(keep)
        for labels, series in self._series.items():
            if labels not in kept:
                series.end(len(self.scrapes))

    def series(self, labels: Labels) -> Series:
        """Return the series with exactly these labels, new when there was none."""
        found = self._series.get(labels)
        if found is None:
            found = self._series[labels] = Series(labels)
            self._by_name.setdefault(dict(labels)["__name__"], []).append(found)
        return found

    def backfill(self, labels: Labels, points: Iterable[Sample]) -> None:
        """Add history; points that are not older than the first scrape are left out."""
        limit = self.scrapes[0] if self.scrapes else float("inf")
        series = self.series(labels)
        for point in points:
            if point[0] < limit:
                insort(series.history, point)

    def named(self, name: str | None) -> list[Series]:
        """Return the series of a name, or all of them."""
        if name is None:
            return list(self._series.values())
        return self._by_name.get(name, [])

    def value_at(self, series: Series, moment: float) -> float | None:
        """Return the newest value at ``moment``: not older than the look-back, and not stale."""
        scrape = bisect_right(self.scrapes, moment) - 1
        if scrape < 0:
            return _newest(series.history, moment)
        if moment - self.scrapes[scrape] > LOOKBACK_SECONDS:
            return None
        return series.at(scrape)

    def samples(self, series: Series, begin: float, end: float) -> list[Sample]:
        """Return the samples after ``begin`` up to and including ``end``."""
        low = bisect_right(series.history, (begin, float("inf")))
        high = bisect_right(series.history, (end, float("inf")))
        found = series.history[low:high]
        from_scrape, to_scrape = bisect_right(self.scrapes, begin), bisect_right(self.scrapes, end) - 1
        run = max(0, bisect_right(series.first, from_scrape) - 1)
        for number in range(run, len(series.values)):
            first, last = series.first[number], series.last[number]
            if first > to_scrape:
                break
            last = to_scrape if last == OPEN else min(last, to_scrape)
            value = series.values[number]
            found.extend((self.scrapes[scrape], value) for scrape in range(max(first, from_scrape), last + 1))
        return found


def _newest(history: list[Sample], moment: float) -> float | None:
    place = bisect_left(history, (moment, float("inf"))) - 1
    if place < 0 or moment - history[place][0] > LOOKBACK_SECONDS:
        return None
    return history[place][1]
