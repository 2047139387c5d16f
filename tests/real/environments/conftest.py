"""Real Airflow of both versions on an embedded PostgreSQL: installed once, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.real.environment import ensure
from migration_cockpit.rehearsal.real.image import install_image
from tests.real.environments.components import SOURCE, TARGET


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the images of both versions, as a rehearsal's world has it."""
    directory = tmp_path_factory.mktemp("world")
    for version in (SOURCE, TARGET):
        ensure(version, print)
        install_image(directory, version)
    return directory


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """An empty server with database and role `airflow`."""
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    await postgres.start()
    try:
        await postgres.create_roles()
        yield postgres
    finally:
        await postgres.stop()
