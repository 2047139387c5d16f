"""The migration of a seeded database, by the rehearsal's stand-in."""

from __future__ import annotations

import asyncio
import os
import sys

from migration_cockpit.rehearsal.database import EmbeddedPostgres


async def migrate(postgres: EmbeddedPostgres, version: str = "3.2.2", **environment: str) -> str:
    """Migrate database `airflow` to a version as its Job would, and return what that printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "migration_cockpit.rehearsal.standin", version, "db", "migrate",
        env={
            **os.environ,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.dsn(),
            "PGAPPNAME": "airflow-db-migrate",
            **environment,
        },
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
