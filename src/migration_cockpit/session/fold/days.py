"""How the days before and after change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import LogEntry, State

_LEVELS = {"holds": "good", "fails": "bad"}


def _change(state: State, day: str, **changes: Any) -> dict[str, Any]:
    before = state.days.get(day)
    if before is None:
        return {}
    return {"days": {**state.days, day: msgspec.structs.replace(before, **changes)}}


def _started(state: State, event: ev.DayStarted, t: datetime) -> dict[str, Any]:
    """What was measured stays until it is measured anew: a later day may rest on it."""
    before = state.days.get(event.day)
    begun = ev.DayState(
        started=t,
        operator=event.operator,
        attempt=event.attempt,
        measured=before.measured if before else {},
    )
    entry = LogEntry(t=t, source="cockpit", text=f"{event.day} by {event.operator}", level="step")
    return {"days": {**state.days, event.day: begun}} | logged(state, entry)


def _measured(state: State, event: ev.DayMeasured, t: datetime) -> dict[str, Any]:
    before = state.days.get(event.day)
    if before is None:
        return {}
    taken = ev.Measurement(at=t, values=event.values, minutes=event.minutes, version=event.version)
    return _change(state, event.day, measured={**before.measured, event.where: taken})


def _found(state: State, event: ev.DayFound, t: datetime) -> dict[str, Any]:
    before = state.days.get(event.day)
    if before is None:
        return {}
    text = f"{event.day} {event.look} {event.status}: {'; '.join(event.found)}"
    entry = LogEntry(t=t, source="cockpit", text=text, level=_LEVELS.get(event.status, "careful"))
    others = tuple(each for each in before.found if each.look != event.look)
    return _change(state, event.day, found=(*others, event)) | logged(state, entry)


def _ended(state: State, event: ev.DayEnded, t: datetime) -> dict[str, Any]:
    return _change(state, event.day, ended=t, outcome=event.outcome)


def _remembered(_: State, event: ev.DaysRemembered, __: datetime) -> dict[str, Any]:
    return {"days": event.days}


FOLDS: Folds = {
    ev.DaysRemembered: _remembered,
    ev.DayStarted: _started,
    ev.DayMeasured: _measured,
    ev.DayFound: _found,
    ev.DayEnded: _ended,
}
"""How each event of this part changes State."""
