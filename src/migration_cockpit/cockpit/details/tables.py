"""The rows of each pane: steps, pods, tasks, database sessions, metrics and lines of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from migration_cockpit.advice.metrics import change, change_percent, silence_expected
from migration_cockpit.advice.pods import status as pod_status
from migration_cockpit.advice.pods import told_phase
from migration_cockpit.cockpit.details.table import Column, Row, Table
from migration_cockpit.session.readings import (
    Backend,
    ClusterEvent,
    ComponentHealth,
    DatabaseReading,
    LiveTask,
    Metric,
    Pod,
    Workload,
)
from migration_cockpit.session.state import STEP_TITLES, StageState, State, StepState
from migration_cockpit.session.words import age, coarse, hm, hms, minutes, number, plural, seconds_between

Maker = Callable[[State, datetime], Table]

GLYPHS = {
    "verified": ("✔", "good"),
    "overridden": ("▲", "careful"),
    "skipped": ("»", "careful"),
    "failed": ("✖", "bad"),
    "aborted": ("✖", "bad"),
    "running": ("▶", "bold"),
}
LOAD, WARNING = "load ", "warning "
"""What the keys of workloads and warnings among the pods begin with; those of pods are their names."""
STAGE = "back "
"""What the key of a stage of the way back begins with; those of steps are their ids."""


def table_of(pane: str, state: State, now: datetime) -> Table:
    """The rows of a pane. Raises KeyError for what is no pane."""
    return TABLES[pane](state, now)


# --- The timeline -------------------------------------------------------------------------------------------------


def _timeline(state: State, now: datetime) -> Table:
    rows = [_step(step, number, state, now) for number, step in enumerate(state.steps.values(), start=1)]
    if state.rollback is not None:
        rows += [_stage(stage, now) for stage in state.rollback.stages]
    columns = (
        Column("#", 2),
        Column("step"),
        Column("state", 10),
        Column("plan", 5),
        Column("start", 5),
        Column("drift", -5),
        Column("took", -7),
        Column("try", -3),
        Column("who", 12, least=90),
    )
    return Table(columns, tuple(rows), "step")


def _step(step: StepState, place: int, state: State, now: datetime) -> Row:
    word = "running" if step.running else step.outcome or ("next" if step is state.next_step else "")
    glyph, tone = GLYPHS.get(word, ("○", "bright" if word == "next" else "text"))
    drift = (step.started - step.planned).total_seconds() if step.started else None
    took = seconds_between(step.started, step.ended or now) if step.started else None
    cells = (
        str(place),
        STEP_TITLES.get(step.id, step.id),
        word,
        hm(step.planned),
        hm(step.started),
        minutes(drift) if drift is not None else "",
        age(took) if took is not None else "",
        str(step.attempt) if step.attempt else "",
        step.operator,
    )
    order = (place, cells[1], word, step.planned, step.started, drift, took, step.attempt, step.operator)
    return Row(step.id, cells, order, glyph, tone)


def _stage(stage: StageState, now: datetime) -> Row:
    word = "running" if stage.running else stage.outcome
    glyph, tone = GLYPHS.get(word, ("○", "text"))
    took = seconds_between(stage.started, stage.ended or now) if stage.started else None
    cells = (
        "",
        f"way back: {stage.title}",
        word,
        "",
        hm(stage.started),
        "",
        age(took) if took is not None else "",
        str(stage.attempt) if stage.attempt else "",
        stage.operator,
    )
    order = (None, cells[1], word, None, stage.started, None, took, stage.attempt, stage.operator)
    return Row(STAGE + stage.id, cells, order, glyph, tone)


# --- Pods and tasks -----------------------------------------------------------------------------------------------


def _pods(state: State, now: datetime) -> Table:
    reading = state.pods
    columns = (
        Column("pod"),
        Column("component", 15, least=110),
        Column("image", 8),
        Column("state", 22),
        Column("rdy", -4),
        Column("re", -3),
        Column("age", -7),
    )
    worst = {"bad": 0, "careful": 1, "bold": 2, "waiting": 3, "text": 4, "dim": 5}
    pods = sorted(
        reading.pods if reading else (), key=lambda pod: (worst[pod_status(pod, state)[1]], pod.component, pod.name)
    )
    rows = [_pod(pod, state, now) for pod in pods]
    loads = reading.workloads if reading else ()
    newest = sorted(reading.warnings if reading else (), key=lambda one: one.last, reverse=True)
    # Two Events may say the same of the same object: the newer one stands for both.
    warnings = {warning_key(each): each for each in reversed(newest)}
    rows += [_workload(each) for each in loads]
    rows += [_warning(each, now) for each in reversed(warnings.values())]
    kinds = ((len(pods), "pod"), (len(loads), "workload"), (len(warnings), "warning"))
    told = ", ".join(plural(count, name) for count, name in kinds if count or name == "pod")
    return Table(columns, tuple(rows), "row" if loads or warnings else "pod", told=told)


def _workload(each: Workload) -> Row:
    """A Deployment or StatefulSet: how many of its pods are ready."""
    short = each.ready < each.desired
    glyph, tone = ("▲", "careful") if short else ("✔", "text") if each.desired else ("·", "dim")
    told = f"{each.kind}, " + (f"{each.updated} of {each.desired} up to date" if each.desired else "scaled to 0")
    cells = (each.name, each.component, each.version, told, f"{each.ready}/{each.desired}", "", "")
    share = each.ready / max(1, each.desired)
    return Row(f"{LOAD}{each.kind}/{each.name}", cells, (*cells[:4], share, None, None), glyph, tone)


def _warning(each: ClusterEvent, now: datetime) -> Row:
    """A warning of the namespace: what it is about, why, how often, how long ago."""
    since = seconds_between(each.last, now)
    cells = (each.object, "warning", "", each.reason, "", str(each.count), coarse(since))
    order = (each.object, "warning", "", each.reason, None, each.count, since)
    return Row(warning_key(each), cells, order, "▲", "careful")


def warning_key(each: ClusterEvent) -> str:
    """What names a warning for as long as the cluster tells it."""
    return f"{WARNING}{each.object} {each.reason} {each.message}"


def _pod(pod: Pod, state: State, now: datetime) -> Row:
    glyph, kind = pod_status(pod, state)
    told = told_phase(pod)
    old = seconds_between(pod.created, now)
    cells = (
        pod.name,
        pod.component,
        pod.version,
        told,
        f"{pod.ready}/{pod.containers}",
        str(pod.restarts),
        coarse(old),
    )
    order = (pod.name, pod.component, pod.version, told, pod.ready / max(1, pod.containers), pod.restarts, old)
    return Row(pod.name, cells, order, glyph, "dim" if kind == "waiting" else kind)


def _tasks(state: State, now: datetime) -> Table:
    reading = state.tasks
    shown = [*reading.newest_failures, *reading.oldest] if reading else []
    columns = (
        Column("DAG"),
        Column("task", 26),
        Column("run", 30, least=110),
        Column("state", 10),
        Column("for", -8),
        Column("usual", -8),
    )
    return Table(columns, tuple(_task(task, now) for task in shown), "task")


def task_key(task: LiveTask) -> str:
    """What names a task instance."""
    return f"{task.dag_id}|{task.task_id}|{task.run_id}|{task.map_index}"


def _task(task: LiveTask, now: datetime) -> Row:
    took = seconds_between(task.since, now) if task.since else None
    over = took is not None and task.usual is not None and took > 2 * task.usual
    glyph, tone = ("✖", "bad") if task.state == "failed" else ("▲", "careful") if over else ("▶", "text")
    name = task.task_id + (f"[{task.map_index}]" if task.map_index >= 0 else "")
    cells = (
        task.dag_id,
        name,
        task.run_id,
        task.state,
        age(took) if took is not None else "",
        age(task.usual) if task.usual is not None else "",
    )
    return Row(task_key(task), cells, (*cells[:4], took, task.usual), glyph, tone)


# --- The database -------------------------------------------------------------------------------------------------


def _database(state: State, now: datetime) -> Table:
    reading = state.database
    columns = (
        Column("pid", -7),
        Column("role", 14),
        Column("user", 12, least=70),
        Column("application", 24, least=120),
        Column("state"),
        Column("for", -7),
        Column("waits for", 9),
        Column("blocks", -6),
    )
    if reading is None:
        return Table(columns, (), "session")
    known = {backend.pid: backend for backend in reading.backends}
    waiting = {waiter.pid for waiter in reading.waiters}
    blocks: dict[int, int] = {}
    for waiter in reading.waiters:
        for pid in waiter.blockers:
            blocks[pid] = blocks.get(pid, 0) + 1
    # A session that waits or is waited for may be one that the reading does not list.
    for pid in {*waiting, *blocks} - set(known):
        known[pid] = Backend(pid=pid, role="?")
    order = sorted(
        known.values(), key=lambda one: (one.pid not in blocks or one.pid in waiting, -_weight(one), one.pid)
    )
    return Table(columns, tuple(_session(one, reading, blocks, now) for one in order), "session")


def _weight(backend: Backend) -> int:
    return {"migration": 3, "migration-lock": 2, "other": 1}.get(backend.role, 0)


def _session(backend: Backend, reading: DatabaseReading, blocks: Mapping[int, int], now: datetime) -> Row:
    waiter = next((each for each in reading.waiters if each.pid == backend.pid), None)
    root = backend.pid in blocks and waiter is None
    idle = backend.state.startswith("idle in transaction") and backend.role != "migration-lock"
    glyph, tone = ("✖", "bad") if root else ("◌", "careful") if waiter else ("▲", "careful") if idle else (" ", "text")
    start = backend.xact_start if idle else backend.query_start
    took = seconds_between(start, now) if start else None
    for_whom = ", ".join(str(pid) for pid in waiter.blockers) if waiter else ""
    cells = (
        str(backend.pid),
        backend.role,
        backend.user,
        backend.application,
        backend.state,
        age(took) if took is not None else "",
        for_whom,
        str(blocks.get(backend.pid, "")),
    )
    return Row(
        str(backend.pid),
        cells,
        (backend.pid, *cells[1:5], took, for_whom or None, blocks.get(backend.pid)),
        glyph,
        tone,
    )


# --- Metrics and the log ------------------------------------------------------------------------------------------

METRIC_LABELS = {
    "loop_duration": "loop duration",
    "queued_tasks": "queued tasks",
    "open_slots": "open slots",
    "parse_time": "parse time",
}
HEALTH = "health "
"""What the key of a component's health begins with."""


def _scheduler(state: State, now: datetime) -> Table:
    columns = (
        Column("metric", 18),
        Column("value", -10),
        Column("before", -10),
        Column("change", -8),
        Column("measured", 8, least=90),
        Column("query or heartbeat"),
    )
    rows = [_metric(each, state) for each in (state.metrics.metrics if state.metrics else ())]
    rows += [_component(each, now) for each in (state.health.components if state.health else ())]
    return Table(columns, tuple(rows), "row")


def _metric(metric: Metric, state: State) -> Row:
    silent = silence_expected(state)
    # What an exporter keeps of a scheduler that is gone is no measurement.
    value = None if silent else metric.value
    before = state.baseline.values.get(metric.name) if state.baseline else None
    by = change_percent(value, before)
    unit = f" {metric.unit}" if metric.unit else ""
    cells = (
        METRIC_LABELS.get(metric.name, metric.name),
        f"{number(value)}{unit}" if value is not None else "no data",
        f"{number(before)}{unit}" if before is not None else "",
        change(metric.name, value, before, metric.unit),
        hms(metric.measured) if metric.measured else "",
        metric.query,
    )
    glyph, tone = (" ", "text") if value is not None else ("◌", "dim") if silent else ("▲", "careful")
    return Row(metric.name, cells, (cells[0], value, before, by, metric.measured, metric.query), glyph, tone)


def _component(each: ComponentHealth, now: datetime) -> Row:
    good = each.status == "healthy"
    glyph, tone = ("✔", "good") if good else ("✖", "bad") if each.status else ("·", "dim")
    beat = f"heartbeat {age(seconds_between(each.heartbeat, now))} ago" if each.heartbeat else "no heartbeat"
    cells = (each.name, each.status or "never seen", "", "", hms(each.heartbeat) if each.heartbeat else "", beat)
    return Row(HEALTH + each.name, cells, (each.name, None, None, None, each.heartbeat, beat), glyph, tone)


def _log(state: State, _: datetime) -> Table:
    levels = {"step": ("▶", "bold"), "good": ("✔", "good"), "careful": ("▲", "careful"), "bad": ("✖", "bad")}
    rows = []
    seen: dict[str, int] = {}
    for entry in state.log:
        at = entry.t.isoformat()
        seen[at] = seen.get(at, -1) + 1
        glyph, tone = ("✎", "bright") if entry.source == "note" else levels.get(entry.level, (" ", "text"))
        cells = (hms(entry.t), entry.source, " ".join(entry.text.split()))
        order = (entry.t + timedelta(microseconds=seen[at]), entry.source, cells[2].lower())
        rows.append(Row(f"{at}|{seen[at]}", cells, order, glyph, tone))
    columns = (Column("time", 8), Column("from", 10), Column("text", prose=True))
    return Table(columns, tuple(rows), "line", newest_last=True)


TABLES: Mapping[str, Maker] = {
    "timeline": _timeline,
    "pods": _pods,
    "tasks": _tasks,
    "database": _database,
    "scheduler": _scheduler,
    "log": _log,
}
"""By pane."""
