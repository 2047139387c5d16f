"""A course of measured values that never outgrows its memory, however long the session was."""

from __future__ import annotations

from datetime import datetime, timedelta

MOST = 600
"""Buckets that a series keeps at most: more than a chart can show."""


class Series:
    """Means over equal stretches of time. When there are too many, each two become one, twice as long."""

    def __init__(self, bucket: float = 1.0) -> None:
        """`bucket` is the shortest stretch, in seconds."""
        self._bucket = bucket
        self._start: datetime | None = None
        self._sums: dict[int, tuple[float, int]] = {}
        self.lowest: float | None = None
        self.highest: float | None = None

    def add(self, t: datetime, value: float) -> None:
        """One more value, measured at `t`; moments before the first one count as the first."""
        self._start = self._start or t
        number = max(0, int((t - self._start).total_seconds() / self._bucket))
        total, count = self._sums.get(number, (0.0, 0))
        self._sums[number] = (total + value, count + 1)
        self.lowest = value if self.lowest is None else min(self.lowest, value)
        self.highest = value if self.highest is None else max(self.highest, value)
        if len(self._sums) > MOST:
            self._halve()

    def _halve(self) -> None:
        self._bucket *= 2
        halved: dict[int, tuple[float, int]] = {}
        for number, (total, count) in self._sums.items():
            before, counted = halved.get(number // 2, (0.0, 0))
            halved[number // 2] = (before + total, counted + count)
        self._sums = halved

    def points(self) -> list[tuple[datetime, float]]:
        """The means in the order of time."""
        if self._start is None:
            return []
        return [
            (self._start + timedelta(seconds=number * self._bucket), total / count)
            for number, (total, count) in sorted(self._sums.items())
        ]

    def mean(self) -> float | None:
        """Mean of all values; None when there are none."""
        count = sum(each for _, each in self._sums.values())
        return sum(each for each, _ in self._sums.values()) / count if count else None
