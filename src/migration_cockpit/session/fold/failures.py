"""How known failures change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import FailureState, LogEntry, State


def _shown(state: State, event: ev.FailureShown, t: datetime) -> dict[str, Any]:
    change: dict[str, Any] = {"failures": {**state.failures, event.failure: FailureState(since=t, event=event)}}
    if event.severity == "expected":
        return change
    text = f"known failure in {event.where}: {event.title} ({event.failure})"
    return change | logged(state, LogEntry(t=t, source="cockpit", text=text, level=event.severity))


def _gone(state: State, event: ev.FailureGone, t: datetime) -> dict[str, Any]:
    before = state.failures.get(event.failure)
    if before is None or before.ended is not None:
        return {}
    after = msgspec.structs.replace(before, ended=t, why=event.why)
    change: dict[str, Any] = {"failures": {**state.failures, event.failure: after}}
    if before.event.severity == "expected":
        return change
    entry = LogEntry(t=t, source="cockpit", text=f"{before.event.failure} shows no more: {event.why}", level="good")
    return change | logged(state, entry)


FOLDS: Folds = {ev.FailureShown: _shown, ev.FailureGone: _gone}
"""How each event of this part changes State."""
