"""What the parts of the fold share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from migration_cockpit.session import events as ev
from migration_cockpit.session.state import LOG_LINES, LogEntry, RunState, State

Folds = Mapping[type[ev.Event], Any]
"""By event class: a function (state, event, time) -> the fields of State that change."""


def logged(state: State, entry: LogEntry) -> dict[str, Any]:
    """The log with one more entry."""
    return {"log": (*state.log[-(LOG_LINES - 1) :], entry)}


def begun(t: datetime, operator: str, attempt: int) -> dict[str, Any]:
    """What changes of a step or a stage when it begins: nothing of the attempt before stays."""
    fresh = RunState(id="", started=t, operator=operator, attempt=attempt)
    return {name: getattr(fresh, name) for name in RunState.__struct_fields__ if name != "id"}
