"""How times, lengths of time, sizes and counts are said, on the screen and in a report. Times are UTC."""

from __future__ import annotations

from datetime import datetime


def hm(moment: datetime | None) -> str:
    """10:32, or five blanks."""
    return moment.strftime("%H:%M") if moment else "     "


def hms(moment: datetime) -> str:
    """10:32:07."""
    return moment.strftime("%H:%M:%S")


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Seconds from one moment to another, never below zero."""
    return max(0.0, (later - earlier).total_seconds())


def age(seconds: float) -> str:
    """A short age: 7 s, 6m12s, 2h05m, 3d4h."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def span(seconds: float) -> str:
    """A length of time for planning: 40 s, 25 min, 5 h 27 m."""
    whole = int(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{whole // 60} min"
    if whole < 172800:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86400} days"


def minutes(seconds: float) -> str:
    """A drift in whole minutes with its sign, as wide as its digits: +6, +0."""
    whole = round(seconds / 60)
    return f"\N{MINUS SIGN}{-whole}" if whole < 0 else f"+{whole}"


_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(value: float) -> str:
    """A number with three figures or so: 412, 2.9 k, 12.4 M."""
    for size, unit in _LARGE:
        if abs(value) >= size * (10 if unit == "k" else 1):
            return f"{_figures(value / size)} {unit}"
    return f"{value:.0f}"


def size(value: float) -> str:
    """Bytes: 38 MB, 1.2 GB, in powers of ten."""
    for step, unit in _LARGE:
        if abs(value) >= step:
            return f"{_figures(value / step)} {unit}B"
    return f"{value:.0f} B"


def number(value: float) -> str:
    """A measured value: 0.42, 3.1, 128."""
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return _figures(value) if abs(value) >= 1 else f"{value:.2g}"


def _figures(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"


def plural(amount: int, one: str, many: str = "") -> str:
    """1 pod, 2 pods."""
    return f"{amount} {one if amount == 1 else many or one + 's'}"
