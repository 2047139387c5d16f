"""The verdict over a real server: a migration that waits for a session, and one that sleeps without waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import psycopg

from migration_cockpit.cockpit.watches.migration import MigrationWatch
from migration_cockpit.config import Limits, Settings
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.seed import seed
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from migration_cockpit.sources.database import DatabaseSource
from tests.app.fixtures import opened
from tests.connections.support import connected, eventually
from tests.pace import PATIENCE, unhurried
from tests.sources.migrating import migrate

Settle = Callable[..., Settings]


@asynccontextmanager
async def watched(settings: Settings, directory: Path, limits: Limits) -> AsyncIterator[Recorder]:
    """A session in step 5 whose database is read and judged; its Job is intended."""
    recorder = Recorder(directory, SystemClock(), Redactor())
    recorder.record(opened())
    recorder.record(ev.WindowMoved(operator="test", end=recorder.clock.now().replace(year=2100), reason="far away"))
    recorder.record(ev.StepStarted(step="migrate", operator="test"))
    async with connected(settings) as connections:
        watch = MigrationWatch(recorder, recorder.clock, limits)
        tasks = [asyncio.create_task(DatabaseSource(connections).run(recorder.record))]
        await eventually(lambda: recorder.state.database is not None)
        job = ev.OperationIntended(step="migrate", operation="migration-job", key="job", commands=())
        recorder.record(job)
        tasks.append(asyncio.create_task(watch.run()))
        try:
            yield recorder
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            recorder.close()


def _word(recorder: Recorder) -> str:
    return recorder.state.verdict.verdict if recorder.state.verdict else ""


async def test_a_migration_that_waits_is_blocked_within_three_seconds_until_the_other_session_ends(
    settings_for: Settle, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await asyncio.to_thread(lambda: seed(postgres.dsn(), dags=4, task_instances=200, running=0))
    async with (
        watched(settings_for(cadence={"database": 0.2}), tmp_path / "session", Limits()) as recorder,
        await psycopg.AsyncConnection.connect(postgres.dsn(), application_name="report") as blocker,
    ):
        await blocker.execute("lock table dag_run in access share mode")
        pid = blocker.info.backend_pid
        migration = asyncio.create_task(migrate(postgres))
        await eventually(lambda: recorder.state.migration.waiting is not None)
        began = time.monotonic()
        await eventually(lambda: _word(recorder) == "BLOCKED")
        assert time.monotonic() - began <= unhurried(3.0)
        assert recorder.state.verdict is not None
        assert recorder.state.verdict.subject == str(pid)
        assert f"held by {pid} airflow report" in recorder.state.verdict.evidence
        assert "idle in transaction" in recorder.state.verdict.evidence
        await blocker.rollback()
        await eventually(lambda: _word(recorder) == "WORKING")
        await migration
    signs = recorder.state.migration.signs
    assert {"revision", "statement"} <= set(signs)


async def test_a_statement_that_only_computes_is_a_sign_of_life(
    settings_for: Settle, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await asyncio.to_thread(lambda: seed(postgres.dsn(), dags=4, task_instances=200, running=0))
    async with (
        watched(settings_for(cadence={"database": 0.2}), tmp_path / "session", Limits()) as recorder,
        await psycopg.AsyncConnection.connect(postgres.dsn(), application_name="airflow-db-migrate") as worker,
    ):
        computing = asyncio.create_task(worker.execute("select count(*) from generate_series(1, 1000000000)"))
        await eventually(lambda: "backend" in recorder.state.migration.signs)
        first = recorder.state.migration.signs["backend"]
        await eventually(lambda: recorder.state.migration.signs["backend"] > first)
        assert not computing.done()
        worker.cancel()
        await asyncio.gather(computing, return_exceptions=True)


async def test_a_session_that_sleeps_in_the_migrations_name_is_quiet(
    settings_for: Settle, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await asyncio.to_thread(lambda: seed(postgres.dsn(), dags=4, task_instances=200, running=0))
    limits = msgspec.structs.replace(Limits(), quiet_warning=2.0, quiet=5.0)
    async with (
        watched(settings_for(cadence={"database": 0.2}), tmp_path / "session", limits) as recorder,
        await psycopg.AsyncConnection.connect(postgres.dsn(), application_name="airflow-db-migrate") as hung,
    ):
        sleeping = asyncio.create_task(hung.execute("select pg_sleep(60)"))
        await eventually(lambda: _word(recorder) == "QUIET")
        await eventually(lambda: recorder.state.verdict is not None and recorder.state.verdict.subject == "long")
        hung.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)


async def test_what_a_backend_read_and_wrote_is_a_sign_once_the_server_tells(
    settings_for: Settle, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await asyncio.to_thread(lambda: seed(postgres.dsn(), dags=4, task_instances=200, running=0))
    async with (
        watched(settings_for(cadence={"database": 0.2}), tmp_path / "session", Limits()) as recorder,
        await psycopg.AsyncConnection.connect(
            postgres.dsn(), application_name="airflow-db-migrate", autocommit=True
        ) as worker,
    ):
        deadline = time.monotonic() + PATIENCE
        while "io" not in recorder.state.migration.signs and time.monotonic() < deadline:
            await worker.execute("create table if not exists written as select n from generate_series(1, 200000) n")
            await worker.execute("drop table written")
        assert "io" in recorder.state.migration.signs
