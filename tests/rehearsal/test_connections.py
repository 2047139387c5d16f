"""The other owners of Airflow's connection in a rehearsal: PgBouncer, and External Secrets."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.rehearsal import pgbouncer
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.external_secrets import GROUP, SECRET, VAULT, ExternalSecret
from tests.connections.support import eventually


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "pg")
    await server.start()
    await server.create_roles()
    yield server
    await server.stop()
    server.remove()


async def test_pgbouncer_leads_an_alias_to_its_server_and_refuses_what_the_real_one_refuses(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ini = tmp_path / "pgbouncer.ini"
    behind = f"host=127.0.0.1 dbname=airflow port={postgres.port} pool_size=10"
    ini.write_text(f"[databases]\nairflow-metadata = {behind}\n\n[pgbouncer]\nlisten_port = 6543\n")
    pgbouncer.install_image(tmp_path)
    program = tmp_path / "images" / pgbouncer.IMAGE / "bin" / "pgbouncer"
    environment = {**os.environ, f"REHEARSAL_PORT_{pgbouncer.PORT}": str(port)}
    running = await asyncio.create_subprocess_exec(program, "-u", "nobody", ini, env=environment)
    try:
        given = psycopg.conninfo.conninfo_to_dict(postgres.dsn()) | {"port": port, "dbname": "airflow-metadata"}
        await eventually(lambda: _answers(port))
        async with await psycopg.AsyncConnection.connect(**given) as connection:
            found = await (await connection.execute("select current_database(), inet_server_port()")).fetchone()
            assert found == ("airflow", postgres.port)
            ini.write_text("")  # it has read its configuration: what is written later, a running one does not see
            async with await psycopg.AsyncConnection.connect(**given) as other:
                assert await (await other.execute("select 1")).fetchone() == (1,)
            with pytest.raises(psycopg.OperationalError, match="no such database: airflow"):
                await psycopg.AsyncConnection.connect(**given | {"dbname": "airflow"})
            with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter: options"):
                await psycopg.AsyncConnection.connect(**given, options="-c statement_timeout=1")
            running.terminate()
            assert await asyncio.wait_for(running.wait(), 10) == 0
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("select 1")
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def test_external_secrets_keep_the_secret_as_its_source_is(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.ensure_namespace("airflow")
    operator = ExternalSecret(tmp_path, cluster, "airflow")
    operator.create("postgresql://airflow:s3cret@old:5432/airflow")

    def held() -> str:
        return base64.b64decode(cluster.get("Secret", "airflow", SECRET)["data"]["connection"]).decode()

    assert held().endswith("@old:5432/airflow")
    assert cluster.get("Secret", "airflow", SECRET)["metadata"]["ownerReferences"][0]["kind"] == "ExternalSecret"
    [condition] = cluster.get("ExternalSecret", "airflow", SECRET)["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Ready", "True")
    assert GROUP in cluster.catalogue.custom_groups
    cluster.patch("Secret", "airflow", SECRET, {"data": {"connection": base64.b64encode(b"by hand").decode()}})
    operator.sync()
    assert held().endswith("@old:5432/airflow"), "what somebody wrote by hand is undone"
    (tmp_path / VAULT / SECRET).write_text("postgresql://airflow:s3cret@new:5432/airflow\n")
    operator.sync()
    assert held().endswith("@new:5432/airflow")
