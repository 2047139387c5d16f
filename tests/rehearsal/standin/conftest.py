"""A server for the stand-in's tests, started once, and a seeded database for each test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migration_cockpit.rehearsal.database import EmbeddedPostgres, free_port
from migration_cockpit.rehearsal.seed import seed, write_dags
from tests.pace import PATIENCE

DEADLINE = PATIENCE


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("standin") / "pg")
    with asyncio.Runner() as runner:
        runner.run(postgres.start())
        runner.run(postgres.create_roles())
        yield postgres
        runner.run(postgres.stop())
        postgres.remove()


@dataclass
class Deployment:
    """One seeded database with the commands and components that use it."""

    dsn: str
    folder: Path
    world: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PG"))},
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.dsn.replace("postgresql://", "postgresql+psycopg2://", 1),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__API_AUTH__JWT_SECRET": "rehearsal-secret",
            "HOSTNAME": "airflow-0",
            "REHEARSAL_DIR": str(self.world),
            "REHEARSAL_TICK": "0.1",
            "REHEARSAL_PARSE_INTERVAL": "0.3",
            "REHEARSAL_ADOPTED_SECONDS": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.folder.parent / "compiled"),
        }

    def airflow(self, version: str, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        command = [sys.executable, "-m", "migration_cockpit.rehearsal.standin", version, *args]
        env = {**self.env, **more}
        return subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=DEADLINE)

    def start(self, version: str, *args: str, **more: str) -> subprocess.Popen[str]:
        """Start a component; it is ended with the test."""
        command = [sys.executable, "-m", "migration_cockpit.rehearsal.standin", version, *args]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**self.env, **more}
        )
        self.processes.append(process)
        return process

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def do(self, statement: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.encode())

    def value(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def until(self, query: str, wanted: object) -> None:
        """Wait until `query` gives `wanted`."""
        wait(lambda: self.value(query) == wanted, f"{query} never gave {wanted!r}")


def wait(holds: Callable[[], bool], otherwise: str) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


@dataclass(frozen=True)
class Template:
    """A seeded database that each test gets a copy of, and the DAG files it was seeded for."""

    server: EmbeddedPostgres
    database: str
    folder: Path

    def admin(self, statement: str) -> None:
        with psycopg.connect(self.server.dsn("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def template(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Template:
    made = Template(server, "seeded", tmp_path_factory.mktemp("dags"))
    made.admin("CREATE DATABASE seeded OWNER airflow")
    write_dags(made.folder, 12)
    seed(server.dsn("seeded"), dags=12, task_instances=600, running=4, folder=str(made.folder))
    return made


@pytest.fixture
def deployment(template: Template, tmp_path: Path) -> Iterator[Deployment]:
    name = f"t{free_port()}"
    template.admin(f"CREATE DATABASE {name} TEMPLATE seeded OWNER airflow")
    made = Deployment(template.server.dsn(name), template.folder, tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()
    template.admin(f"DROP DATABASE {name} WITH (FORCE)")
