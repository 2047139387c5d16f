"""How an event changes State: `fold` is pure, without a clock or I/O.

A live screen, a replay and a watcher fold the same events and so show the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session.readings import DatabaseReading, StorageReading, TasksReading
from migration_cockpit.session.state import (
    LOG_LINES,
    TREND_POINTS,
    Decision,
    LogEntry,
    MessageState,
    OperationState,
    SourceState,
    State,
    StepState,
    Trends,
)


def fold(state: State, event: ev.Event, t: datetime, seq: int) -> State:
    """The state after an event that happened at `t` as number `seq`. Events of no consequence only move the time."""
    change = _FOLDS.get(type(event))
    changes: dict[str, Any] = change(state, event, t) if change else {}
    return msgspec.structs.replace(state, t=t, seq=seq, **changes)


def _opened(_: State, event: ev.SessionOpened, t: datetime) -> dict[str, Any]:
    steps = {step: StepState(id=step, planned=event.planned.get(step, t)) for step in STEP_IDS}
    return {"session": event, "opened": t, "steps": steps, "window_end": event.planned.get("window_end")}


def _driver(_: State, event: ev.DriverChanged, t: datetime) -> dict[str, Any]:
    return {"driver": event, "driver_since": t, "closed": ""}


def _closed(state: State, event: ev.SessionClosed, _: datetime) -> dict[str, Any]:
    return {"closed": event.reason, "outcome": event.outcome or state.outcome}


def _note(state: State, event: ev.Note, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="note", text=f"{event.operator}: {event.text}")
    return {"notes": (*state.notes, (event.about or t, event)), **_logged(state, entry)}


def _window(_: State, event: ev.WindowMoved, __: datetime) -> dict[str, Any]:
    return {"window_end": event.end}


def _step(state: State, step: str, **changes: Any) -> dict[str, Any]:
    if step not in state.steps:
        return {}
    return {"steps": {**state.steps, step: msgspec.structs.replace(state.steps[step], **changes)}}


def _started(state: State, event: ev.StepStarted, t: datetime) -> dict[str, Any]:
    text = f"step {event.step} by {event.operator}"
    return _step(
        state,
        event.step,
        started=t,
        ended=None,
        outcome="",
        why="",
        checks=(),
        progress="",
        done=0,
        total=0,
        operator=event.operator,
        gates=event.gates,
        attempt=event.attempt,
        overridden=False,
    ) | _logged(state, LogEntry(t=t, source="cockpit", text=text, level="step"))


def _overridden(state: State, event: ev.GateOverridden, t: datetime) -> dict[str, Any]:
    names = ", ".join(gate.name for gate in event.gates)
    text = f"override of {names} by {event.operator}: {event.reason}"
    entry = LogEntry(t=t, source="cockpit", text=text, level="careful")
    step = state.steps.get(event.step)
    mark = _step(state, event.step, overridden=True) if step is not None and step.running else {}
    return {"overrides": (*state.overrides, event), **mark, **_logged(state, entry)}


def _checked(state: State, event: ev.StepVerified, _: datetime) -> dict[str, Any]:
    return _step(state, event.step, checks=event.checks)


_OUTCOME_LEVEL = {"verified": "good", "overridden": "careful", "skipped": "careful"}


def _ended(state: State, event: ev.StepEnded, t: datetime) -> dict[str, Any]:
    text = f"step {event.step}: {event.outcome}{f' · {event.why}' if event.why else ''}"
    entry = LogEntry(t=t, source="cockpit", text=text, level=_OUTCOME_LEVEL.get(event.outcome, "bad"))
    checks = event.checks or state.steps[event.step].checks
    return {
        **_step(state, event.step, ended=t, outcome=event.outcome, why=event.why, checks=checks, progress=""),
        **_logged(state, entry),
        "decision": None,
    }


def _intended(state: State, event: ev.OperationIntended, t: datetime) -> dict[str, Any]:
    operation = OperationState(
        step=event.step,
        operation=event.operation,
        key=event.key,
        commands=event.commands,
        intended=t,
        attempt=event.attempt,
    )
    return {"operations": {**state.operations, f"{event.step}/{event.operation}": operation}}


def _operation_ended(state: State, event: ev.OperationEnded, t: datetime) -> dict[str, Any]:
    name = f"{event.step}/{event.operation}"
    before = state.operations.get(name) or OperationState(
        step=event.step, operation=event.operation, key=event.key, intended=t
    )
    after = msgspec.structs.replace(before, ended=t, outcome=event.outcome, detail=event.detail)
    level = "bad" if event.outcome == "failed" else "info"
    text = f"{event.operation}: {event.outcome}{f' · {event.detail}' if event.detail else ''}"
    entry = LogEntry(t=t, source="cockpit", text=text, level=level)
    return {"operations": {**state.operations, name: after}, **_logged(state, entry)}


def _operation_observed(state: State, event: ev.OperationObserved, t: datetime) -> dict[str, Any]:
    text = f"{event.operation} was in flight when the last cockpit ended → {event.found} {event.detail}".rstrip()
    return _logged(state, LogEntry(t=t, source="cockpit", text=text, level="careful"))


def _fact(state: State, event: ev.StepFact, _: datetime) -> dict[str, Any]:
    return {"facts": {**state.facts, f"{event.step}/{event.name}": event.value}}


def _progress(state: State, event: ev.StepProgress, _: datetime) -> dict[str, Any]:
    return _step(state, event.step, progress=event.text, done=event.done, total=event.total)


def _asked(state: State, event: ev.DecisionAsked, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text=f"decision: {event.question}", level="careful")
    return {"decision": Decision(asked=t, event=event), **_logged(state, entry)}


def _made(state: State, event: ev.DecisionMade, t: datetime) -> dict[str, Any]:
    step = state.steps.get(event.step)
    key = f"{event.step}/{event.decision}#{step.attempt if step else 0}"
    reason = f": {event.reason}" if event.reason else ""
    entry = LogEntry(t=t, source="cockpit", text=f"{event.operator} decided: {event.answer}{reason}", level="careful")
    return {"decision": None, "decisions": {**state.decisions, key: event}, **_logged(state, entry)}


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
    return {"messages": {**state.messages, event.message: after}, **({} if repeated else _logged(state, entry))}


def _logged(state: State, entry: LogEntry) -> dict[str, Any]:
    return {"log": (*state.log[-(LOG_LINES - 1) :], entry)}


def _log(state: State, event: ev.LogLine, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source=event.source, text=event.text, level=event.level)
    positions = {**state.log_positions, event.source: event.at} if event.at else state.log_positions
    return {**_logged(state, entry), "log_positions": positions}


def _verdict(state: State, event: ev.VerdictChanged, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text=f"verdict {event.verdict}: {event.evidence}", level="careful")
    return {"verdict": event, "verdict_since": t, **_logged(state, entry)}


def _source(state: State, source: str, **changes: Any) -> dict[str, Any]:
    before = state.sources.get(source, SourceState())
    return {"sources": {**state.sources, source: msgspec.structs.replace(before, **changes)}}


def _read(source: str) -> Any:
    def change(state: State, event: Any, t: datetime) -> dict[str, Any]:
        trends = _TRENDS[source](state, event.reading, t) if source in _TRENDS else {}
        read = _source(state, source, read=t, failing_since=None, why="")
        return {source: event.reading, **read, **({"trends": trends} if trends else {})} | (
            {"database_read": t} if source == "database" else {}
        )

    return change


def _extend(points: tuple[float, ...], value: float) -> tuple[float, ...]:
    return (*points[-(TREND_POINTS - 1) :], value)


def _task_trends(state: State, reading: TasksReading, _: datetime) -> Trends:
    before = state.trends
    return msgspec.structs.replace(
        before,
        running=_extend(before.running, reading.states.get("running", 0)),
        queued=_extend(before.queued, reading.states.get("queued", 0)),
    )


def _database_trends(state: State, reading: DatabaseReading, t: datetime) -> Trends:
    before, last, last_read = state.trends, state.database, state.database_read
    if last is None or last_read is None or t <= last_read:
        return before
    seconds = (t - last_read).total_seconds()
    blocks = reading.blocks_read + reading.blocks_written - last.blocks_read - last.blocks_written
    # A restarted server counts from zero again: a negative difference is no rate.
    return msgspec.structs.replace(
        before,
        wal=_extend(before.wal, max(0.0, (reading.wal_bytes - last.wal_bytes) / seconds)),
        blocks=_extend(before.blocks, max(0.0, blocks / seconds)),
    )


def _storage_trends(state: State, reading: StorageReading, _: datetime) -> Trends:
    if reading.read_iops is None and reading.write_iops is None:
        return state.trends
    total = (reading.read_iops or 0.0) + (reading.write_iops or 0.0)
    return msgspec.structs.replace(state.trends, iops=_extend(state.trends.iops, total))


_TRENDS: dict[str, Any] = {"tasks": _task_trends, "database": _database_trends, "storage": _storage_trends}


def _beat(state: State, event: ev.SourceBeat, t: datetime) -> dict[str, Any]:
    change = _source(state, event.source, read=t, failing_since=None, why="")
    reading = getattr(state, event.source, None)
    if event.source in _TRENDS and reading is not None:
        change["trends"] = _TRENDS[event.source](state, reading, t)
        if event.source == "database":
            change["database_read"] = t
    return change


def _failed(state: State, event: ev.SourceFailed, t: datetime) -> dict[str, Any]:
    before = state.sources.get(event.source, SourceState())
    entry = LogEntry(t=t, source="cockpit", text=f"{event.source} cannot be read: {event.why}", level="careful")
    change = _source(state, event.source, failing_since=before.failing_since or t, why=event.why)
    return change | _logged(state, entry)


def _recovered(state: State, event: ev.SourceRecovered, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text=f"{event.source} reads again", level="good")
    return _source(state, event.source, failing_since=None, why="") | _logged(state, entry)


def _credentials(state: State, event: ev.CredentialsExpire, _: datetime) -> dict[str, Any]:
    return {"credentials": {**state.credentials, event.name: event.at}}


_FOLDS: dict[type[ev.Event], Any] = {
    ev.SessionOpened: _opened,
    ev.DriverChanged: _driver,
    ev.SessionClosed: _closed,
    ev.Note: _note,
    ev.WindowMoved: _window,
    ev.StepStarted: _started,
    ev.GateOverridden: _overridden,
    ev.StepVerified: _checked,
    ev.StepEnded: _ended,
    ev.OperationIntended: _intended,
    ev.OperationEnded: _operation_ended,
    ev.OperationObserved: _operation_observed,
    ev.StepFact: _fact,
    ev.StepProgress: _progress,
    ev.DecisionAsked: _asked,
    ev.DecisionMade: _made,
    ev.LedgerWritten: _ledger,
    ev.RecoveryPoint: _recovery,
    ev.BaselineTaken: _baseline,
    ev.MessageQueued: _queued,
    ev.MessageTried: _tried,
    ev.LogLine: _log,
    ev.VerdictChanged: _verdict,
    ev.PodsRead: _read("pods"),
    ev.TasksRead: _read("tasks"),
    ev.DatabaseRead: _read("database"),
    ev.StorageRead: _read("storage"),
    ev.MetricsRead: _read("metrics"),
    ev.HealthRead: _read("health"),
    ev.SourceBeat: _beat,
    ev.SourceFailed: _failed,
    ev.SourceRecovered: _recovered,
    ev.CredentialsExpire: _credentials,
}
