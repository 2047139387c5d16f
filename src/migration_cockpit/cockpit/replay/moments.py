"""Moments of a recording as people name them: 10:32, RFC 3339, +5m, step:5, start, end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from migration_cockpit.config import STEP_IDS
from migration_cockpit.session.moments import time_of_day

TAKES = "RFC 3339 (2026-05-16T10:32:07Z), 10:32, +5m, -90s, step:5, step:migrate, start or end"

_LENGTH = re.compile(r"([+-])(?:(\d{1,3})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s?)?")


class NoMoment(ValueError):
    """What was typed names no moment of this recording; the message says why, and what is taken."""


def moment(text: str, *, begin: datetime, end: datetime, here: datetime, steps: Mapping[str, datetime]) -> datetime:
    """The moment that a text names. `+5m` and `-90s` count from `here`; `steps` says when each step began.

    Raises NoMoment. A moment outside the recording is none of it.
    """
    word = text.strip()
    if word in {"start", "end"}:
        return begin if word == "start" else end
    if word.startswith("step:"):
        return _step(word.removeprefix("step:"), steps)
    found = _from_here(word, here) or _clock(word, begin, end) or _date(word)
    if found is None:
        raise NoMoment(f"{word or 'nothing'} names no moment: it takes {TAKES}")
    # What is shown to the second is taken to the second.
    if not begin - timedelta(seconds=1) <= found <= end + timedelta(seconds=1):
        raise NoMoment(
            f"{found:%Y-%m-%d %H:%M:%S}Z is outside the recording, "
            f"{begin:%Y-%m-%d %H:%M:%S}Z to {end:%Y-%m-%d %H:%M:%S}Z"
        )
    return min(max(found, begin), end)


def _step(name: str, steps: Mapping[str, datetime]) -> datetime:
    step = STEP_IDS[int(name) - 1] if name.isascii() and name.isdigit() and 0 < int(name) <= len(STEP_IDS) else name
    if step not in STEP_IDS:
        raise NoMoment(f"step:{name} is no step: there are 1 to {len(STEP_IDS)}, or {', '.join(STEP_IDS)}")
    if step not in steps:
        raise NoMoment(f"step {step} was not flown in this recording")
    return steps[step]


def _from_here(word: str, here: datetime) -> datetime | None:
    match = _LENGTH.fullmatch(word)
    if match is None or not any(match.groups()[1:]):
        return None
    hours, minutes, seconds = (int(each or 0) for each in match.groups()[1:])
    length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return here + length if match[1] == "+" else here - length


def _clock(word: str, begin: datetime, end: datetime) -> datetime | None:
    """A time of day: on the first day of the recording on which it lies in it."""
    day = time_of_day(word, begin)
    if day is None:
        return None
    return next((each for each in (day, day + timedelta(days=1)) if begin.replace(microsecond=0) <= each <= end), day)


def _date(word: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
