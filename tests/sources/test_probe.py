"""One-shot reads on a seeded database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Json

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.rehearsal.seed import SeedReport
from migration_cockpit.sources import probe
from tests.connections.support import connected
from tests.sources.migrating import migrate

Settle = Callable[..., Settings]
Owner = psycopg.AsyncConnection[Any]


@pytest.fixture
async def reader(settings_for: Settle, seeded: SeedReport) -> AsyncIterator[Owner]:
    async with connected(settings_for()) as connections, connections.postgres() as connection:
        yield connection


async def test_the_ledger_is_what_is_active_and_not_paused(reader: Owner, seeded: SeedReport, owner: Owner) -> None:
    dags = await probe.dags(reader)
    assert set(dags.paused) == set(seeded.paused)
    assert dags.total == seeded.dags
    assert not set(dags.active) & set(dags.paused)
    await owner.execute("update dag set is_active = false where dag_id = %s", [dags.active[0]])
    assert dags.active[0] not in (await probe.dags(reader)).active


async def test_states_counts_and_heads(reader: Owner, seeded: SeedReport, owner: Owner) -> None:
    states = await probe.live_states(reader)
    assert (states["running"], states["queued"]) == (seeded.running, seeded.queued)
    assert len(await probe.live_tasks(reader)) == seeded.running + seeded.queued
    counts = await probe.counts(reader)
    assert (counts.dags, counts.serialized) == (seeded.dags, seeded.dags)
    heads = await probe.heads(reader)
    assert (heads.core, heads.table) == (("5f2621c13b39",), True)
    await owner.execute("delete from alembic_version")
    assert (await probe.heads(reader)).core == ()
    assert await probe.server_version(reader) >= 140000
    assert await probe.database_size(reader) > 1_000_000
    sizes = await probe.table_sizes(reader, ["task_instance", "xcom", "no_such_table"])
    assert {size.name for size in sizes} == {"task_instance", "xcom"}
    assert next(size for size in sizes if size.name == "task_instance").rows > 300
    assert {pool.name for pool in await probe.pools(reader)} >= {"default_pool"}


async def test_heartbeats_come_with_their_age(reader: Owner, seeded: SeedReport, owner: Owner) -> None:
    await owner.execute("delete from job")
    await owner.execute(
        "insert into job (id, job_type, state, latest_heartbeat, hostname) values"
        " (1, 'SchedulerJob', 'running', now() - interval '90 seconds', 'a'),"
        " (2, 'TriggererJob', 'running', now(), 'b'), (3, 'SchedulerJob', 'success', now(), 'c')"
    )
    beats = await probe.heartbeats(reader)
    assert [(beat.kind, beat.host) for beat in beats] == [("TriggererJob", "b"), ("SchedulerJob", "a")]
    assert 89 < beats[1].age < 120


async def test_sessions_of_others_are_listed_with_their_roles(
    reader: Owner, seeded: SeedReport, postgres: EmbeddedPostgres
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres.dsn(), application_name="nosy") as other:
        await other.execute("select 1")
        found = {session.application: session for session in await probe.sessions(reader)}
        assert (found["nosy"].role, found["nosy"].state) == ("airflow", "idle in transaction")
        assert reader.info.backend_pid not in {session.pid for session in found.values()}


async def test_role_settings_say_what_a_new_session_gets_and_why(
    settings_for: Settle, seeded: SeedReport, postgres: EmbeddedPostgres
) -> None:
    async with connected(settings_for()) as connections:
        before = await probe.role_settings(connections)
        assert before.role == "airflow"
        assert before.current == {"statement_timeout": 0, "lock_timeout": 0, "idle_in_transaction_session_timeout": 0}
        admin = await psycopg.AsyncConnection.connect(postgres.dsn("postgres", SUPERUSER), autocommit=True)
        async with admin:
            await admin.execute("alter role airflow set statement_timeout = '15min'")
            await admin.execute("alter database airflow set lock_timeout = 900")
            await admin.execute("alter role airflow in database airflow set statement_timeout = '2s'")
            await admin.execute("alter role cockpit set idle_in_transaction_session_timeout = '1h'")
        after = await probe.role_settings(connections)
    assert after.current == {"statement_timeout": 2000, "lock_timeout": 900, "idle_in_transaction_session_timeout": 0}
    assert after.sources == {
        "statement_timeout": "role in database",
        "lock_timeout": "database",
        "idle_in_transaction_session_timeout": "server",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("900", 900), ("15min", 900_000), ("2s", 2000), ("1h", 3_600_000), ("250ms", 250), ("1d", 86_400_000)],
)
def test_timeouts_are_read_with_their_units(text: str, value: int) -> None:
    assert probe.milliseconds(text) == value


async def test_what_others_built_on_airflows_tables_is_found(
    reader: Owner, seeded: SeedReport, owner: Owner, postgres: EmbeddedPostgres
) -> None:
    assert await probe.foreign_objects(reader) == ()
    await owner.execute("create view late as select dag_id from task_instance")
    await owner.execute("create function nothing() returns trigger language plpgsql as $$ begin return new; end $$")
    await owner.execute("create trigger spy after insert on xcom for each row execute function nothing()")
    async with await psycopg.AsyncConnection.connect(postgres.dsn(user=SUPERUSER), autocommit=True) as admin:
        await admin.execute("create publication copy_all for table dag_run")
    found = {(item.kind, item.name, item.table) for item in await probe.foreign_objects(reader)}
    assert found == {
        ("view", "public.late", "task_instance"),
        ("trigger", "spy", "xcom"),
        ("publication", "copy_all", "dag_run"),
    }


async def test_catch_up_under_airflow_2(reader: Owner, seeded: SeedReport, owner: Owner) -> None:
    ids = list((await probe.dags(reader)).active)[:4]
    await owner.execute("update dag set next_dagrun_create_after = now() + interval '1 hour'")
    await owner.execute("delete from dataset_dag_run_queue")
    await owner.execute("delete from dag_run where dag_id = any(%s) and state in ('queued', 'running')", [ids])
    for dag_id, catchup in zip(ids, (None, False, None, None), strict=True):
        data = {} if catchup is None else {"catchup": catchup}
        await owner.execute(
            "update serialized_dag set data = %s::json where dag_id = %s",
            [Json({"dag": data}), dag_id],
        )
    await owner.execute(
        "update dag set max_active_runs = 2, next_dagrun_data_interval_start = now() - interval '4.5 days',"
        " next_dagrun_data_interval_end = now() - interval '3.5 days',"
        " next_dagrun_create_after = now() - interval '3.5 days' where dag_id = any(%s)",
        [ids[:3]],
    )
    found = {item.dag_id: item for item in await probe.catch_up(reader, ids)}
    assert set(found) == set(ids[:3])
    assert (found[ids[0]].catchup, found[ids[0]].missed, found[ids[0]].first_wave, found[ids[0]].never) == (
        True,
        4,
        2,
        0,
    )
    assert (found[ids[1]].catchup, found[ids[1]].missed, found[ids[1]].first_wave, found[ids[1]].never) == (
        False,
        4,
        1,
        3,
    )
    assert found[ids[0]].exact
    under_3 = {item.dag_id: item for item in await probe.catch_up(reader, ids, catchup_default=False)}
    assert not under_3[ids[0]].catchup
    assert under_3[ids[0]].never == 3


async def test_catch_up_under_airflow_3(
    reader: Owner, seeded: SeedReport, owner: Owner, postgres: EmbeddedPostgres
) -> None:
    await migrate(postgres)
    ids = list((await probe.dags(reader)).active)[:3]
    await owner.execute("update dag set next_dagrun_create_after = now() + interval '1 hour'")
    await owner.execute("delete from dag_run where dag_id = any(%s)", [ids])
    # A cron schedule of 3.x: no interval between start and end, so the distance comes from the last runs.
    await owner.execute(
        "update dag set max_active_runs = 16, next_dagrun_data_interval_start = now() - interval '3.5 days',"
        " next_dagrun_data_interval_end = now() - interval '3.5 days',"
        " next_dagrun_create_after = now() - interval '3.5 days' where dag_id = any(%s)",
        [ids],
    )
    for days in (4.5, 5.5, 6.5):
        await owner.execute(
            "insert into dag_run (dag_id, run_id, run_type, state, run_after, logical_date, clear_number, queued_at)"
            " select d, 'scheduled-' || %(n)s, 'scheduled', 'success', now() - %(n)s * interval '1 day',"
            " now() - %(n)s * interval '1 day', 0, now() from unnest(%(d)s::text[]) d",
            {"n": days, "d": ids[:2]},
        )
    for dag_id, catchup in ((ids[0], True), (ids[1], False)):
        for age, said in ((2, not catchup), (1, catchup)):  # of several versions the newest counts
            await owner.execute(
                "with v as (insert into dag_version (id, dag_id, version_number, bundle_name, created_at, last_updated)"
                " values (gen_random_uuid(), %(d)s, 100 - %(a)s, 'dags-folder', now(), now()) returning id)"
                " insert into serialized_dag (id, dag_id, data, dag_hash, created_at, last_updated, dag_version_id)"
                " select gen_random_uuid(), %(d)s, %(j)s, 'h' || %(a)s::text, now() - %(a)s * interval '1 day',"
                " now(), id from v",
                {"d": dag_id, "a": age, "j": Json({"dag": {"catchup": said}})},
            )
    found = {item.dag_id: item for item in await probe.catch_up(reader, ids)}
    first, second, third = (found[dag_id] for dag_id in ids)
    assert (first.catchup, first.missed, first.first_wave, first.never, first.exact) == (True, 4, 4, 0, True)
    assert (second.catchup, second.missed, second.first_wave, second.never) == (False, 4, 1, 3)
    # Never run and not parsed: something is due, how much is not known; 3.x does not catch up unless told.
    assert (third.catchup, third.missed, third.first_wave, third.exact) == (False, 1, 1, False)
    await owner.execute("update dag set exceeds_max_non_backfill = true where dag_id = %s", [ids[0]])
    assert ids[0] not in {item.dag_id for item in await probe.catch_up(reader, ids)}


async def test_the_schema_query_is_read_when_it_is_there(reader: Owner, seeded: SeedReport) -> None:
    if not (Path(probe.__file__).parent / "sql" / "schema.sql").exists():
        with pytest.raises(FileNotFoundError):
            await probe.schema_rows(reader)
        return
    assert await probe.schema_rows(reader)
