"""Where the benchmark of the migration runs: a server with a database of 2.11.2, and the target's programs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from benchmarks.disk import HeldDisk

from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.rehearsal.real.database import prepare
from migration_cockpit.rehearsal.real.environment import ensure
from migration_cockpit.rehearsal.real.image import image_environment
from migration_cockpit.rehearsal.seed import write_dags

SOURCE, TARGET = "2.11.2", "3.2.2"
DAGS = 30


class BenchmarkError(Exception):
    """A part of the measurement did not do what it shall measure."""


@dataclass(frozen=True)
class Bench:
    """The server with its template database, and the target's programs."""

    work: Path
    postgres: EmbeddedPostgres
    programs: Path
    halved: bool
    disk: HeldDisk | None = None
    """Its own disk, where it is to be held back."""

    def environment(self, database: str) -> Mapping[str, str]:
        """Of the migration on a copy of the template."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            **image_environment(TARGET),
            "PATH": f"{self.programs}:{os.environ.get('PATH', '')}",
            "AIRFLOW_HOME": str(self.work / "home"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.postgres.dsn(database),
            "PGAPPNAME": "airflow-db-migrate",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
        }

    async def copy(self, name: str) -> None:
        """A copy of the template, with its statistics and nothing left to write."""
        async with await psycopg.AsyncConnection.connect(
            self.postgres.dsn("postgres", SUPERUSER), autocommit=True
        ) as admin:
            await admin.execute(f"drop database if exists {name}".encode())
            await admin.execute(f"create database {name} template airflow owner airflow".encode())
            await admin.execute("checkpoint")

    async def drop(self, name: str) -> None:
        """Away with a copy."""
        async with await psycopg.AsyncConnection.connect(
            self.postgres.dsn("postgres", SUPERUSER), autocommit=True
        ) as admin:
            await admin.execute(f"drop database if exists {name} with (force)".encode())

    async def migrate(self, database: str) -> asyncio.subprocess.Process:
        """Start the real migration."""
        process = await asyncio.create_subprocess_exec(
            str(self.programs / "airflow"), "db", "migrate",
            env=self.environment(database), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        if self.halved:
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        return process


@asynccontextmanager
async def made(work: Path, task_instances: int, *, halved: bool, disk: HeldDisk | None = None) -> AsyncIterator[Bench]:
    """A server whose database `airflow` is one of 2.11.2 with so many task instances; on `disk` where one is given."""
    tell = lambda line: print(f"… {line}", flush=True)  # noqa: E731 - one word
    await asyncio.to_thread(ensure, SOURCE, tell)
    programs = await asyncio.to_thread(ensure, TARGET, tell) / "bin"
    folder = work / "dags"
    write_dags(folder, DAGS)
    place = (disk.mounted if disk is not None else work) / "postgres"
    settings = {"max_wal_size": "4GB", "shared_buffers": "256MB"}
    if disk is not None:
        # As in production it waits for its disk; a second copy of the WAL would be the rehearsal's only.
        settings |= {"fsync": "on", "archive_mode": "off"}
    postgres = EmbeddedPostgres(place, settings=settings)
    try:
        await postgres.start()
        await postgres.create_roles()
        await prepare(
            postgres.dsn(), SOURCE, folder=folder, dags=DAGS, task_instances=task_instances, work=work, on_progress=tell
        )
        if halved and (pid := postgres.handle().server_pid()) is not None:
            _pin(pid)
        yield Bench(work, postgres, programs, halved, disk)
    finally:
        await postgres.stop()
        postgres.remove()


def _pin(postmaster: int) -> None:
    """The server and all its children on one core; backends to come inherit it."""
    core = {min(os.sched_getaffinity(0))}
    os.sched_setaffinity(postmaster, core)
    for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        with suppress(OSError):
            os.sched_setaffinity(int(child), core)
