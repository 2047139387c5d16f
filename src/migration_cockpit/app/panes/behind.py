"""What stands behind the timeline, where a large screen has room for it: the step of now, what it looked at and did. At
other sizes `d` in the timeline opens it."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, line
from migration_cockpit.app.details.timeline import detail
from migration_cockpit.app.panes import starting
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.cockpit.details.tables import STAGE
from migration_cockpit.session.state import State


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - immutable
    """The detail of the step that runs, failed or ended last; before the first one, of the one that is next."""
    key = of_now(state)
    lines = detail(state, now, key, width, rules) if key else []
    if not lines:
        return starting.pane("behind", width)
    foot: Line = line(("d", "bold"), (" in the timeline shows all of it", "dim")) if len(lines) > height else ()
    return View(tuple(lines[1:]), starting.titled(starting.TITLES["behind"], _name(lines[0])), foot)


def of_now(state: State) -> str:
    """The key of the row in the timeline that one would open now; empty before there is any."""
    if state.rollback is not None and state.rollback.active and state.rollback.stage is not None:
        return STAGE + state.rollback.stage.id
    if state.running_step is not None:
        return state.running_step.id
    begun = [step.id for step in state.steps.values() if step.started is not None]
    return begun[-1] if begun else next(iter(state.steps), "")


def _name(title: Line) -> str:
    return title[0][0]
