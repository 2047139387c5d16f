"""The database and tasks sources beside a whole migration: what they see of it, and that they are never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.seed import seed
from migration_cockpit.session.events import DatabaseRead, SourceFailed, SourceRecovered, TasksRead
from migration_cockpit.sources.database import DatabaseSource
from migration_cockpit.sources.tasks import TasksSource
from tests.connections.support import connected, eventually, running
from tests.sources.migrating import migrate

Settle = Callable[..., Settings]

BLOCKED_BY_THE_COCKPIT = """
    select count(*) from pg_stat_activity w
    cross join lateral unnest(pg_blocking_pids(w.pid)) b (pid)
    join pg_stat_activity c on c.pid = b.pid and c.application_name = 'migration-cockpit'
    where w.application_name = 'airflow-db-migrate'
"""


async def test_a_whole_migration_is_seen_and_not_held_up(settings_for: Settle, postgres: EmbeddedPostgres) -> None:
    await asyncio.to_thread(lambda: seed(postgres.dsn(), dags=10, task_instances=2000, running=0))
    settings = settings_for(cadence={"database": 0.05, "tasks": 0.05})
    in_the_way = 0
    async with (
        connected(settings) as connections,
        running(DatabaseSource(connections)) as database,
        running(TasksSource(connections, lambda: None)) as tasks,
        await psycopg.AsyncConnection.connect(postgres.dsn(user="postgres"), autocommit=True) as witness,
    ):
        await eventually(lambda: database.of(DatabaseRead))
        await eventually(lambda: tasks.of(TasksRead))
        migration = asyncio.create_task(migrate(postgres, REHEARSAL_SLOW="3"))
        while not migration.done():
            row = await (await witness.execute(BLOCKED_BY_THE_COCKPIT)).fetchone()
            assert row is not None
            in_the_way += row[0]
            await asyncio.wait([migration], timeout=0.01)
        await migration
        await eventually(lambda: tasks.of(SourceRecovered))
        await eventually(lambda: database.of(DatabaseRead)[-1].reading.fab_revisions == ("02ca36b0235b",))
        # The server notices a moment after the process that its session is gone.
        await eventually(lambda: database.of(DatabaseRead)[-1].reading.migration_lock_pid is None)
    assert in_the_way == 0
    readings = [event.reading for event in database.of(DatabaseRead)]
    assert not database.of(SourceFailed)
    assert readings[0].revisions == ("5f2621c13b39",)
    assert len({reading.revisions for reading in readings}) >= 3
    assert readings[-1].revisions == ("1d6611b6ab7c",)
    roles = {backend.role for reading in readings for backend in reading.backends}
    assert {"migration", "migration-lock"} <= roles
    lock_pids = {reading.migration_lock_pid for reading in readings} - {None}
    holders = {b.pid for reading in readings for b in reading.backends if b.role == "migration-lock"}
    assert lock_pids == holders
    assert readings[-1].migration_lock_pid is None
    assert readings[-1].wal_bytes > readings[0].wal_bytes
    assert [failure.why for failure in tasks.of(SourceFailed)] == [
        "a migration runs: its tables are left alone until it ends"
    ]
