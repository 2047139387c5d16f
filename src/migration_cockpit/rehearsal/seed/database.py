"""A 2.11.2 metadata database as migration day finds it: years of history, a few tasks at work.

The rows come from `generate_series` in the server and the indexes are built last, so that a million task instances
take seconds. The numbers are deterministic: the same arguments make the same database.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import psycopg

from migration_cockpit.rehearsal.seed import history, users
from migration_cockpit.rehearsal.seed.dags import dag_source, dag_specs
from migration_cockpit.rehearsal.seed.report import SeedReport
from migration_cockpit.rehearsal.standin.components.dagfiles import ParsedDag, ParsedTask
from migration_cockpit.rehearsal.standin.components.dagsync import DagSync
from migration_cockpit.rehearsal.standin.database import sql
from migration_cockpit.rehearsal.standin.migrate.schema import statements

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.seed.dags import DagSpec

_LATER = ("ADD CONSTRAINT", "CREATE INDEX", "CREATE UNIQUE INDEX")
_SOURCES = ("2.10.3", "2.10.4", "2.10.5", "2.11.0", "2.11.1", "2.11.2")


class CannotSeedError(RuntimeError):
    """The database is not one that the rehearsal may fill."""


def seed(
    dsn: str,
    *,
    version: str = "2.11.2",
    dags: int = 30,
    task_instances: int = 3000,
    running: int = 6,
    now: datetime | None = None,
    folder: str = "/opt/airflow/dags",
) -> SeedReport:
    """Fill the empty database at `dsn` and say what is in it.

    `version` is the source release (2.10.3 to 2.11.2 share one schema); `task_instances` is met within one run's worth
    of tasks; `running` tasks are at work and half as many are queued; `folder` is where the DAG files are
    (seed.dags.write_dags) as the Airflow processes see them. Raises CannotSeedError when the database is not empty or
    the version is of another schema.
    """
    if version not in _SOURCES:
        raise CannotSeedError(f"a rehearsal starts from Airflow {_SOURCES[0]} to {_SOURCES[-1]}, not from {version}")
    started = time.monotonic()
    moment = now or datetime.now(UTC)
    specs = dag_specs(dags)
    with psycopg.connect(dsn, autocommit=True) as connection:
        _refuse_full(connection)
        later = _tables(connection)
        connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'; SET work_mem = '64MB'")
        users.add(connection, moment)
        parsed = [_parsed(spec, folder, moment) for spec in specs]
        history.add(connection, specs, task_instances, moment)
        for statement in later:
            connection.execute(sql(statement))
        paused = tuple(spec.dag_id for spec in specs if spec.paused)
        sync = DagSync(connection, is3=False, catchup_default=True, folder=folder)
        sync.write(parsed, moment, paused=paused)
        working, queued = history.add_live(connection, specs, running, moment)
        connection.execute("ANALYZE")
        counts = history.counts(connection)
    return SeedReport(
        version, len(specs), paused, **counts, running=working, queued=queued, seconds=time.monotonic() - started
    )


def _refuse_full(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise CannotSeedError("the database is not empty: the rehearsal only fills a database of its own")


def _tables(connection: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    """Create the tables with the rows every Airflow has; returns the constraints and indexes that come last."""
    base = statements("base")
    with connection.transaction():
        for statement in base:
            if not any(word in statement for word in _LATER):
                connection.execute(sql(statement))
        for statement in statements("base-data"):
            connection.execute(sql(statement))
    return [statement for statement in base if any(word in statement for word in _LATER)]


def _parsed(spec: DagSpec, folder: str, now: datetime) -> ParsedDag:
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    before = (None, *spec.tasks)
    operator = "PythonOperator" if spec.operator == "python" else "BashOperator"
    return ParsedDag(
        dag_id=spec.dag_id,
        path=str(PurePosixPath(folder) / spec.filename),
        relative=spec.filename,
        source=dag_source(spec, start),
        schedule=spec.schedule,
        start=start,
        catchup=spec.catchup,
        max_active_runs=4,
        owner=spec.owner,
        tags=spec.tags,
        tasks=tuple(
            ParsedTask(task, operator, spec.seconds, (up,) if up else ())
            for up, task in zip(before, spec.tasks, strict=False)
        ),
    )
