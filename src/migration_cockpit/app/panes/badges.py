"""At small sizes: one badge a pane, with its most telling word, so that what is not shown is not forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, line
from migration_cockpit.app.plan import PANES
from migration_cockpit.session.state import State

if TYPE_CHECKING:
    from migration_cockpit.app.panes.frame import Rules

SOURCES = {"pods": "pods", "tasks": "tasks", "database": "database", "scheduler": "metrics"}
UNREAD = ("…", "")
SHORT = {"timeline": "time", "database": "db", "scheduler": "sched"}


def view(state: State, now: datetime, width: int, rules: Rules, selected: str) -> View:
    """The panes in Tab's order, the shown one in reverse."""
    return _row({pane: status(pane, state, rules) for pane in PANES}, width, selected)


def unread(width: int, selected: str) -> View:
    """The same before anything is known."""
    return _row(dict.fromkeys(PANES, UNREAD), width, selected)


def _row(words: Mapping[str, tuple[str, str]], width: int, selected: str) -> View:
    cells: list[Line] = []
    for pane, (word, tone) in words.items():
        name = f" {SHORT.get(pane, pane) if width < 100 else pane} "
        cells.append(
            line(
                (name, "badge-good" if pane == selected else "bar"), (f"{word} ", f"bar-{tone}" if tone else "bar-dim")
            )
        )
    hint = line((" Tab", "key"), (" next", "bar-dim"))
    return View((fit(line(*cells, hint), width, tone="bar"),))


def status(pane: str, state: State, rules: Rules) -> tuple[str, str]:
    """A word and its kind: `good`, `careful`, `bad` or plain."""
    source = state.sources.get(SOURCES.get(pane, ""))
    if source is not None and source.failing_since is not None:
        from migration_cockpit.advice.silence import silent

        return UNREAD if silent(state)[SOURCES[pane]].expected else ("▲stale", "careful")
    if pane in SOURCES and (source is None or source.read is None):
        return UNREAD
    return _STATUS[pane](state, rules)


def _timeline(state: State, rules: Rules) -> tuple[str, str]:
    if any(step.outcome in {"failed", "aborted"} for step in state.steps.values()):
        return "✖", "bad"
    return f"{sum(step.passed for step in state.steps.values())}/{len(state.steps)}", ""


def _pods(state: State, rules: Rules) -> tuple[str, str]:
    from migration_cockpit.advice.pods import status as pod_status

    pods = state.pods.pods if state.pods else ()
    bad = sum(pod_status(pod, state)[1] == "bad" for pod in pods)
    return (f"✖{bad}", "bad") if bad else (f"✔{len(pods)}", "good")


def _tasks(state: State, rules: Rules) -> tuple[str, str]:
    states = state.tasks.states if state.tasks else {}
    return f"{states.get('running', 0) + states.get('queued', 0)}▶", ""


def _database(state: State, rules: Rules) -> tuple[str, str]:
    reading = state.database
    if reading is None:
        return UNREAD
    if len(reading.revisions) != 1:
        return "✖", "bad"
    waiting = reading.waiters_total or len(reading.waiters)
    return (f"▲{waiting}wait", "careful") if waiting else ("✔", "good")


def _scheduler(state: State, rules: Rules) -> tuple[str, str]:
    from migration_cockpit.app.panes.metrics import regressed

    metrics = state.metrics.metrics if state.metrics else ()
    slower = sum(regressed(metric, state, rules) for metric in metrics)
    if slower:
        return f"▲{slower}", "careful"
    return ("✔", "good") if any(metric.value is not None for metric in metrics) else ("—", "")


def _log(state: State, rules: Rules) -> tuple[str, str]:
    return str(len(state.log)), ""


_STATUS = {
    "timeline": _timeline,
    "pods": _pods,
    "tasks": _tasks,
    "database": _database,
    "scheduler": _scheduler,
    "log": _log,
}
