"""What the window's end means: until when a decision must be made, and until when one can still go back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from migration_cockpit.config import Limits
from migration_cockpit.session.state import State

WAY_BACK = 1800.0
"""Seconds that a rollback is taken to need where nothing better is known."""


@dataclass(frozen=True)
class Deadlines:
    """Moments that follow from the window's end."""

    end: datetime
    decision: datetime | None
    """When to decide about the migration that runs; None while none does."""
    last_way_back: datetime
    """The last moment at which a rollback still ends inside the window."""


def deadlines(state: State, limits: Limits, end: datetime, way_back: float | None = None) -> Deadlines:
    """What follows from this end of the window; `way_back` is the seconds that a rollback would take now.

    Without it they are what the session expects of one, as the line about the rollback says it.

    The decision comes when the playbook says, but never so late that a rollback would not end inside the window.
    """
    if way_back is None:
        expected = state.way_back.expected
        way_back = WAY_BACK if expected is None else expected.seconds
    last = end - timedelta(seconds=way_back)
    step = state.steps.get("migrate")
    if step is None or not step.running or step.started is None:
        return Deadlines(end, None, last)
    return Deadlines(end, min(step.started + timedelta(seconds=limits.decision_at), last), last)
