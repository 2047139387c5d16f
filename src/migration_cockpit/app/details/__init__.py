"""What stands behind a row: pure functions (State, now, key, width, rules) -> lines, so that a replay draws what was
seen live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from cockpit_widgets.spans import Line, line
from migration_cockpit.app.details import database, log, pods, scheduler, tasks, timeline
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.session.state import State

Detail = Callable[[State, datetime, str, int, Rules], list[Line]]

DETAILS: Mapping[str, Detail] = {
    "timeline": timeline.detail,
    "pods": pods.detail,
    "tasks": tasks.detail,
    "database": database.detail,
    "scheduler": scheduler.detail,
    "log": log.detail,
}
"""By pane. An empty list means that the row is gone."""


def detail(pane: str, state: State, now: datetime, key: str, width: int, rules: Rules) -> list[Line]:
    """What stands behind a row of a pane, or that it is gone."""
    return DETAILS[pane](state, now, key, width, rules) or [
        line(("It is gone: the newest reading does not have it any more.", "careful"))
    ]
