"""Task instances by live state, the oldest by name with how long they usually take, and the DAG counts."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import course
from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, flow, join, line, row, shorten, spread
from migration_cockpit.app.panes.frame import Rules, empty
from migration_cockpit.app.panes.frame import view as framed
from migration_cockpit.app.panes.starting import WAITS_FOR
from migration_cockpit.app.words import age, count, seconds_between
from migration_cockpit.session.readings import LiveTask, TasksReading
from migration_cockpit.session.state import State

MAIN = ("running", "queued")
OTHERS = ("restarting", "scheduled", "deferred", "up_for_retry", "up_for_reschedule")


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - immutable
    """Counts, their course, what stays in other states, and who still runs."""
    reading = state.tasks
    if reading is None:
        lines = empty(state, "tasks", WAITS_FOR["tasks"], width)
        return framed("tasks", lines, state, now, rules, source="tasks", width=width)
    lines = [
        _counts(reading, width),
        _course("running", state.trends.running, width),
        _course("queued", state.trends.queued, width),
        *_others(reading, width),
        *_after(reading, width),
        *_oldest(reading, now, width),
    ]
    return framed("tasks", [each for each in lines if each], state, now, rules, source="tasks", width=width)


def _counts(reading: TasksReading, width: int) -> Line:
    live = join(
        [line((count(reading.states.get(name, 0)), "bold"), (f" {name}", "text")) for name in MAIN], ("  ", "text")
    )
    all_paused = reading.total > 0 and reading.paused == reading.total
    glyph = (" ✔", "good") if all_paused else ("", "text")
    paused = line(("DAGs paused ", "dim"), (f"{reading.paused} of {reading.total}", "text"), glyph)
    return spread(live, paused, width)


def _course(name: str, points: tuple[float, ...], width: int) -> Line:
    if not points:
        return ()
    return line((f"{name:<8}", "dim"), fit(course(points, width - 18, floor=4), width - 18), _peak(points))


def _peak(points: tuple[float, ...]) -> Line:
    return line((f" peak {count(max(points)):>4}", "dim"))


def _others(reading: TasksReading, width: int) -> list[Line]:
    parts = [
        line((count(reading.states[name]), "text"), (f" {name}", "dim")) for name in OTHERS if name in reading.states
    ]
    if reading.half_done_runs:
        parts.append(line((count(reading.half_done_runs), "text"), (" unfinished DAG runs", "dim")))
    return flow(parts, width) or [line(("nothing in other live states", "dim"))]


def _after(reading: TasksReading, width: int) -> list[Line]:
    parts = []
    if reading.failures:
        parts.append(line((f"✖ {count(reading.failures)} failed since the cut-over", "bad")))
    if reading.import_errors:
        parts.append(line((f"✖ {count(reading.import_errors)} import errors", "bad")))
    if reading.serialized:
        parts.append(line((count(reading.serialized), "text"), (" DAGs serialized", "dim")))
    return flow(parts, width)


def _oldest(reading: TasksReading, now: datetime, width: int) -> list[Line]:
    shown = [*reading.newest_failures, *reading.oldest]
    if not shown:
        return []
    name = max(12, width - 27)
    head = row([(line(("task", "dim")), name), (line(("state", "dim")), 9), (line(("for", "dim")), -7)])
    lines = [line(head, ("   usual", "dim"))]
    return lines + [_task(task, now, name) for task in shown]


def _task(task: LiveTask, now: datetime, name: int) -> Line:
    long = seconds_between(task.since, now) if task.since else None
    over = long is not None and task.usual is not None and long > 2 * task.usual
    label = f"{task.dag_id}.{task.task_id}" + (f"[{task.map_index}]" if task.map_index >= 0 else "")
    tone = "bad" if task.state == "failed" else "careful" if over else "text"
    return row(
        [
            (line((shorten(label, name), tone)), name),
            (line((task.state, "dim" if tone == "text" else tone)), 9),
            (line((age(long) if long is not None else "—", tone)), -7),
            (line((age(task.usual) if task.usual is not None else "—", "dim")), -7),
        ]
    )
