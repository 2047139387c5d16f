"""Sessions on the metadata database: harmless by their settings, refused in words, through a port-forward."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from migration_cockpit.config import SecretRef, Settings, load
from migration_cockpit.connections import Connections, NotSupported, Unreachable
from migration_cockpit.connections.postgres import check_dsn
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import MASK, Redactor
from tests.connections.support import NAMESPACE, cluster, connected, eventually, make_settings

Settle = Callable[..., Settings]
Owner = psycopg.AsyncConnection[Any]


def test_a_dsn_of_sqlalchemy_is_one_for_libpq() -> None:
    assert (
        check_dsn("postgresql+psycopg2://u:p@h:5432/d?sslmode=require") == "postgresql://u:p@h:5432/d?sslmode=require"
    )
    assert check_dsn("postgres://u@h/d") == "postgresql://u@h/d"
    assert check_dsn("host=h dbname=d") == "host=h dbname=d"


@pytest.mark.parametrize(
    ("dsn", "name"), [("mysql+mysqldb://u:p@h/d", "MySQL"), ("mysql://h/d", "MySQL"), ("sqlite:////x.db", "sqlite")]
)
def test_other_databases_are_refused_in_one_sentence(dsn: str, name: str) -> None:
    with pytest.raises(NotSupported) as refused:
        check_dsn(dsn)
    assert name in str(refused.value)
    assert "PostgreSQL only" in str(refused.value)
    assert "u:p" not in str(refused.value)


async def test_a_session_is_read_only_and_short_of_patience(settings_for: Settle, owner: Owner) -> None:
    await owner.execute("create table dag (id int)")
    async with connected(settings_for()) as connections, connections.postgres() as session:
        settings = {}
        for name in ("application_name", "lock_timeout", "statement_timeout", "default_transaction_read_only"):
            row = await (await session.execute(f"show {name}")).fetchone()
            assert row is not None
            settings[name] = row[0]
        assert settings == {
            "application_name": "migration-cockpit",
            "lock_timeout": "300ms",
            "statement_timeout": "3s",
            "default_transaction_read_only": "on",
        }
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await session.execute("insert into dag values (1)")
        assert session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


async def test_a_writing_session_writes_and_a_plain_one_keeps_the_servers_patience(
    settings_for: Settle, postgres: EmbeddedPostgres, owner: Owner
) -> None:
    await owner.execute("create table dag (id int)")
    as_owner = settings_for(postgres={"dsn": {"value": postgres.dsn()}})
    async with connected(as_owner) as connections:
        async with connections.postgres(write=True) as session:
            await session.execute("insert into dag values (1)")
        async with connections.postgres(plain=True) as session:
            row = await (await session.execute("show lock_timeout")).fetchone()
            assert row == ("0",)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await session.execute("delete from dag")


async def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    async with connected(make_settings(tmp_path)) as connections:
        with pytest.raises(Unreachable, match="Postgres: the server refuses connections"):
            async with connections.postgres():
                pass


async def test_a_dsn_that_cannot_be_read_is_not_repeated(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, postgres={"dsn": {"value": "host=h passwrd=hunter2"}})
    async with connected(settings) as connections:
        with pytest.raises(Unreachable) as refused:
            async with connections.postgres():
                pass
    assert "the DSN cannot be read" in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_a_pooler_that_drops_the_settings_is_not_worked_with(
    settings_for: Settle, postgres: EmbeddedPostgres
) -> None:
    """A proxy that rewrites the start-up packet stands for PgBouncer with ignore_startup_parameters=options."""

    async def pooler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", postgres.port)

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data.replace(b"default_transaction_read_only=on", b"default_transaction_read_only=of"))
            sink.close()

        await asyncio.gather(carry(reader, up_writer), carry(up_reader, writer))

    server = await asyncio.start_server(pooler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    dsn = (
        postgres.dsn(user="cockpit").replace(f":{postgres.port}/", f":{port}/") + "?sslmode=disable&gssencmode=disable"
    )
    async with connected(settings_for(postgres={"dsn": {"value": dsn}})) as connections:
        with pytest.raises(Unreachable, match="session settings did not take"):
            async with connections.postgres():
                pass
    server.close()


async def test_the_dsn_comes_from_a_secret_through_a_forward_that_survives_its_pod(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "images" / "tool-1" / "bin").mkdir(parents=True)
    labels = {"app": "tunnel"}
    container = {"name": "main", "image": "tool:1", "command": ["sleep", "100"]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    service = {"selector": labels, "ports": [{"port": 5432, "targetPort": postgres.port}]}
    dsn = postgres.dsn(user="cockpit").replace(f"127.0.0.1:{postgres.port}", "database.internal:5432")
    data = {"connection": base64.b64encode(dsn.encode()).decode()}
    settings = make_settings(
        tmp_path, postgres={"dsn": {"secret": "metadata/connection"}, "port_forward": "svc/tunnel:5432"}
    )
    async with cluster(tmp_path) as world, connected(settings) as connections:
        world.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "metadata"}, "data": data}, NAMESPACE)
        world.create(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "tunnel"}, "spec": service}, NAMESPACE
        )
        with pytest.raises(Unreachable, match="no pod of Service tunnel is ready"):
            async with connections.postgres():
                pass
        world.create(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "t"}, "spec": spec}, NAMESPACE
        )

        def ready() -> list[str]:
            return [
                pod["metadata"]["name"]
                for pod in world.list("Pod", NAMESPACE)
                if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
                and "deletionTimestamp" not in pod["metadata"]
            ]

        first = await eventually(ready)
        async with connections.postgres() as session:
            row = await (await session.execute("select current_user, repeat('x', 1000000)")).fetchone()
            assert row is not None
            assert (row[0], len(row[1])) == ("cockpit", 1_000_000)
        world.delete("Pod", NAMESPACE, first[0], grace=0)
        await eventually(lambda: ready() and ready() != first)
        async with connections.postgres() as session:
            await session.execute("select 1")
        # Neither the DSN nor the password in it can leave through an event.
        password = postgres.passwords["cockpit"]
        assert connections.redactor.clean(f"{dsn} {password}") == f"{MASK} {MASK}"


async def test_a_forward_to_nowhere_says_what_it_takes(tmp_path: Path) -> None:
    async with connected(make_settings(tmp_path, postgres={"port_forward": "tunnel"})) as connections:
        with pytest.raises(Unreachable, match="it takes svc/name:5432 or pod/name:5432"):
            async with connections.postgres():
                pass


async def test_the_password_inside_key_value_pairs_is_a_secret_too() -> None:
    redactor = Redactor()
    settings = load(Path(__file__).parents[2] / "config.example.toml")
    ref = SecretRef(value="host=db user=cockpit password=hunter22 dbname=airflow")
    postgres = msgspec.structs.replace(settings.postgres, dsn=ref)
    connections = Connections(msgspec.structs.replace(settings, postgres=postgres), redactor, SystemClock())
    await connections.dsn()
    assert "hunter22" not in redactor.clean("it was hunter22, I think")
    await connections.close()
