"""How the events of the session itself change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.recovery import jump_words, resumed_words
from migration_cockpit.session.state import (
    InFlight,
    LogEntry,
    Resumption,
    State,
    StepState,
)
from migration_cockpit.session.words import hms


def _opened(_: State, event: ev.SessionOpened, t: datetime) -> dict[str, Any]:
    steps = {step: StepState(id=step, planned=event.planned.get(step, t)) for step in STEP_IDS}
    return {"session": event, "opened": t, "steps": steps, "window_end": event.planned.get("window_end")}


def _driver(state: State, event: ev.DriverChanged, t: datetime) -> dict[str, Any]:
    change: dict[str, Any] = {"driver": event, "driver_since": t, "closed": ""}
    if not event.resumed or state.driver is None:
        return change
    running = state.running_step
    found = Resumption(
        at=t,
        last=state.t or t,
        before=f"{state.driver.operator} on {state.driver.host}",
        left=state.closed,
        step=running.id if running else "",
        torn=event.torn,
        operations=tuple(
            InFlight(step=each.step, operation=each.operation, begun=each.intended)
            for each in state.operations.values()
            if not each.outcome
        ),
    )
    entry = LogEntry(t=t, source="cockpit", text=resumed_words(found), level="careful")
    return change | {"resumption": found} | logged(state, entry)


def _jumped(state: State, event: ev.ClockJumped, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text=jump_words(event), level="careful")
    return logged(state, entry)


def _lease(state: State, event: ev.LeaseChanged, t: datetime) -> dict[str, Any]:
    text = "the lease is held again: keys are on" if event.held else f"the lease is lost: {event.why}"
    entry = LogEntry(t=t, source="cockpit", text=text, level="good" if event.held else "bad")
    return logged(state, entry)


def _closed(state: State, event: ev.SessionClosed, _: datetime) -> dict[str, Any]:
    return {"closed": event.reason, "outcome": event.outcome or state.outcome}


def _note(state: State, event: ev.Note, t: datetime) -> dict[str, Any]:
    of = f" of {hms(event.about)}" if event.about else ""
    entry = LogEntry(t=t, source="note", text=f"{event.operator}{of}: {event.text}")
    return {"notes": (*state.notes, (event.about or t, event)), **logged(state, entry)}


def _window(state: State, event: ev.WindowMoved, t: datetime) -> dict[str, Any]:
    text = f"{event.operator} moved the window's end to {event.end:%Y-%m-%d %H:%M}: {event.reason}"
    entry = LogEntry(t=t, source="cockpit", text=text, level="careful")
    return {"window_end": event.end, **logged(state, entry)}


def _rules(_: State, event: ev.RulesSet, __: datetime) -> dict[str, Any]:
    return {"rules": event}


FOLDS: Folds = {
    ev.SessionOpened: _opened,
    ev.DriverChanged: _driver,
    ev.RulesSet: _rules,
    ev.ClockJumped: _jumped,
    ev.LeaseChanged: _lease,
    ev.SessionClosed: _closed,
    ev.Note: _note,
    ev.WindowMoved: _window,
}
"""How each event of this part changes State."""
