"""How an event changes State: `fold` is pure, without a clock or I/O.

A live screen, a replay and a watcher fold the same events and so show the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold import (
    cost,
    dashboards,
    days,
    failures,
    guides,
    looks,
    migration,
    postpone,
    prepare,
    records,
    rollback,
    session,
    sources,
    steps,
    updates,
)
from migration_cockpit.session.state import State

_AREAS = (
    session,
    steps,
    rollback,
    postpone,
    prepare,
    records,
    sources,
    migration,
    failures,
    cost,
    days,
    updates,
    looks,
    guides,
    dashboards,
)
_FOLDS: dict[type[ev.Event], tuple[Any, ...]] = {
    cls: tuple(area.FOLDS[cls] for area in _AREAS if cls in area.FOLDS) for cls in ev.KINDS.values()
}
"""What each area makes of an event; no two areas change the same field of State."""


def fold(state: State, event: ev.Event, t: datetime, seq: int) -> State:
    """The state after an event that happened at `t` as number `seq`. Events of no consequence only move the time."""
    changes: dict[str, Any] = {}
    for change in _FOLDS.get(type(event), ()):
        changes |= change(state, event, t)
    return msgspec.structs.replace(state, t=t, seq=seq, **changes)
