"""Moments as advice says them, and sentences."""

from __future__ import annotations

from datetime import datetime


def clock(moment: datetime) -> str:
    """10:32."""
    return moment.strftime("%H:%M")


def between(low: datetime, high: datetime) -> str:
    """between 10:32 and 10:47; at 10:32 where both are the same minute."""
    first, last = clock(low), clock(high)
    return f"at {first}" if first == last else f"between {first} and {last}"


def moment(when: datetime, now: datetime) -> str:
    """at 10:32; with its date where that is not today."""
    return f"at {clock(when)}" if when.date() == now.date() else f"on {when:%Y-%m-%d} at {clock(when)}"


def sentence(text: str) -> str:
    """The text with a capital first and a full stop at its end."""
    return f"{capital(text)}{'' if text.endswith(('.', '!', '?')) else '.'}"


def capital(text: str) -> str:
    """The text with a capital first; DAGs stay DAGs."""
    return f"{text[:1].upper()}{text[1:]}"
