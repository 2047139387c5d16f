"""Cron schedules of five fields."""

from __future__ import annotations

from datetime import datetime, timedelta

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_HORIZON = timedelta(days=366 * 4)


def _field(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = low, high
        if span not in ("*", "?"):
            start, _, end = span.partition("-")
            first = int(start)
            last = int(end) if end else high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


def next_time(schedule: str, after: datetime) -> datetime | None:
    """The first minute of a five-field cron schedule after `after`; None when there is none within four years.

    Raises ValueError for a schedule that does not parse.
    """
    fields = _MACROS.get(schedule.strip(), schedule).split()
    if len(fields) != len(_RANGES):
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{schedule}]")
    minutes, hours, days, months, weekdays = (
        _field(text, *limits) for text, limits in zip(fields, _RANGES, strict=True)
    )
    weekdays = {day % 7 for day in weekdays}
    any_day, any_weekday = fields[2] in ("*", "?"), fields[4] in ("*", "?")
    moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while moment - after < _HORIZON:
        by_day, by_weekday = moment.day in days, moment.isoweekday() % 7 in weekdays
        fits = (by_day and by_weekday) if any_day or any_weekday else (by_day or by_weekday)
        if moment.month not in months or not fits:
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
        elif moment.hour not in hours:
            moment = moment.replace(minute=0) + timedelta(hours=1)
        elif moment.minute not in minutes:
            moment += timedelta(minutes=1)
        else:
            return moment
    return None


def last_time(schedule: str, since: datetime, now: datetime) -> datetime | None:
    """The last scheduled minute in (since, now], or None: of several missed times only the last one counts.

    Raises ValueError for a schedule that does not parse.
    """
    for reach in (timedelta(hours=1), timedelta(days=1), timedelta(days=31), _HORIZON):
        found = None
        later = next_time(schedule, max(since, now - reach))
        while later is not None and later <= now:
            found = later
            later = next_time(schedule, later)
        if found is not None or now - reach <= since:
            return found
    return None
