"""Rows of a pane as plain values: what stands in them, by what they sort, and which are left by a filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """One column. `cells` is its width; 0 takes what is left. A negative one aligns to the right."""

    name: str
    cells: int = 0
    least: int = 0
    """Width of the whole table from which it is shown."""
    prose: bool = False
    """Whether what has no room is cut at its end, as in a sentence; names are cut in their middle."""


@dataclass(frozen=True)
class Row:
    """One row. `key` names it for as long as it exists."""

    key: str
    cells: tuple[str, ...]
    """One text for each column."""
    order: tuple[Any, ...] = ()
    """What each column sorts by, where that is not its text; None comes last."""
    glyph: str = " "
    tone: str = "text"

    def sorts_by(self, column: int) -> tuple[bool, Any]:
        """Its place in a column's order."""
        value = self.order[column] if self.order else self.cells[column].lower()
        return value is None, value if value is not None else 0


@dataclass(frozen=True)
class Table:
    """A pane's rows in the order in which the pane has them."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    what: str
    """What a row is, in one word: pod, session."""
    newest_last: bool = False
    """Whether one begins to read at the end."""
    told: str = ""
    """How many rows of which kind there are, where they are of several."""


def arranged(table: Table, words: str, column: int, *, down: bool) -> Sequence[Row]:
    """The rows that hold every word that is typed, sorted by a column; -1 leaves them as they are."""
    wanted = words.lower().split()
    rows = [row for row in table.rows if _holds(row, wanted)] if wanted else list(table.rows)
    if 0 <= column < len(table.columns):
        known = [row for row in rows if not row.sorts_by(column)[0]]
        unknown = [row for row in rows if row.sorts_by(column)[0]]
        rows = sorted(known, key=lambda row: row.sorts_by(column), reverse=down) + unknown
    return rows


def _holds(row: Row, wanted: Sequence[str]) -> bool:
    text = " ".join(row.cells).lower()
    return all(word in text for word in wanted)
