"""Cron expressions, as far as the rehearsal's DAGs use them: `*`, `*/n`, numbers, ranges and lists, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_LIMIT = 366 * 5


class BadCronError(ValueError):
    """Not a cron expression that the rehearsal understands."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule that can be asked for the tick after or before a moment."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def after(self, moment: datetime) -> datetime:
        """The first tick later than `moment`."""
        start = moment.replace(second=0, microsecond=0) + _MINUTE
        day = start
        for _ in range(_LIMIT):
            if self._has_day(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        tick = day.replace(hour=hour, minute=minute)
                        if tick >= start:
                            return tick
            day = (day + _DAY).replace(hour=0, minute=0)
        raise BadCronError("this schedule never comes")

    def until(self, moment: datetime) -> datetime:
        """The last tick not later than `moment`."""
        end = moment.replace(second=0, microsecond=0)
        day = end
        for _ in range(_LIMIT):
            if self._has_day(day):
                for hour in reversed(self.hours):
                    for minute in reversed(self.minutes):
                        tick = day.replace(hour=hour, minute=minute)
                        if tick <= end:
                            return tick
            day = (day - _DAY).replace(hour=23, minute=59)
        raise BadCronError("this schedule never came")

    def _has_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        # Cron's own rule: when both are restricted, either is enough.
        return in_month and in_week if self.any_day or self.any_weekday else in_month or in_week


def cron(text: str) -> Cron:
    """Read a cron expression or one of Airflow's presets; raises BadCronError."""
    fields = _PRESETS.get(text, text).split()
    if len(fields) != 5:
        raise BadCronError(f"{text!r} is not a cron expression of five fields")
    minutes, hours, days, months = (
        _values(field, low, high)
        for field, (low, high) in zip(fields, ((0, 59), (0, 23), (1, 31), (1, 12)), strict=False)
    )
    weekdays = frozenset(value % 7 for value in _values(fields[4], 0, 7))
    return Cron(
        tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, fields[2] == "*", fields[4] == "*"
    )


def _values(field: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            if span == "*":
                start, stop = low, high
            else:
                start = int(first)
                stop = int(last) if last else (high if step else start)
            found.update(range(start, stop + 1, int(step) if step else 1))
        except ValueError as error:
            raise BadCronError(f"{field!r} is not a cron field") from error
    return frozenset(value for value in found if low <= value <= high)
