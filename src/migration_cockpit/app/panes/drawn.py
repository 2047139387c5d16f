"""The parts of the screen that are drawn from a session's State; loaded with the first one, after the first paint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cockpit_widgets.panel import View
from migration_cockpit.app.panes import advice, behind, database, log, metrics, pods, sessions, tasks, timeline
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.session.state import State

Pane = Callable[[State, datetime, int, int, Rules], View]

DRAWN: dict[str, Pane] = {
    "timeline": timeline.view,
    "pods": pods.view,
    "tasks": tasks.view,
    "database": database.view,
    "scheduler": metrics.view,
    "log": log.view,
}
"""The panes by name."""
ASIDE: dict[str, Pane] = {"behind": behind.view, "sessions": sessions.view}
"""The parts of the fourth column, where there is one."""

ADVICE = advice.view
STRIP = timeline.strip
