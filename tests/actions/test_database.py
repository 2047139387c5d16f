"""What is read of the database, on a real server with the schemas of both versions, and a dump of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migration_cockpit.actions import database
from migration_cockpit.actions.dump import TakeDump
from migration_cockpit.actions.fresh_schema import schema_sql
from migration_cockpit.actions.operation import OperationError, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import schema
from migration_cockpit.connections import Unreachable, postgres
from migration_cockpit.playbook import migrated
from migration_cockpit.playbook.drain import half_done_runs
from migration_cockpit.playbook.gates import judge_source_head
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from tests.actions.servers import DAGS, RUN, airflow, airflow_template, server, task, write
from tests.actions.test_cluster_operations import Heard
from tests.connections.support import connected, make_settings

__all__ = ["airflow_template", "server"]  # fixtures


@pytest.fixture
async def site(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Site]:
    dump = {"enabled": True, "pg_dump": str(server.binaries / "pg_dump")}
    dump["pg_restore"] = str(server.binaries / "pg_restore")
    settings = make_settings(tmp_path, postgres={"dsn": {"value": server.dsn(user="cockpit")}}, dump=dump)
    async with connected(settings) as connections:
        yield Site(settings, "test-20260516", connections)


async def test_both_schemas_are_read_by_the_same_questions(
    server: EmbeddedPostgres, site: Site, tmp_path: Path
) -> None:
    old = "now() - interval '9 hours'"
    await write(
        server,
        DAGS,
        RUN,
        task("long", "running", old, old),
        task("no-dates", "queued", "null", "null"),
        task("waits", "deferred", old, old),
        task("over", "success", old, old),
    )
    expected = (database.DagRow("a", False), database.DagRow("b", True))
    assert await database.dags(site) == expected
    # The playbook's filter on queued_dttm would see neither of the first two.
    assert await database.states(site) == {"running": 1, "queued": 1, "deferred": 1}
    assert [task.task_id for task in await database.draining(site)] == ["long", "no-dates"]
    assert await half_done_runs(site) == 0  # its task runs: the run is at work, not half done
    await write(server, "update task_instance set state = 'success' where task_id in ('long', 'no-dates')")
    assert await half_done_runs(site) == 1
    await write(server, "update task_instance set state = 'running' where task_id = 'long'")
    await write(server, "update task_instance set state = 'queued' where task_id = 'no-dates'")
    assert await database.owner(site) == "airflow"
    heads = await database.heads(site)
    assert judge_source_head(heads, "2.11.2")[0]
    assert not migrated.judge(heads, "2.11.2", "3.2.2")[0]

    # 3.x cannot tell a SubDAG from a DAG any more: the dag-processor takes it for stale, as it is in no file.
    await write(server, "delete from dag where dag_id = 'a.sub'")
    await airflow(server, tmp_path, "3.2.2", "db", "migrate")
    assert await database.dags(site) == expected
    assert await database.states(site) == {"running": 1, "queued": 1, "deferred": 1}
    heads = await database.heads(site)
    assert migrated.judge(heads, "2.11.2", "3.2.2")[0]
    assert migrated.judge_fab(heads, "02ca36b0235b")[0]
    assert not judge_source_head(heads, "2.11.2")[0]
    rows: list[Any] = await database.rows(site, schema_sql())
    reference = schema.reference("3.2.2")
    assert reference is not None
    assert schema.differences(rows, reference) == []
    await write(server, "alter table dag drop column fail_fast")
    rows = await database.rows(site, schema_sql())
    assert schema.differences(rows, reference)[0].startswith("column dag.fail_fast is missing")


async def test_an_empty_version_table_over_a_full_schema_is_named(server: EmbeddedPostgres, site: Site) -> None:
    await write(server, "delete from alembic_version")
    holds, found = judge_source_head(await database.heads(site), "2.11.2")
    assert not holds
    assert "5f2621c13b39" in found
    assert "would stamp" in found
    await write(server, "insert into alembic_version values ('5f2621c13b39'), ('044f740568ec')")
    assert judge_source_head(await database.heads(site), "2.11.2")[1].startswith("alembic_version has 2 rows")


async def test_sessions_and_the_migration_lock(server: EmbeddedPostgres, site: Site) -> None:
    assert await database.migration_lock(site) is None
    name = postgres.MIGRATION_APPLICATION
    async with await psycopg.AsyncConnection.connect(server.dsn(), application_name=name) as connection:
        await connection.execute("select pg_advisory_lock(1)")
        assert await database.migration_lock(site) == connection.info.backend_pid
        (session,) = await database.sessions(site)  # the cockpit's own is not among them
        assert session.migration
        assert session.state == "idle in transaction"
        assert "airflow-db-migrate" in session.words(datetime.now(UTC))
    assert await database.prepared(site) == []


async def test_sessions_are_seen_by_a_role_that_may_not_know_what_they_do(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    admin = await psycopg.AsyncConnection.connect(server.dsn("postgres", SUPERUSER), autocommit=True)
    async with admin:
        await admin.execute("create role blind login password 'no-rights-at-all'")
    dsn = server.dsn().replace(f"//airflow:{server.passwords['airflow']}@", "//blind:no-rights-at-all@")
    settings = make_settings(tmp_path, postgres={"dsn": {"value": dsn}})
    async with connected(settings) as connections, await psycopg.AsyncConnection.connect(server.dsn()) as other:
        found = await database.sessions(Site(settings, "test-20260516", connections))
        assert other.info.backend_pid in {session.pid for session in found}
        assert "state hidden" in found[0].words(datetime.now(UTC))


async def test_a_query_that_fails_says_so_in_words(site: Site) -> None:
    with pytest.raises(Unreachable, match="schema is neither"):
        await database.rows(site, "select no_such_column from pg_class")


async def test_dump_is_proved_and_found_again(server: EmbeddedPostgres, site: Site, tmp_path: Path) -> None:
    dump = TakeDump(site, "helm", tmp_path)
    assert (await dump.observe()).status is Status.NOT_STARTED
    await write(server, "create schema elsewhere", "alter table task_instance set schema elsewhere")
    with pytest.raises(OperationError, match="no data of task_instance"):
        await dump.run(Heard())  # a dump of the wrong database is worth nothing
    assert (await dump.observe()).status is Status.NOT_STARTED
    await write(server, "alter table elsewhere.task_instance set schema public")
    detail = await dump.run(Heard())
    path = tmp_path / dump.key
    assert path.stat().st_mode & 0o777 == 0o600
    assert (await dump.observe()).detail.split("sha256 ")[1] == detail.split("sha256 ")[1]
    path.write_bytes(path.read_bytes()[:-1])
    assert (await dump.observe()).status is Status.FAILED


async def test_a_dump_program_that_is_not_there_is_one_sentence(site: Site, tmp_path: Path) -> None:
    settings = make_settings(
        tmp_path,
        postgres={"dsn": {"value": site.settings.postgres.dsn.value}},
        dump={"enabled": True, "pg_dump": "/nowhere/pg_dump"},
    )
    async with connected(settings) as connections:
        with pytest.raises(OperationError, match=r"/nowhere/pg_dump cannot be started.*\[dump\]"):
            await TakeDump(Site(settings, "s", connections), "helm", tmp_path).run(Heard())
