"""The database source against a real server: who is who, who waits for whom, and what it does when the server goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.session.events import DatabaseRead, SourceBeat, SourceFailed, SourceRecovered
from migration_cockpit.session.readings import Backend, DatabaseReading
from migration_cockpit.sources.activity import BYSTANDERS, statement
from migration_cockpit.sources.database import DatabaseSource
from tests.connections.support import connected, eventually, running

Settle = Callable[..., Settings]
Owner = psycopg.AsyncConnection[Any]


async def session(postgres: EmbeddedPostgres, application: str = "", user: str = "airflow") -> Owner:
    return await psycopg.AsyncConnection.connect(postgres.dsn(user=user), application_name=application, autocommit=True)


def by_role(reading: DatabaseReading) -> dict[str, list[Backend]]:
    roles: dict[str, list[Backend]] = {}
    for backend in reading.backends:
        roles.setdefault(backend.role, []).append(backend)
    return roles


async def test_an_empty_database_has_no_revision(settings_for: Settle) -> None:
    async with connected(settings_for()) as connections:
        reading = await DatabaseSource(connections).read()
    assert (reading.alembic_table, reading.revisions, reading.fab_revisions) == (False, (), ())
    assert reading.server_version >= 140000
    assert reading.size > 1_000_000
    assert reading.wal_bytes > 0
    assert reading.blocks_written > 0


async def test_revisions_sessions_and_the_tree_of_waiters(
    settings_for: Settle, postgres: EmbeddedPostgres, owner: Owner
) -> None:
    await owner.execute("create table alembic_version (version_num text); insert into alembic_version values ('aaa')")
    await owner.execute(
        "create table alembic_version_fab (version_num text); insert into alembic_version_fab values ('bbb')"
    )
    await owner.execute("create table dag_run (id int)")
    lock, worker = await session(postgres, "airflow-db-migrate"), await session(postgres, "airflow-db-migrate")
    idle, queued = await session(postgres, "bi-report", "postgres"), await session(postgres, "web")
    try:
        await lock.execute("select pg_advisory_lock(1)")
        await idle.execute("begin")
        await idle.execute("lock table dag_run in access share mode")
        altering = asyncio.create_task(worker.execute("alter table dag_run add column triggered_by varchar(50)"))
        async with connected(settings_for()) as connections:
            source = DatabaseSource(connections)
            reading = await source.read()
            while not reading.waiters:
                reading = await source.read()
            counting = asyncio.create_task(queued.execute("select count(*) from dag_run"))
            while reading.waiters_total < 2:
                reading = await source.read()
        assert (reading.revisions, reading.fab_revisions) == (("aaa",), ("bbb",))
        pids = {
            name: one.info.backend_pid
            for name, one in (("lock", lock), ("worker", worker), ("idle", idle), ("queued", queued))
        }
        assert reading.migration_lock_pid == pids["lock"]
        roles = by_role(reading)
        assert [backend.pid for backend in roles["migration-lock"]] == [pids["lock"]]
        assert [backend.pid for backend in roles["migration"]] == [pids["worker"]]
        assert [backend.application for backend in roles["other"]] == ["bi-report"]
        assert {backend.pid for backend in roles["airflow"]} >= {pids["queued"]}
        assert "cockpit" not in roles  # its own session is left out, and there is no other
        waits = {waiter.pid: waiter for waiter in reading.waiters}
        assert waits[pids["worker"]].blockers == (pids["idle"],)
        assert (waits[pids["worker"]].relation, waits[pids["worker"]].mode) == ("dag_run", "AccessExclusiveLock")
        assert waits[pids["worker"]].since is not None
        assert waits[pids["queued"]].blockers == (pids["worker"],)
        held = {(lock.pid, lock.relation, lock.mode) for lock in reading.locks}
        assert (pids["idle"], "dag_run", "AccessShareLock") in held
        waiting = next(backend for backend in reading.backends if backend.pid == pids["worker"])
        assert (waiting.wait_type, waiting.state) == ("Lock", "active")
        assert waiting.query == "alter table dag_run add column triggered_by varchar(50)"
        await idle.execute("rollback")
        await asyncio.gather(altering, counting)
    finally:
        for one in (lock, worker, idle, queued):
            await one.close()


async def test_a_migration_without_a_name_is_known_by_its_lock(
    settings_for: Settle, postgres: EmbeddedPostgres, owner: Owner
) -> None:
    await owner.execute("create table xcom (id int)")
    lock, worker = await session(postgres), await session(postgres)
    try:
        await lock.execute("select pg_advisory_lock(1)")
        await worker.execute("begin")
        await worker.execute("alter table xcom add column value jsonb")
        async with connected(settings_for()) as connections:
            reading = await DatabaseSource(connections).read()
        roles = by_role(reading)
        assert [backend.pid for backend in roles["migration-lock"]] == [lock.info.backend_pid]
        assert [backend.pid for backend in roles["migration"]] == [worker.info.backend_pid]
        assert ("xcom", "AccessExclusiveLock") in {(held.relation, held.mode) for held in reading.locks}
    finally:
        await lock.close()
        await worker.close()


async def test_a_locked_version_table_costs_only_its_news(
    settings_for: Settle, postgres: EmbeddedPostgres, owner: Owner
) -> None:
    await owner.execute("create table alembic_version (version_num text); insert into alembic_version values ('aaa')")
    rude = await session(postgres)
    try:
        async with connected(settings_for()) as connections:
            source = DatabaseSource(connections)
            assert (await source.read()).revisions == ("aaa",)
            await rude.execute("begin")
            await rude.execute("lock table alembic_version in access exclusive mode")
            reading = await source.read()
        assert reading.revisions == ("aaa",)
        assert reading.alembic_table
    finally:
        await rude.close()


async def restore_bystanders_are_counted_and_what_matters_is_shown_whole(
    settings_for: Settle, postgres: EmbeddedPostgres
) -> None:
    crowd = [await session(postgres, f"crowd-{n}") for n in range(BYSTANDERS + 4)]
    idler = await session(postgres, "idler")
    try:
        for one in crowd:
            await one.execute("select 'a secret'")
        await idler.execute("begin")
        await idler.execute("select 'another secret'")
        async with connected(settings_for()) as connections:
            reading = await DatabaseSource(connections).read()
            again = await DatabaseSource(connections).read()
        found = {backend.application: backend for backend in reading.backends}
        assert reading.backends_total == BYSTANDERS + 5
        assert len(reading.backends) == BYSTANDERS + 1
        assert found["idler"].query == "select '…'"
        assert found["idler"].xact_start is not None
        assert {backend.query for name, backend in found.items() if name != "idler"} == {""}
        assert reading.backends == again.backends
    finally:
        for one in (*crowd, idler):
            await one.close()


async def test_long_lists_are_cut_and_counted(
    settings_for: Settle, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migration_cockpit.sources.database.BACKENDS", 3)
    crowd = [await session(postgres, f"crowd-{n}") for n in range(6)]
    try:
        for one in crowd:
            await one.execute("begin")
        async with connected(settings_for()) as connections:
            reading = await DatabaseSource(connections).read()
        assert len(reading.backends) == 3
        assert reading.backends_total == 6
    finally:
        for one in crowd:
            await one.close()


async def test_the_server_goes_and_comes_back(settings_for: Settle, postgres: EmbeddedPostgres) -> None:
    async with connected(settings_for()) as connections, running(DatabaseSource(connections)) as heard:
        await eventually(lambda: heard.of(DatabaseRead))
        await eventually(lambda: len(heard.of(DatabaseRead)) + len(heard.of(SourceBeat)) > 2)
        await postgres.stop()
        failures = await eventually(lambda: heard.of(SourceFailed))
        assert all("Postgres" in failure.why or "server" in failure.why for failure in failures)
        before = len(heard.of(DatabaseRead))
        await postgres.start()
        await eventually(lambda: heard.of(SourceRecovered))
        await eventually(lambda: len(heard.of(DatabaseRead)) > before)
        # Each reason was told once, however often it was tried meanwhile.
        reasons = [failure.why for failure in heard.of(SourceFailed)]
        assert len(reasons) == len({(n, why) for n, why in enumerate(reasons) if n == 0 or reasons[n - 1] != why})


async def test_a_wrong_password_is_a_fact_and_never_shown(settings_for: Settle, postgres: EmbeddedPostgres) -> None:
    dsn = f"postgresql://cockpit:not-the-password@127.0.0.1:{postgres.port}/airflow"
    async with (
        connected(settings_for(postgres={"dsn": {"value": dsn}})) as connections,
        running(DatabaseSource(connections)) as heard,
    ):
        failure = (await eventually(lambda: heard.of(SourceFailed)))[0]
    assert "the password is wrong" in failure.why
    assert "not-the-password" not in failure.why


def test_literals_are_masked_even_when_cut_off() -> None:
    assert statement("select 'a''b', 1") == "select '…', 1"
    assert statement("alter role x password 'top secret") == "alter role x password '…'"
    assert (
        statement("update dag_run set conf = E'it\\'s \\\\' where id=1") == "update dag_run set conf = E'…' where id=1"
    )
    assert statement("do $x$ secret $x$ language plpgsql") == "do '…' language plpgsql"
    assert statement("-- postgresql://u:hunter2@host/db\nselect 1") == "-- postgresql://u:…@host/db select 1"
