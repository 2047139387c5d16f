"""What stands in a migration's way in a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.rehearsal.seed import SeedReport
from migration_cockpit.sources import probe
from tests.connections.support import connected

Settle = Callable[..., Settings]
Owner = psycopg.AsyncConnection[Any]


@pytest.fixture
async def reader(settings_for: Settle, seeded: SeedReport) -> AsyncIterator[Owner]:
    async with connected(settings_for()) as connections, connections.postgres() as connection:
        yield connection


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
