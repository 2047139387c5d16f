"""The pieces that details are made of: headings, facts by name, and texts that may be long."""

from __future__ import annotations

from collections.abc import Iterable

from cockpit_widgets.spans import Line, line, wrap

NAME = 14
"""Cells of a fact's name."""


def heading(name: str, more: str = "") -> list[Line]:
    """A blank line and a heading, with what is to be said of it behind it."""
    return [(), line((name, "bold"), (f"   {more}" if more else "", "dim"))]


def fact(name: str, value: str, width: int, tone: str = "text") -> list[Line]:
    """A name and its value; nothing where there is none."""
    if not value:
        return []
    first, *rest = wrap(value, max(10, width - NAME - 2))
    lines = [line((f"  {name:<{NAME}}", "dim"), (first, tone))]
    return lines + [line((" " * (NAME + 2), "dim"), (each, tone)) for each in rest]


def text(words: str, width: int, tone: str = "text", *, lead: str = "  ") -> list[Line]:
    """A text behind a lead, in as many lines as it needs."""
    pad = " " * len(lead)
    return [
        line((lead if n == 0 else pad, "dim"), (each, tone)) for n, each in enumerate(wrap(words, width - len(lead)))
    ]


def texts(words: Iterable[str], width: int, tone: str = "text") -> list[Line]:
    """Several texts, one below the other."""
    return [each for one in words for each in text(one, width, tone)]
