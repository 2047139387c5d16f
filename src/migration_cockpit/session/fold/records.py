"""How ledger, recovery points, messages, log and verdict change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import (
    LogEntry,
    MessageState,
    State,
)


def _ledger(_: State, event: ev.LedgerWritten, __: datetime) -> dict[str, Any]:
    return {"ledger": event}


def _recovery(state: State, event: ev.RecoveryPoint, _: datetime) -> dict[str, Any]:
    others = tuple(point for point in state.recovery_points if point.name != event.name)
    return {"recovery_points": (*others, event)}


def _baseline(_: State, event: ev.BaselineTaken, __: datetime) -> dict[str, Any]:
    return {"baseline": event}


def _queued(state: State, event: ev.MessageQueued, t: datetime) -> dict[str, Any]:
    if event.message in state.messages:
        return {}
    message = MessageState(step=event.step, text=event.text, queued=t)
    return {"messages": {**state.messages, event.message: message}}


def _tried(state: State, event: ev.MessageTried, t: datetime) -> dict[str, Any]:
    before = state.messages.get(event.message)
    if before is None:
        return {}
    after = msgspec.structs.replace(before, sent=t if event.sent else None, tries=before.tries + 1, detail=event.detail)
    if event.sent:
        entry = LogEntry(t=t, source="cockpit", text=f"message {event.message} sent", level="good")
    else:
        entry = LogEntry(t=t, source="cockpit", text=f"message {event.message} not sent: {event.detail}", level="bad")
    repeated = not event.sent and before.detail == event.detail
    return {"messages": {**state.messages, event.message: after}, **({} if repeated else logged(state, entry))}


def _log(state: State, event: ev.LogLine, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source=event.source, text=event.text, level=event.level)
    positions = {**state.log_positions, event.source: event.at} if event.at else state.log_positions
    return {**logged(state, entry), "log_positions": positions}


_VERDICT_LEVELS = {"WORKING": "good", "DONE": "good", "SLOW": "careful", "QUIET": "careful"}


def _verdict(state: State, event: ev.VerdictChanged, t: datetime) -> dict[str, Any]:
    level = _VERDICT_LEVELS.get(event.verdict, "bad")
    entry = LogEntry(t=t, source="cockpit", text=f"verdict {event.verdict}: {event.evidence}", level=level)
    same = state.verdict is not None and state.verdict.verdict == event.verdict
    return {"verdict": event, "verdict_since": state.verdict_since if same else t, **logged(state, entry)}


FOLDS: Folds = {
    ev.LedgerWritten: _ledger,
    ev.RecoveryPoint: _recovery,
    ev.BaselineTaken: _baseline,
    ev.MessageQueued: _queued,
    ev.MessageTried: _tried,
    ev.LogLine: _log,
    ev.VerdictChanged: _verdict,
}
"""How each event of this part changes State."""
