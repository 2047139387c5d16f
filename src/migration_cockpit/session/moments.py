"""Moments as people type them: 10:32, -5m, +1h30m, 2026-05-16 17:00. All of them are UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

TAKES = "17:00, +90m, +1h30m or 2026-05-16 17:00, all UTC"
LONGEST = timedelta(hours=24)
"""A window that is moved by more than a day is another plan, not a longer window."""

_LENGTH = re.compile(r"([+-])(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?Z?")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]|$)")


class NoMoment(ValueError):
    """What was typed is no moment that is taken here; the message says what was found and what is taken."""


def past_note(text: str, now: datetime, opened: datetime) -> tuple[datetime | None, str]:
    """A note's moment and its text: `-5m text` and `10:32 text` are of the past, anything else is of now (None).

    Raises NoMoment for a moment that is to come or lies before the session was opened, and for one without a text.
    """
    word, _, rest = text.strip().partition(" ")
    moment = _ago(word, now) or _last(word, now)
    if moment is None:
        return None, text.strip()
    if not rest.strip():
        raise NoMoment(f"{word} is a moment without a note: write what happened behind it")
    if moment > now:
        raise NoMoment(f"{word} is still to come; a note is of now or of the past")
    if moment < opened:
        raise NoMoment(f"{word} is before the session was opened at {opened:%H:%M:%S}")
    return moment, rest.strip()


def later_end(text: str, now: datetime, end: datetime) -> tuple[datetime, str]:
    """A new end of the window and the reason for it: `17:00 the block cost us half an hour`. `+90m` counts from
    the end as it is, or from now where that has passed.

    Raises NoMoment when there is no moment, no reason, or the moment is not later than `end` and `now`.
    """
    text = text.strip()
    if not text:
        raise NoMoment(f"type the new end, then why: it takes {TAKES}")
    word, rest = _first_moment(text)
    moment = _sum(word, max(now, end)) or _date(word) or _next(word, max(now, end - LONGEST))
    if moment is None:
        raise NoMoment(f"{word} is no moment: it takes {TAKES}")
    if moment <= end:
        raise NoMoment(f"{_said(moment, now)} is not later than {_said(end, now)}, when the window ends now")
    if moment <= now:
        raise NoMoment(f"{_said(moment, now)} has passed; it is {now:%H:%M}")
    if moment - max(now, end) > LONGEST:
        raise NoMoment(f"{moment:%Y-%m-%d %H:%M} is more than a day later: that is another plan, not a longer window")
    if not rest:
        raise NoMoment(f"to {_said(moment, now)}: why? Type the reason behind the time")
    return moment, rest


def _first_moment(text: str) -> tuple[str, str]:
    """The moment at the beginning of a text and what stands behind it; a date and its time are one moment."""
    word, _, rest = text.partition(" ")
    if _DAY.fullmatch(word):
        clock, _, rest = rest.strip().partition(" ")
        word = f"{word} {clock}"
    return word, rest.strip()


def _said(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M}"


def _length(word: str, sign: str) -> timedelta | None:
    match = _LENGTH.fullmatch(word)
    if match is None or match[1] != sign or not any(match.groups()[1:]):
        return None
    hours, minutes, seconds = (int(each or 0) for each in match.groups()[1:])
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _ago(word: str, now: datetime) -> datetime | None:
    length = _length(word, "-")
    return None if length is None else now - length


def _sum(word: str, end: datetime) -> datetime | None:
    length = _length(word, "+")
    return None if length is None else end + length


def time_of_day(word: str, day: datetime) -> datetime | None:
    """`10:32` or `10:32:07` on a day, its zone kept; None for anything else."""
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    hour, minute, second = (int(each or 0) for each in match.groups())
    if hour > 23 or minute > 59 or second > 59:
        return None
    return day.replace(hour=hour, minute=minute, second=second, microsecond=0)


def _last(word: str, now: datetime) -> datetime | None:
    """The last such time of day; one that is to come today, when it was yesterday more than half a day ago."""
    moment = time_of_day(word, now)
    if moment is None or moment <= now:
        return moment
    return moment - timedelta(days=1) if moment - now > timedelta(hours=12) else moment


def _next(word: str, after: datetime) -> datetime | None:
    """The first such time of day after a moment."""
    moment = time_of_day(word, after)
    if moment is None:
        return None
    return moment if moment > after else moment + timedelta(days=1)


def _date(word: str) -> datetime | None:
    if not _DAY.match(word):
        return None
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
