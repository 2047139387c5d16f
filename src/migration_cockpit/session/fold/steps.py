"""How the events of steps, operations and decisions change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold import rollback
from migration_cockpit.session.fold.common import Folds, begun, logged
from migration_cockpit.session.recovery import found_words
from migration_cockpit.session.state import (
    Decision,
    InFlight,
    LogEntry,
    OperationState,
    State,
)


def _step(state: State, step: str, **changes: Any) -> dict[str, Any]:
    if step == ev.ROLLBACK:
        return rollback.stage(state, None, **changes)
    if step not in state.steps:
        return {}
    return {"steps": {**state.steps, step: msgspec.structs.replace(state.steps[step], **changes)}}


def _started(state: State, event: ev.StepStarted, t: datetime) -> dict[str, Any]:
    text = f"step {event.step} by {event.operator}"
    fresh = begun(t, event.operator, event.attempt)
    return {
        **_step(state, event.step, **fresh, gates=event.gates, overridden=False),
        **logged(state, LogEntry(t=t, source="cockpit", text=text, level="step")),
    }


def _overridden(state: State, event: ev.GateOverridden, t: datetime) -> dict[str, Any]:
    names = ", ".join(gate.name for gate in event.gates)
    text = f"override of {names} by {event.operator}: {event.reason}"
    entry = LogEntry(t=t, source="cockpit", text=text, level="careful")
    step = state.steps.get(event.step)
    mark = _step(state, event.step, overridden=True) if step is not None and step.running else {}
    return {"overrides": (*state.overrides, event), **mark, **logged(state, entry)}


def _checked(state: State, event: ev.StepVerified, _: datetime) -> dict[str, Any]:
    return _step(state, event.step, checks=event.checks)


_OUTCOME_LEVEL = {"verified": "good", "overridden": "careful", "skipped": "careful"}


def _ended(state: State, event: ev.StepEnded, t: datetime) -> dict[str, Any]:
    text = f"step {event.step}: {event.outcome}{f' · {event.why}' if event.why else ''}"
    entry = LogEntry(t=t, source="cockpit", text=text, level=_OUTCOME_LEVEL.get(event.outcome, "bad"))
    changes: dict[str, Any] = {"ended": t, "outcome": event.outcome, "why": event.why, "progress": ""}
    if event.checks:
        changes["checks"] = event.checks
    return {
        **_step(state, event.step, **changes),
        **logged(state, entry),
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
    settled = _in_flight(state, event, outcome=event.outcome)
    # What the operation told of its progress is over with it: the next one would seem to be at it still.
    told = {} if event.outcome == "failed" else _step(state, event.step, progress="", done=0, total=0)
    return {"operations": {**state.operations, name: after}, **told, **settled, **logged(state, entry)}


def _operation_observed(state: State, event: ev.OperationObserved, t: datetime) -> dict[str, Any]:
    before = state.operations.get(f"{event.step}/{event.operation}")
    begun = before.intended if before else t
    seen = InFlight(step=event.step, operation=event.operation, begun=begun, found=event.found, detail=event.detail)
    entry = LogEntry(t=t, source="cockpit", text=found_words(seen), level="careful")
    return _in_flight(state, event, found=event.found, detail=event.detail) | logged(state, entry)


def _in_flight(state: State, event: ev.OperationObserved | ev.OperationEnded, **changes: Any) -> dict[str, Any]:
    """What is known now of an operation that was in flight when the session was gone on with."""
    before = state.resumption
    if before is None or not any(_same(each, event) and not each.outcome for each in before.operations):
        return {}
    after = tuple(
        msgspec.structs.replace(each, **changes) if _same(each, event) else each for each in before.operations
    )
    return {"resumption": msgspec.structs.replace(before, operations=after)}


def _same(each: InFlight, event: ev.OperationObserved | ev.OperationEnded) -> bool:
    return (each.step, each.operation) == (event.step, event.operation)


def _fact(state: State, event: ev.StepFact, _: datetime) -> dict[str, Any]:
    return {"facts": {**state.facts, f"{event.step}/{event.name}": event.value}}


def _progress(state: State, event: ev.StepProgress, _: datetime) -> dict[str, Any]:
    return _step(state, event.step, progress=event.text, done=event.done, total=event.total)


def _asked(state: State, event: ev.DecisionAsked, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text=f"decision: {event.question}", level="careful")
    return {"decision": Decision(asked=t, event=event), **logged(state, entry)}


def _made(state: State, event: ev.DecisionMade, t: datetime) -> dict[str, Any]:
    key = f"{event.step}/{event.decision}#{state.attempt(event.step)}"
    reason = f": {event.reason}" if event.reason else ""
    entry = LogEntry(t=t, source="cockpit", text=f"{event.operator} decided: {event.answer}{reason}", level="careful")
    return {"decision": None, "decisions": {**state.decisions, key: event}, **logged(state, entry)}


FOLDS: Folds = {
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
}
"""How each event of this part changes State."""
