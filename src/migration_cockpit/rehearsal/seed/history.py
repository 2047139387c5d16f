"""The history of a seeded database, made in the server: runs, task instances, XComs, logs, retries, and live tasks."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from migration_cockpit.rehearsal.seed import rows
from migration_cockpit.rehearsal.standin.components.cron import cron

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from migration_cockpit.rehearsal.seed.dags import DagSpec

_EMPTY_CONF = b"\x80\x05}\x94."
"""`{}` pickled with protocol 5: the one value that the conf revision skips."""


def add(connection: psycopg.Connection[tuple[Any, ...]], specs: Sequence[DagSpec], tasks: int, now: datetime) -> None:
    """Add about `tasks` finished task instances, in runs spread evenly over `specs`, and all that hangs on them."""
    per_run = sum(len(spec.tasks) for spec in specs) / len(specs)
    runs = max(1, round(tasks / per_run / len(specs)))
    dates = [_last_interval(spec, now) for spec in specs]
    conf = pickle.dumps({"source": "rehearsal", "partition": 7}, protocol=5)
    with connection.transaction():
        connection.execute(
            rows.RUNS,
            {
                "dags": [spec.dag_id for spec in specs],
                "starts": [start for start, _ in dates],
                "steps": [step for _, step in dates],
                "types": ["manual" if spec.schedule is None else "scheduled" for spec in specs],
                "runs": runs,
                "empty": _EMPTY_CONF,
                "conf": conf,
            },
        )
        connection.execute("ANALYZE dag_run")  # without statistics the joins below become nested loops
        connection.execute(
            rows.TASK_INSTANCES,
            {
                "dags": [spec.dag_id for spec in specs for _ in spec.tasks],
                "tasks": [task for spec in specs for task in spec.tasks],
                "orders": [order for spec in specs for order, _ in enumerate(spec.tasks)],
                "seconds": [spec.seconds for spec in specs for _ in spec.tasks],
                "operators": [f"{spec.operator.title()}Operator" for spec in specs for _ in spec.tasks],
            },
        )
        connection.execute("ANALYZE task_instance")
        pickled = pickle.dumps({"frame": [1, 2, 3]}, protocol=5)
        connection.execute(rows.XCOMS, {"pickled": pickled})
        for statement in (rows.HISTORY, rows.RESCHEDULES, rows.RENDERED, rows.FAILS, rows.LOGS, rows.JOBS):
            connection.execute(statement)


def add_live(
    connection: psycopg.Connection[tuple[Any, ...]], specs: Sequence[DagSpec], running: int, now: datetime
) -> tuple[int, int]:
    """Start runs whose first task works (`running` of them) or waits in the queue (half as many); returns both counts.

    Only DAGs that are not paused have live runs, one or more each.
    """
    active = [spec for spec in specs if not spec.paused and spec.schedule is not None] or list(specs)
    queued = (running + 1) // 2 if running else 0
    for index in range(running + queued):
        spec = active[index % len(active)]
        _start_run(connection, spec, index, now, at_work=index < running)
    return running, queued


def counts(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, int]:
    """The sizes of the tables that a report names."""
    names = {"dag_runs": "dag_run", "task_instances": "task_instance", "xcoms": "xcom"}
    found = {}
    for name, table in names.items():
        row = connection.execute(rows.COUNTS[table]).fetchone()
        found[name] = int(row[0]) if row else 0
    return found


def _start_run(
    connection: psycopg.Connection[tuple[Any, ...]], spec: DagSpec, index: int, now: datetime, *, at_work: bool
) -> None:
    moment = now - timedelta(seconds=40 + 7 * index, microseconds=index)
    begun = moment if at_work else None
    live = {
        "dag": spec.dag_id,
        "run": f"manual__{moment:%Y-%m-%dT%H:%M:%S.%f}+00:00",
        "moment": moment,
        "conf": _EMPTY_CONF,
    }
    connection.execute(rows.LIVE_RUN, live)
    for order, task in enumerate(spec.tasks):
        state = None if order else ("running" if at_work else "queued")
        first = order == 0
        connection.execute(
            rows.LIVE_TASK,
            {
                **live,
                "task": task,
                "state": state,
                "start": begun if first else None,
                "queued": moment - timedelta(seconds=2) if first else None,
                "try": 1 if first and at_work else 0,
                "operator": f"{spec.operator.title()}Operator",
            },
        )


def _last_interval(spec: DagSpec, now: datetime) -> tuple[datetime, timedelta]:
    """Start of the last complete data interval of `spec` and the length of its step."""
    if spec.schedule is None:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        return day - timedelta(days=2), timedelta(days=1)
    ticks = cron(spec.schedule)
    end = ticks.until(now)
    start = ticks.until(end - timedelta(minutes=1))
    return start, end - start
