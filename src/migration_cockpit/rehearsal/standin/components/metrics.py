"""What a scheduler says of itself to statsd.

The loop duration is not measured: the stand-in's loop does a fraction of the real one's work, so its noise on a busy
machine would look like a regression. It reports what the recorded schedulers showed at rest (40 ms) with a small
wobble, and half as much again and more under fault scheduler-regression.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from pathlib import Path

    from migration_cockpit.rehearsal.standin.components.statsd import Statsd
    from migration_cockpit.rehearsal.standin.database import Connection

LOOP, PARSE = "loop_duration", "parse_time"
_LOOP_MS = 40.0
_REGRESSION = 1.6
_STATES = ("running", "queued", "scheduled", "deferred")


def wobble() -> float:
    """A slow wave between 0.97 and 1.03."""
    return 1 + 0.03 * math.sin(time.time() / 7)


def slower(world: Path | None, metric: str, *, is3: bool) -> float:
    """By what factor fault scheduler-regression makes this metric worse; its option `metric` says which one."""
    given = fault(world, "scheduler-regression") if is3 else None
    if given is None or given.get("metric", LOOP) != metric:
        return 1.0
    return _REGRESSION


def report_loop(statsd: Statsd, world: Path | None, *, is3: bool) -> None:
    """The timers of one scheduling loop."""
    factor = slower(world, LOOP, is3=is3)
    statsd.timer("scheduler.scheduler_loop_duration", _LOOP_MS * wobble() * factor)
    statsd.timer("scheduler.critical_section_duration", 8.0 * wobble() * factor)
    statsd.timer("scheduler.critical_section_query_duration", 4.0 * wobble())


def report_tasks(statsd: Statsd, session: Connection, parallelism: int) -> None:
    """The gauges of executor and pools, counted in the database."""
    query = "SELECT state, count(*) FROM task_instance WHERE state = ANY(%s) GROUP BY state"
    counts: dict[str, int] = dict(session.execute(query, (list(_STATES),)).fetchall())
    running, queued = counts.get("running", 0), counts.get("queued", 0)
    statsd.gauge("executor.open_slots", max(0, parallelism - running - queued))
    statsd.gauge("executor.queued_tasks", queued)
    statsd.gauge("executor.running_tasks", running)
    statsd.gauge("scheduler.tasks.starving", 0)
    statsd.gauge("scheduler.tasks.executable", queued)
    slots = {"open": max(0, 128 - running - queued), **{state: counts.get(state, 0) for state in _STATES}}
    for name, value in slots.items():
        statsd.gauge(f"pool.{name}_slots", value)
        statsd.gauge(f"pool.{name}_slots.default_pool", value)


def report_parsing(statsd: Statsd, dags: int, errors: int, seconds: float) -> None:
    """The gauges of one pass over the dags folder; `seconds` is the time it took."""
    statsd.gauge("dagbag_size", dags)
    statsd.gauge("dag_processing.import_errors", errors)
    statsd.gauge("dag_processing.total_parse_time", seconds)
    statsd.gauge("dag_processing.file_path_queue_size", 0)
