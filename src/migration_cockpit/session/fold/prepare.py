"""How the preparation changes State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import LogEntry, PrepareState, PrerequisiteState, State


def _started(state: State, event: ev.PrepareStarted, t: datetime) -> dict[str, Any]:
    """What was seen before stays until it is seen anew."""
    before = state.prepare
    looks = before.looks + 1 if before else 1
    seen = before.seen if before else {}
    return {"prepare": PrepareState(started=t, operator=event.operator, looks=looks, seen=seen)}


def _seen(state: State, event: ev.PrerequisiteSeen, t: datetime) -> dict[str, Any]:
    before = state.prepare
    if before is None:
        return {}
    seen = {**before.seen, event.id: PrerequisiteState(at=t, event=event)}
    return {"prepare": msgspec.structs.replace(before, seen=seen)}


def _ended(state: State, event: ev.PrepareEnded, t: datetime) -> dict[str, Any]:
    before = state.prepare
    if before is None:
        return {}
    text = f"prerequisites: {event.ready} of {event.total} ready"
    level = "good" if event.ready == event.total else "careful"
    if event.gave_way:
        text, level = f"the look at the prerequisites gave way: {event.why}", "info"
    elif event.why:
        text, level = f"the prerequisites could not be looked at: {event.why}", "bad"
    entry = LogEntry(t=t, source="cockpit", text=text, level=level)
    return {"prepare": msgspec.structs.replace(before, ended=t, why=event.why)} | logged(state, entry)


FOLDS: Folds = {ev.PrepareStarted: _started, ev.PrerequisiteSeen: _seen, ev.PrepareEnded: _ended}
"""How each event of this part changes State."""
