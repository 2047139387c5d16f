"""A real PostgreSQL server with an Airflow-shaped database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from tests.connections.support import make_settings


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server with the database and the roles of a rehearsal."""
    server = EmbeddedPostgres(tmp_path / "pg")
    await server.start()
    await server.create_roles()
    yield server
    await server.stop()
    server.remove()


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
