"""Airflow itself, started once for all that it is to be heard saying."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.real import environment
from migration_cockpit.rehearsal.real.database import prepare
from migration_cockpit.rehearsal.real.image import image_environment
from migration_cockpit.rehearsal.seed import write_dags
from tests.real import driven

OLD, NEW = "2.11.2", "3.2.2"
DAGS = 30
"""As many as a rehearsal has: its cached database is used."""


class Metadata:
    """A server of its own with Airflow's database, which can be put aside and back."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self.dsn = server.dsn()

    def sql(self, text: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of a statement, as the owner."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(text.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def keep(self, name: str) -> None:
        """A copy of the database as it is now."""
        self._copy("airflow", name)

    def back(self, name: str) -> None:
        """The database as it was when it was kept."""
        self._copy(name, "airflow")

    def _copy(self, source: str, target: str) -> None:
        with psycopg.connect(self._server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (source,))
            connection.execute(f'drop database if exists "{target}" with (force)'.encode())
            connection.execute(f'create database "{target}" template "{source}"'.encode())


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metadata]:
    """Airflow's database of the source version, with runs and XComs."""
    directory = tmp_path_factory.mktemp("metadata")
    environment.ensure(OLD)
    server = EmbeddedPostgres(directory / "pg")

    async def start() -> None:
        await server.start()
        await server.create_roles()
        folder = directory / "dags"
        write_dags(folder, DAGS)
        await prepare(server.dsn(), OLD, folder=folder, dags=DAGS, task_instances=100, work=directory)

    with asyncio.Runner() as runner:
        try:
            runner.run(start())
            yield Metadata(server)
        finally:
            runner.run(server.stop())
            server.remove()


def surroundings(version: str, home: Path, dsn: str = "", **more: str) -> dict[str, str]:
    """The environment of a program of the real release."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    found = clean | image_environment(version) | {"AIRFLOW_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    return found | ({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": dsn} if dsn else {}) | more


def program(version: str, name: str) -> str:
    """A program of the real release."""
    return str(environment.ensure(version) / "bin" / name)


class Driven:
    """One process of Airflow that runs one command after the other."""

    def __init__(self, home: Path, dsn: str, **more: str) -> None:
        self._process = subprocess.Popen(
            [program(NEW, "python"), driven.__file__],
            env=surroundings(NEW, home, dsn, **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.code = 0
        """How the last command ended."""

    def says(self, *words: str) -> list[str]:
        """The lines of a command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(driven.MARK):
                self.code = int(line.split()[-1])
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError("\n".join(lines[-30:]))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, metadata: Metadata) -> Iterator[Driven]:
    """The target version on that database."""
    home = tmp_path_factory.mktemp("airflow")
    started = Driven(home, metadata.dsn, AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="2")
    try:
        yield started
    finally:
        started.close()
