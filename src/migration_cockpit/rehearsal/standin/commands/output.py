"""How Airflow's commands print lists: JSON on one line, or a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.logs import Log


def show(log: Log, rows: list[dict[str, str]], how: str) -> None:
    """Print `rows` as `-o json` or as a table; an empty table says "No data found"."""
    if how == "json":
        log.plain(json.dumps(rows))
        return
    if not rows:
        log.plain("No data found")
        return
    names = list(rows[0])
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    log.plain(" | ".join(name.ljust(widths[name]) for name in names))
    log.plain("=+=".join("=" * widths[name] for name in names))
    for row in rows:
        log.plain(" | ".join(row[name].ljust(widths[name]) for name in names))
