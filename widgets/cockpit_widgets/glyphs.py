"""The same text in ASCII, cell by cell, for a font or a locale that has no more: every glyph becomes one character."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

from rich.cells import cell_len

Spelling = Callable[[str], str]
"""A text as it is drawn: another one of the same width in cells."""

_TABLE = str.maketrans(
    {
        # status
        **dict(zip("✔✖▲▶◀»○◌●✎", "vx!><>o.*#", strict=True)),
        # frames and trees
        **dict(zip("─━│╭╮╰╯├└┷┬┼┤╌", "-=|++++|`++++-", strict=True)),
        # bars and courses: more ink for more
        **dict(zip("▁▂▃▄▅▆▇█", "_.,-=+*#", strict=True)),
        **dict(zip("░▏▎▍▌▋▊▉", "....::::", strict=True)),
        # arrows and signs
        **dict(zip("↑↓←→‖·…", "^v<>=-~", strict=True)),
        **dict.fromkeys("\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}", "-"),
        **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
        "\N{MULTIPLICATION SIGN}": "x",
    }
)


def as_it_is(text: str) -> str:
    """For terminals that draw all of it."""
    return text


@lru_cache(8192)
def ascii_only(text: str) -> str:
    """A text of printable ASCII, as wide as the one given. A letter loses its accent, the unknown becomes `?`."""
    if text.isascii():
        return text
    drawn = text.translate(_TABLE)
    return drawn if drawn.isascii() else "".join(map(_plain, drawn))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    width = cell_len(character)
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return base[:width].ljust(width, "?")
