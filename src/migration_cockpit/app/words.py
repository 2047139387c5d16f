"""How values are said on the screen: times in UTC, ages, sizes, rates, and the glyph and word of each status."""

from __future__ import annotations

from migration_cockpit.session.words import (
    age,
    coarse,
    count,
    hm,
    hms,
    long,
    minutes,
    number,
    plural,
    seconds_between,
    size,
)

__all__ = [
    "GLYPHS",
    "OUTCOME_TONES",
    "age",
    "coarse",
    "count",
    "hm",
    "hms",
    "long",
    "minutes",
    "number",
    "plural",
    "seconds_between",
    "size",
]

GLYPHS = {
    "verified": "✔",
    "overridden": "▲",
    "skipped": "»",
    "failed": "✖",
    "aborted": "✖",
    "running": "▶",
    "next": "○",
    "waiting": "◌",
    "good": "✔",
    "careful": "▲",
    "bad": "✖",
    "note": "✎",
    "step": "▶",
    "info": " ",
    "unknown": "?",
}
"""One cell each; never alone: a word or a number stands beside it."""

OUTCOME_TONES = {
    "verified": "good",
    "overridden": "careful",
    "skipped": "careful",
    "failed": "bad",
    "aborted": "bad",
}
