"""A task instance, and what else of its DAG runs, waits or has failed."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.spans import Line, line
from migration_cockpit.app.details.words import fact, heading
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.words import age, hms, seconds_between
from migration_cockpit.cockpit.details.tables import task_key
from migration_cockpit.session.readings import LiveTask
from migration_cockpit.session.state import State


def detail(state: State, now: datetime, key: str, width: int, rules: Rules) -> list[Line]:
    """The task, then its DAG."""
    reading = state.tasks
    shown = [*reading.newest_failures, *reading.oldest] if reading else []
    task = next((each for each in shown if task_key(each) == key), None)
    if task is None or reading is None:
        return []
    lines = [line((f"{task.dag_id}.{task.task_id}", "title"))]
    lines += fact("DAG", task.dag_id, width)
    lines += fact("run", task.run_id, width)
    lines += fact("mapped index", str(task.map_index) if task.map_index >= 0 else "", width)
    lines += fact("state", task.state, width, "bad" if task.state == "failed" else "text")
    if task.since is not None:
        took = seconds_between(task.since, now)
        lines += fact("since", f"{hms(task.since)}, for {age(took)}", width)
        lines += _usual(took, task.usual, width)
    lines += fact("host", task.host or "none: it runs nowhere yet", width)
    others = [each for each in shown if each.dag_id == task.dag_id and each is not task]
    lines += heading(f"Others of DAG {task.dag_id}", "of those that the pane lists: the oldest, the newest failures")
    lines += [_other(each, now) for each in others] or [line(("  none", "dim"))]
    lines += heading("All DAGs")
    lines += fact("paused", f"{reading.paused} of {reading.total}", width)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(reading.states.items()) if count)
    return lines + fact("tasks", counts or "none is live", width)


def _usual(took: float, usual: float | None, width: int) -> list[Line]:
    if usual is None:
        return fact("usually", "unknown: it has no successful run", width)
    times = took / usual if usual > 0 else 0.0
    over = times > 2
    left = "" if took >= usual else f"; about {age(usual - took)} to go"
    said = f"{age(usual)}, the median of its last successful runs; this one is at {times:.1f} times that{left}"
    return fact("usually", f"{'▲ ' if over else ''}{said}", width, "careful" if over else "text")


def _other(task: LiveTask, now: datetime) -> Line:
    took = age(seconds_between(task.since, now)) if task.since else ""
    name = task.task_id + (f"[{task.map_index}]" if task.map_index >= 0 else "")
    return line((f"  {name}  ", "text"), (f"{task.state} {took}  {task.run_id}", "dim"))
