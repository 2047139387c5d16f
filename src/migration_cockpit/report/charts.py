"""The charts of a report: scheduler metrics before and after, the database while it migrates, tasks draining."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.advice.metrics import change, settled
from migration_cockpit.report.document import Block, Chart, Course, Heading, Mark, Table, Text
from migration_cockpit.report.gather import Gathered
from migration_cockpit.report.series import Series
from migration_cockpit.session.state import STEP_TITLES, State
from migration_cockpit.session.words import number

NAMES = {
    "loop_duration": "scheduler loop duration",
    "queued_tasks": "queued tasks",
    "open_slots": "open slots",
    "parse_time": "total parse time of DAGs",
}


def charts(found: Gathered) -> list[Block]:
    """The sections that are drawn."""
    return [*_metrics(found), *_database(found), *_draining(found)]


def step_marks(state: State, *, steps: bool = True) -> tuple[Mark, ...]:
    """The starts of the steps as marks, and the window's end."""
    marks = [
        Mark(step.started, STEP_TITLES.get(step.id, step.id))
        for step in state.steps.values()
        if steps and step.started is not None
    ]
    return (*marks, *((Mark(state.window_end, "window ends"),) if state.window_end else ()))


def _span_of(state: State, first: str, last: str) -> tuple[datetime, datetime] | None:
    begin, end = state.steps[first].started, state.steps[last].ended
    return (begin, end) if begin is not None and end is not None and end > begin else None


def _course(name: str, series: Series) -> Course:
    return Course(name, tuple(series.points()))


def _metrics(found: Gathered) -> list[Block]:
    state = found.state
    heading = Heading("Scheduler metrics before and after")
    if not found.metrics:
        return [heading, Text("No metric was read: there was no Grafana, or it had no data.")]
    baseline = state.baseline.values if state.baseline else {}
    last = {metric.name: settled(metric) for metric in found.last_metrics.metrics} if found.last_metrics else {}
    rows = []
    for name in sorted(found.metrics):
        unit = found.units.get(name, "")
        rows.append(
            (
                NAMES.get(name, name),
                _value(baseline.get(name), unit),
                _value(last.get(name), unit),
                change(name, last.get(name), baseline.get(name), unit) or "—",
            )
        )
    shade = _span_of(state, "pause", "critical")
    blocks: list[Block] = [heading, Table(("Metric", "Before", "At the end", "Change"), tuple(rows))]
    return blocks + [
        Chart(
            NAMES.get(name, name),
            (_course("measured", found.metrics[name]),),
            found.units.get(name, ""),
            level=baseline.get(name),
            level_name="before",
            shade=shade,
            shade_name="DAGs paused",
        )
        for name in sorted(found.metrics)
    ]


def _value(value: float | None, unit: str) -> str:
    return "no data" if value is None else f"{number(value)} {unit}".strip()


def _database(found: Gathered) -> list[Block]:
    heading = Heading("The database during the migration")
    drawn: list[Block] = []
    if wal := found.wal.points():
        drawn.append(Chart("WAL written", (Course("WAL", tuple(wal)),), "B/s"))
    if iops := found.iops.points():
        drawn.append(Chart("IOPS of the storage", (Course("read and write", tuple(iops)),), "/s"))
    return [heading, *(drawn or [Text("Nothing was measured: the migration did not run while this was recorded.")])]


def _draining(found: Gathered) -> list[Block]:
    heading = Heading("Tasks draining")
    running, queued = _course("running", found.running), _course("queued", found.queued)
    if not running.points:
        return [heading, Text("Nothing was measured: tasks were not drained while this was recorded.")]
    state = found.state
    marks = tuple(
        Mark(step.started, STEP_TITLES[step.id])
        for step in (state.steps["pause"], state.steps["drain"])
        if step.started is not None
    )
    return [heading, Chart("Tasks that run or wait", (running, queued), "", marks=marks)]
