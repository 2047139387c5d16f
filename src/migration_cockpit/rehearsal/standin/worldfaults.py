"""The faults of the rehearsal that an Airflow process acts on, looked up in the world it runs in (if it does)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.rehearsal import faults

if TYPE_CHECKING:
    from pathlib import Path


def fault(world: Path | None, name: str) -> dict[str, object] | None:
    """The options of fault `name` while it is switched on, else None; outside a world nothing is ever switched on."""
    if world is None or name not in faults.FAULTS:
        return None
    return faults.active(world, name)
