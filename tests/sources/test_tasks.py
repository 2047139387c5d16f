"""The tasks source on a seeded Airflow database, on one of the target version, and behind a migration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.seed import SeedReport
from migration_cockpit.session.events import SourceFailed, SourceRecovered, TasksRead
from migration_cockpit.sources.tasks import TasksSource
from tests.connections.support import connected, eventually, running
from tests.sources.migrating import migrate

Settle = Callable[..., Settings]
Owner = psycopg.AsyncConnection[Any]


def never() -> datetime | None:
    return None


async def test_a_seeded_database_of_airflow_2(settings_for: Settle, seeded: SeedReport, owner: Owner) -> None:
    # A task that was queued two hours ago and still runs is the one that an age filter would miss.
    await owner.execute(
        "update task_instance set start_date = now() - interval '2 hours', queued_dttm = now() - interval '3 hours'"
        " where (dag_id, task_id, run_id) = (select dag_id, task_id, run_id from task_instance"
        " where state = 'running' order by 1, 2, 3 limit 1)"
    )
    async with connected(settings_for()) as connections:
        reading = await TasksSource(connections, never).read()
    assert reading.states["running"] == seeded.running
    assert reading.states["queued"] == seeded.queued
    assert reading.total == seeded.dags
    assert reading.paused == len(seeded.paused)
    assert reading.serialized == seeded.dags
    assert len(reading.oldest) == min(8, seeded.running + seeded.queued)
    oldest = reading.oldest[0]
    assert oldest.state == "running"
    assert oldest.since is not None
    assert datetime.now(UTC) - oldest.since > timedelta(hours=1, minutes=59)
    row = await (
        await owner.execute(
            "select percentile_cont(0.5) within group (order by duration) from (select duration from task_instance"
            " where dag_id = %s and task_id = %s and state = 'success' order by end_date desc limit 20) x",
            [oldest.dag_id, oldest.task_id],
        )
    ).fetchone()
    assert row is not None
    assert oldest.usual == pytest.approx(row[0])
    assert reading.failures == 0


async def test_failures_count_since_the_cutover(settings_for: Settle, seeded: SeedReport, owner: Owner) -> None:
    cutover = datetime.now(UTC)
    async with connected(settings_for()) as connections:
        source = TasksSource(connections, lambda: cutover)
        assert (await source.read()).failures == 0
        await owner.execute(
            "update task_instance set state = 'failed', end_date = now() + interval '1 second' where state = 'running'"
        )
        for _ in range(6):
            reading = await source.read()
    assert reading.failures == seeded.running
    assert {task.state for task in reading.newest_failures} == {"failed"}


async def test_runs_none_of_whose_tasks_run_are_half_done(
    settings_for: Settle, seeded: SeedReport, owner: Owner
) -> None:
    await owner.execute("update task_instance set state = null where state in ('running', 'queued')")
    row = await (await owner.execute("select count(*) from dag_run where state = 'running'")).fetchone()
    assert row is not None
    assert row[0] > 0
    async with connected(settings_for()) as connections:
        reading = await TasksSource(connections, never).read()
    assert reading.half_done_runs == row[0]
    assert reading.states.get("running", 0) == 0


async def test_the_columns_of_airflow_3(
    settings_for: Settle, seeded: SeedReport, postgres: EmbeddedPostgres, owner: Owner
) -> None:
    await migrate(postgres)
    await owner.execute("update dag set is_stale = true where dag_id = (select min(dag_id) from dag)")
    async with connected(settings_for()) as connections:
        reading = await TasksSource(connections, never).read()
    assert reading.total == seeded.dags - 1
    assert reading.states["running"] == seeded.running
    assert reading.serialized == 0  # the migration empties serialized_dag
    assert len(reading.oldest) == min(8, seeded.running + seeded.queued)


async def test_while_a_migration_runs_its_tables_are_left_alone(
    settings_for: Settle, seeded: SeedReport, postgres: EmbeddedPostgres
) -> None:
    async with connected(settings_for()) as connections, running(TasksSource(connections, never)) as heard:
        await eventually(lambda: heard.of(TasksRead))
        async with await psycopg.AsyncConnection.connect(postgres.dsn(), autocommit=True) as migration:
            await migration.execute("select pg_advisory_lock(1)")
            failure = (await eventually(lambda: heard.of(SourceFailed)))[0]
            assert "a migration runs" in failure.why
            # The columns change under the source; it reads on when the migration is over.
            await migration.execute("alter table dag rename column is_active to is_stale")
            await migration.execute("update dag set is_stale = not is_stale")
        await eventually(lambda: heard.of(SourceRecovered))
        assert len(heard.of(SourceFailed)) == 1


async def test_a_locked_table_is_said_to_be_locked(
    settings_for: Settle, seeded: SeedReport, postgres: EmbeddedPostgres
) -> None:
    async with connected(settings_for()) as connections, running(TasksSource(connections, never)) as heard:
        await eventually(lambda: heard.of(TasksRead))
        async with await psycopg.AsyncConnection.connect(postgres.dsn()) as rude:
            await rude.execute("lock table task_instance in access exclusive mode")
            failure = (await eventually(lambda: heard.of(SourceFailed)))[0]
            assert "locked by the migration" in failure.why
            await rude.rollback()
        await eventually(lambda: heard.of(SourceRecovered))


async def test_a_database_without_airflow_is_said_to_be_one(settings_for: Settle) -> None:
    async with connected(settings_for()) as connections, running(TasksSource(connections, never)) as heard:
        failure = (await eventually(lambda: heard.of(SourceFailed)))[0]
    assert "holds no Airflow" in failure.why
