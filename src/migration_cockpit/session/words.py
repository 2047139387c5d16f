"""How times, lengths of time, sizes and counts are said, on the screen and in a report. Times are UTC."""

from __future__ import annotations

from datetime import datetime

MINUS = "\N{MINUS SIGN}"


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
    """A time that ticks, or stands in a column, as kubectl spells it: 7s, 6m12s, 2h05m, 3d4h."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def coarse(seconds: float) -> str:
    """An age of which seconds say nothing and would change its row each second: 5m, 3h, 2d."""
    whole = int(max(0.0, seconds))
    for unit, size in (("d", 86400), ("h", 3600)):
        if whole >= 2 * size:
            return f"{whole // size}{unit}"
    return f"{whole // 60}m"


def long(seconds: float) -> str:
    """A length of time in a sentence: 40 s, 25 min, 1 h 05 min, 2 h, 3 days 4 h."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 172_800:
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60:02} min" if whole % 3600 >= 60 else "")
    return f"{whole // 86400} days" + (f" {whole % 86400 // 3600} h" if whole % 86400 >= 3600 else "")


def minutes(seconds: float) -> str:
    """A drift in whole minutes with its sign, as wide as its digits: +6, +0."""
    return _signed(seconds / 60, f"{abs(round(seconds / 60))}")


def percent(value: float) -> str:
    """A change in percent with its sign: +34 %, -5 %, with a minus sign."""
    return _signed(value, f"{abs(round(value))} %")


def difference(value: float, unit: str = "") -> str:
    """A change with its sign and its unit: +118, -0.4 s, with a minus sign."""
    return _signed(value, f"{number(abs(value))}{f' {unit}' if unit else ''}")


def _signed(value: float, amount: str) -> str:
    less = value < 0 and any(digit in amount for digit in "123456789")
    return f"{MINUS if less else '+'}{amount}"


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
