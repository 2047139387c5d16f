"""How Airflow's commands print lists: JSON on one line, or a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.logs import Log

Row = dict[str, str | Sequence[str] | None]
"""One line of a list; most values are strings even where they mean something else (`"True"`)."""


def show(log: Log, rows: Sequence[Row], how: str) -> None:
    """Print `rows` as `-o json` or as a table; an empty table says "No data found"."""
    if how == "json":
        log.plain(json.dumps(list(rows)))
        return
    if not rows:
        log.plain("No data found")
        return
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[column]) for line in cells)) for column, name in enumerate(names)]
    for line in (names, ["=" * width for width in widths], *cells):
        between = "=+=" if line[0].startswith("=") else " | "
        log.plain(between.join(text.ljust(width) for text, width in zip(line, widths, strict=True)))


def _cell(value: str | Sequence[str] | None) -> str:
    return value if isinstance(value, str) else "None" if value is None else ", ".join(value)
