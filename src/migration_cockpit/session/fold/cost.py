"""How marks and expectations of a way back change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import LogEntry, State, WayBack


def _change(state: State, **changes: Any) -> dict[str, WayBack]:
    return {"way_back": msgspec.structs.replace(state.way_back, **changes)}


def _marked(state: State, event: ev.RecoveryMarked, _: datetime) -> dict[str, Any]:
    return _change(state, marks={**state.way_back.marks, event.point: event})


def _counted(state: State, event: ev.CostCounted, _: datetime) -> dict[str, Any]:
    return _change(state, counted={**state.way_back.counted, event.reading.point: event.reading})


def _expected(state: State, event: ev.WayBackExpected, _: datetime) -> dict[str, Any]:
    return _change(state, expected=event)


def _asked(state: State, event: ev.SecondPersonAsked, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text="a rollback waits for a second person", level="careful")
    return _change(state, code=event.code) | logged(state, entry)


def _considered(state: State, event: ev.RollbackConsidered, _: datetime) -> dict[str, Any]:
    """The code is of one attempt: it ends with it."""
    return _change(state, code="") if state.way_back.code and event.act != "armed" else {}


FOLDS: Folds = {
    ev.RecoveryMarked: _marked,
    ev.CostCounted: _counted,
    ev.WayBackExpected: _expected,
    ev.SecondPersonAsked: _asked,
    ev.RollbackConsidered: _considered,
}
"""How each event of this part changes State."""
