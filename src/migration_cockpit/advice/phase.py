"""Which phase of the migration it is: the weeks before, the day itself, the days after."""

from __future__ import annotations

from datetime import datetime, timedelta

from migration_cockpit.session.state import State

PREPARATION, DAY, AFTER = "Preparation", "Migration day", "After"
PHASES = (PREPARATION, DAY, AFTER)
DAY_BEGINS = timedelta(hours=12)
"""So long before the first step is planned the day begins: whoever opens the cockpit then means to fly."""


def phase(state: State, now: datetime) -> str:
    """The phase; migration day where nothing is known yet."""
    steps = list(state.steps.values())
    if not steps:
        return DAY
    back = state.rollback
    if all(step.passed for step in steps) or (back is not None and back.outcome in {"rolled back", "aborted"}):
        return AFTER
    if state.postponement is not None or any(step.attempt for step in steps):
        return DAY
    return PREPARATION if steps[0].planned - now > DAY_BEGINS else DAY
