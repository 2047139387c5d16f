"""How wide what a command prints may be."""

from __future__ import annotations

import os


def width(widest: int) -> int:
    """Columns to print in: the terminal's, `widest` at most, and `widest` where there is no terminal."""
    try:
        return min(widest, os.get_terminal_size().columns)
    except OSError:
        return widest
