"""How a postponement changes State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import LogEntry, Postponement, State


def _started(state: State, event: ev.PostponeStarted, t: datetime) -> dict[str, Any]:
    before = state.postponement
    began = Postponement(
        started=t, operator=event.operator, reason=event.reason, attempt=before.attempt + 1 if before else 1
    )
    text = f"{event.operator} postpones the migration: {event.reason}"
    return {"postponement": began, **logged(state, LogEntry(t=t, source="cockpit", text=text, level="step"))}


def _ended(state: State, event: ev.PostponeEnded, t: datetime) -> dict[str, Any]:
    before = state.postponement
    if before is None:
        return {}
    after = msgspec.structs.replace(
        before, ended=t, outcome=event.outcome, why=event.why, checks=event.checks, starts_from=event.starts_from
    )
    if event.outcome == "verified":
        said, level = "the migration is postponed; " + " ".join(event.starts_from), "good"
    else:
        said, level = f"postponing failed: {event.why}", "bad"
    return {"postponement": after, **logged(state, LogEntry(t=t, source="cockpit", text=said, level=level))}


FOLDS: Folds = {ev.PostponeStarted: _started, ev.PostponeEnded: _ended}
"""How each event of this part changes State."""
