"""How an event changes State: `fold` is pure, without a clock or I/O.

A live screen, a replay and a watcher fold the same events and so show the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold import records, rollback, session, sources, steps
from migration_cockpit.session.state import State

_FOLDS: dict[type[ev.Event], Any] = {
    **session.FOLDS,
    **steps.FOLDS,
    **rollback.FOLDS,
    **records.FOLDS,
    **sources.FOLDS,
}


def fold(state: State, event: ev.Event, t: datetime, seq: int) -> State:
    """The state after an event that happened at `t` as number `seq`. Events of no consequence only move the time."""
    change = _FOLDS.get(type(event))
    changes: dict[str, Any] = change(state, event, t) if change else {}
    return msgspec.structs.replace(state, t=t, seq=seq, **changes)
