"""What a rollback would lose, counted on a real server: under Airflow 2, after its migration to 3, and behind locks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.seed import SeedReport
from migration_cockpit.session.cost import CostReading
from migration_cockpit.session.events import CostRead, RecoveryMarked
from migration_cockpit.sources.cost import LOCKED, CostSource, read_marks, read_rows
from tests.connections.support import connected, eventually, running
from tests.sources.migrating import migrate

Settle = Callable[..., Settings]
Owner = psycopg.AsyncConnection[Any]
POINT = "airflow-pre-3x-helm"
SECRET = "pass-of-the-warehouse"


async def marks_of(connections: Any) -> RecoveryMarked:
    return RecoveryMarked(point=POINT, at=datetime.now(UTC), marks=await read_marks(connections, POINT))


async def settings_of_airflow(owner: Owner) -> None:
    """Three connections and a variable."""
    for name in ("kept", "changed", "removed"):
        await owner.execute(
            "insert into connection (conn_id, conn_type, password, is_encrypted, is_extra_encrypted)"
            " values (%s, 'http', %s, false, false)",
            [name, SECRET],
        )
    await owner.execute("insert into variable (key, val, is_encrypted) values ('kept', %s, false)", [SECRET])


async def since(owner: Owner, schema: int) -> None:
    """A run with two tasks, an xcom and a log row; one connection changed, one removed, one added; a variable added."""
    columns = {2: ("execution_date",), 3: ("logical_date", "run_after")}[schema]
    dag, task = await (
        await owner.execute("select dag_id, task_id from task_instance order by 1, 2 limit 1")
    ).fetchone() or ("", "")
    run = await copied(owner, "dag_run", {"run_id": "manual__since"}, columns, f"dag_id = '{dag}'", drop=("id",))
    for number in (0, 1):
        drop = ("id",) if schema == 3 else ()
        new = {"run_id": "manual__since", "map_index": number}
        await copied(owner, "task_instance", new, (), f"dag_id = '{dag}' and task_id = '{task}'", drop=drop)
    key = {"dag_run_id": run, "dag_id": dag, "task_id": task, "run_id": "manual__since", "key": "return_value"}
    await inserted(owner, "xcom", {**key, "map_index": 0})
    await owner.execute("insert into log (dttm, event) values (now(), 'trigger')")
    await owner.execute("update connection set password = 'other' where conn_id = 'changed'")
    await owner.execute("delete from connection where conn_id = 'removed'")
    await owner.execute(
        "insert into connection (conn_id, conn_type, is_encrypted, is_extra_encrypted)"
        " values ('added', 'http', false, false)"
    )
    await owner.execute("insert into variable (key, val, is_encrypted) values ('added', 'x', false)")


async def copied(
    owner: Owner, table: str, new: dict[str, Any], now: tuple[str, ...], where: str, drop: tuple[str, ...] = ()
) -> Any:
    """A row as one that is there, with other values; returns its id where the table has one."""
    names = await columns_of(owner, table)
    wanted = [name for name in names if name not in drop]
    shown = [f"%({name})s" if name in new else "now()" if name in now else f'"{name}"' for name in wanted]
    if "id" in drop and table == "task_instance":
        wanted, shown = [*wanted, "id"], [*shown, "gen_random_uuid()"]
    into = ", ".join(f'"{name}"' for name in wanted)
    returning = " returning id" if "id" in names else ""
    statement = f"insert into {table} ({into}) select {', '.join(shown)} from {table} where {where} limit 1{returning}"
    cursor = await owner.execute(statement, new)
    row = await cursor.fetchone() if returning else None
    return row[0] if row else None


async def inserted(owner: Owner, table: str, values: dict[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in [*values, "timestamp"])
    places = ", ".join(f"%({name})s" for name in values)
    await owner.execute(f"insert into {table} ({names}) values ({places}, now())", values)


async def columns_of(owner: Owner, table: str) -> list[str]:
    rows = await owner.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
        " and attgenerated = ''",
        [table],
    )
    return [row[0] for row in await rows.fetchall()]


def expect_lost(reading: CostReading) -> None:
    assert (reading.point, reading.unknown) == (POINT, "")
    assert (reading.dag_runs, reading.task_instances, reading.xcoms, reading.logs) == (1, 2, 1, 1)
    assert [(each.name, each.how) for each in reading.connections] == [
        ("added", "added"),
        ("changed", "changed"),
        ("removed", "removed"),
    ]
    assert [(each.name, each.how) for each in reading.variables] == [("added", "added")]
    assert [run.run_id for run in reading.newest] == ["manual__since"]


def expect_listed(rows: list[dict[str, Any]], reading: CostReading) -> None:
    """The list has the rows that are counted, by name, and no value."""
    of = {table: sum(row["table"] == table for row in rows) for table in ("dag_run", "task_instance", "xcom", "log")}
    assert of == {"dag_run": 1, "task_instance": 2, "xcom": 1, "log": reading.logs}
    assert {row["name"] for row in rows if row["table"] == "connection"} == {"added", "changed", "removed"}
    assert SECRET not in msgspec.json.encode(rows).decode()


async def test_what_came_since_under_airflow_2(settings_for: Settle, seeded: SeedReport, owner: Owner) -> None:
    await settings_of_airflow(owner)
    async with connected(settings_for()) as connections:
        marked = await marks_of(connections)
        source = CostSource(connections, lambda: marked)
        nothing = await source.read()
        assert nothing.nothing
        assert nothing.logs == 0
        await since(owner, 2)
        reading = await source.read()
        expect_lost(reading)
        rows = [msgspec.json.decode(row) for row in await read_rows(connections, marked, seconds=30)]
    expect_listed(rows, reading)
    told = msgspec.json.encode(marked).decode()
    assert SECRET not in told, "values leave the server as hashes only"


async def test_what_came_since_across_the_migration(
    settings_for: Settle, seeded: SeedReport, owner: Owner, postgres: EmbeddedPostgres
) -> None:
    await settings_of_airflow(owner)
    async with connected(settings_for()) as connections:
        marked = await marks_of(connections)
        await migrate(postgres)
        source = CostSource(connections, lambda: marked)
        before = await source.read()
        assert before.nothing, "the migration itself changes no connection and adds no run"
        await since(owner, 3)
        reading = await source.read()
        rows = [msgspec.json.decode(row) for row in await read_rows(connections, marked, seconds=30)]
    expect_lost(msgspec.structs.replace(reading, logs=reading.logs - before.logs))
    expect_listed(rows, reading)


async def test_tasks_of_runs_begun_before_are_counted_apart(
    settings_for: Settle, seeded: SeedReport, owner: Owner
) -> None:
    async with connected(settings_for()) as connections:
        marked = await marks_of(connections)
        assert marked.marks.open_runs, "the seeded database has runs that are not finished"
        moment = "update task_instance set state = 'success', end_date = now() + interval '1 second'"
        where = (
            "where state = 'running' and (dag_id, run_id) in (select dag_id, run_id from dag_run where id = any(%s))"
        )
        cursor = await owner.execute(f"{moment} {where}", [list(marked.marks.open_runs)])
        reading = await CostSource(connections, lambda: marked).read()
    assert reading.went_on == cursor.rowcount > 0
    assert reading.task_instances == 0


async def test_locked_tables_are_a_reading_and_nobody_is_held_up(
    settings_for: Settle, seeded: SeedReport, owner: Owner, postgres: EmbeddedPostgres
) -> None:
    async with connected(settings_for(cadence={"cost": 0.1})) as connections:
        marked = await marks_of(connections)
        source = CostSource(connections, lambda: marked)
        async with running(source) as seen:
            await eventually(lambda: bool(seen.of(CostRead)))
            async with await psycopg.AsyncConnection.connect(postgres.dsn()) as blocker:
                await blocker.execute("lock table dag_run in access exclusive mode")
                await eventually(lambda: seen.of(CostRead)[-1].reading.unknown == LOCKED)
                told = seen.of(CostRead)[-1].reading
                assert told.as_of is not None, "the counts before are kept, with their age"
                started = asyncio.get_running_loop().time()
                await blocker.execute("alter table dag_run add column held_up int")
                assert asyncio.get_running_loop().time() - started < 2.0
                await blocker.rollback()
            await eventually(lambda: seen.of(CostRead)[-1].reading.unknown == "")


async def test_without_marks_nothing_is_read(settings_for: Settle) -> None:
    async with connected(settings_for()) as connections:
        assert await CostSource(connections, lambda: None).read() == CostReading()
