"""How the updates for the channel change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import LogEntry, State, Updates


def _change(state: State, **changes: Any) -> dict[str, Updates]:
    return {"updates": msgspec.structs.replace(state.updates, **changes)}


def _prepared(state: State, event: ev.UpdatePrepared, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text=f"update {event.number} is prepared: {event.text}")
    return _change(state, number=event.number, text=event.text, prepared=t) | logged(state, entry)


def _queued(state: State, event: ev.MessageQueued, t: datetime) -> dict[str, Any]:
    return _change(state, queued=t, failed="") if event.step == ev.UPDATE else {}


def _tried(state: State, event: ev.MessageTried, t: datetime) -> dict[str, Any]:
    message = state.messages.get(event.message)
    if message is None or message.step != ev.UPDATE:
        return {}
    if event.sent:
        return _change(state, text="", prepared=None, queued=None, sent=t, failed="")
    return _change(state, queued=None, failed=event.detail or "it was not taken")


FOLDS: Folds = {
    ev.UpdatePrepared: _prepared,
    ev.MessageQueued: _queued,
    ev.MessageTried: _tried,
}
"""How each event of this part changes State."""
