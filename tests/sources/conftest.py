"""A real PostgreSQL server with an Airflow-shaped database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.rehearsal.seed import SeedReport, seed
from tests.connections.support import make_settings

SEEDED = "seeded"


@dataclass(frozen=True)
class Template:
    """A stopped server's data directory, the passwords of its roles, and what its database `seeded` holds."""

    data: Path
    passwords: dict[str, str]
    report: SeedReport


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Made once: a copy starts in a fraction of the time that a new data directory takes."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("template") / "pg")

    async def make() -> SeedReport:
        await server.start()
        await server.create_roles()
        admin = await psycopg.AsyncConnection.connect(server.dsn("postgres", SUPERUSER), autocommit=True)
        async with admin:
            await admin.execute(f"create database {SEEDED} owner airflow")
        report = await asyncio.to_thread(lambda: seed(server.dsn(SEEDED), dags=12, task_instances=400, running=4))
        await server.stop()
        return report

    report = asyncio.run(make())
    return Template(server.data, server.passwords, report)


@pytest.fixture
async def postgres(tmp_path: Path, template: Template) -> AsyncIterator[EmbeddedPostgres]:
    """A server with the database and the roles of a rehearsal."""
    server = EmbeddedPostgres(tmp_path / "pg", passwords=template.passwords)
    copy = await asyncio.create_subprocess_exec("cp", "-a", str(template.data), str(server.data))
    assert await copy.wait() == 0
    await server.start()
    yield server
    await server.stop()
    server.remove()


@pytest.fixture
async def seeded(postgres: EmbeddedPostgres, template: Template) -> SeedReport:
    """What database `airflow` holds: years of an Airflow 2.11 with a few tasks at work."""
    admin = await psycopg.AsyncConnection.connect(postgres.dsn("postgres", SUPERUSER), autocommit=True)
    async with admin:
        await admin.execute("drop database airflow")
        await admin.execute(f"alter database {SEEDED} rename to airflow")
    return template.report


@pytest.fixture
def settings_for(postgres: EmbeddedPostgres, tmp_path: Path) -> Callable[..., Settings]:
    """Settings whose database is the server, as user `cockpit`."""

    def make(**tables: dict[str, Any]) -> Settings:
        given = {"postgres": {"dsn": {"value": postgres.dsn(user="cockpit")}}}
        return make_settings(tmp_path, **{**given, **tables})

    return make


@pytest.fixture
async def owner(postgres: EmbeddedPostgres) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A session of the role that owns Airflow's tables, autocommit."""
    async with await psycopg.AsyncConnection.connect(postgres.dsn(), autocommit=True) as connection:
        yield connection
