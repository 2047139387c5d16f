"""How the way back changes State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, begun, logged
from migration_cockpit.session.state import LogEntry, RollbackState, StageState, State


def stage(state: State, stage_id: str | None, **changes: Any) -> dict[str, Any]:
    """State's change where a stage changes; None means the one that is not passed yet."""
    back = state.rollback
    if back is None:
        return {}
    wanted = stage_id or (back.stage.id if back.stage else "")
    stages = tuple(msgspec.structs.replace(each, **changes) if each.id == wanted else each for each in back.stages)
    return {"rollback": msgspec.structs.replace(back, stages=stages)}


def _considered(state: State, event: ev.RollbackConsidered, t: datetime) -> dict[str, Any]:
    way = f", way {event.way}" if event.way else ""
    to = f" to {event.point}" if event.point else ""
    why = f": {event.why or event.reason}" if event.why or event.reason else ""
    text = f"rollback {event.act} by {event.operator}{way}{to}{why}"
    return logged(state, LogEntry(t=t, source="cockpit", text=text, level="careful"))


def _started(state: State, event: ev.RollbackStarted, t: datetime) -> dict[str, Any]:
    back = RollbackState(
        number=(state.rollback.number if state.rollback else 0) + 1,
        way=event.way,
        point=event.point,
        method=event.method,
        operator=event.operator,
        reason=event.reason,
        job=event.job,
        started=t,
        stages=tuple(StageState(id=each.stage, title=each.title, expected=each.expected) for each in event.stages),
    )
    to = f" to {event.point}" if event.point else ""
    text = f"rollback by {event.operator}, way {event.way}{to}: {event.reason}"
    return {
        "rollback": back,
        "decision": None,
        **logged(state, LogEntry(t=t, source="cockpit", text=text, level="bad")),
    }


def _stage_started(state: State, event: ev.RollbackStageStarted, t: datetime) -> dict[str, Any]:
    again = f", attempt {event.attempt}" if event.attempt > 1 else ""
    entry = LogEntry(t=t, source="cockpit", text=f"rollback {event.stage}{again}", level="step")
    changes = stage(state, event.stage, **begun(t, event.operator, event.attempt))
    return {**changes, **logged(state, entry)}


_LEVEL = {"verified": "good", "skipped": "careful"}


def _stage_ended(state: State, event: ev.RollbackStageEnded, t: datetime) -> dict[str, Any]:
    text = f"rollback {event.stage}: {event.outcome}{f' · {event.why}' if event.why else ''}"
    entry = LogEntry(t=t, source="cockpit", text=text, level=_LEVEL.get(event.outcome, "bad"))
    changes: dict[str, Any] = {"ended": t, "outcome": event.outcome, "why": event.why, "progress": ""}
    if event.checks:
        changes["checks"] = event.checks
    return {**stage(state, event.stage, **changes), **logged(state, entry)}


def _ended(state: State, event: ev.RollbackEnded, t: datetime) -> dict[str, Any]:
    if state.rollback is None:
        return {}
    level = "bad" if event.outcome == "failed" else "good"
    text = f"rollback: {event.outcome}{f' · {event.why}' if event.why else ''}"
    back = msgspec.structs.replace(state.rollback, ended=t, outcome=event.outcome, why=event.why)
    return {
        "rollback": back,
        "decision": None,
        **logged(state, LogEntry(t=t, source="cockpit", text=text, level=level)),
    }


FOLDS: Folds = {
    ev.RollbackConsidered: _considered,
    ev.RollbackStarted: _started,
    ev.RollbackStageStarted: _stage_started,
    ev.RollbackStageEnded: _stage_ended,
    ev.RollbackEnded: _ended,
}
"""How each event of this part changes State."""
