"""Real PostgreSQL servers for tests: an empty one, and one with the schema of 2.11.2, which is made once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.rehearsal.database import EmbeddedPostgres


@dataclass(frozen=True)
class Template:
    """A stopped server's data directory, and the passwords of its roles."""

    data: Path
    passwords: dict[str, str]


async def airflow(server: EmbeddedPostgres, home: Path, version: str, *words: str) -> None:
    """Run a command of the stand-in, which sends the statements that Airflow itself sends."""
    environment = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.dsn(), "AIRFLOW_HOME": str(home)}
    program = [sys.executable, "-m", "migration_cockpit.rehearsal.standin", version, *words]
    done = await asyncio.to_thread(
        subprocess.run, program, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def write(server: EmbeddedPostgres, *statements: str) -> None:
    """Change the database as its owner."""
    async with await psycopg.AsyncConnection.connect(server.dsn(), autocommit=True) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


@pytest.fixture(scope="session")
def airflow_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Made once: a copy starts in a fraction of the time that a new data directory and a schema take."""
    directory = tmp_path_factory.mktemp("template")
    server = EmbeddedPostgres(directory / "pg")

    async def make() -> None:
        await server.start()
        await server.create_roles()
        await airflow(server, directory, "2.11.2", "db", "migrate")
        await server.stop()

    asyncio.run(make())
    return Template(server.data, server.passwords)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


@pytest.fixture
async def server(tmp_path: Path, airflow_template: Template) -> AsyncIterator[EmbeddedPostgres]:
    """A server with the schema of Airflow 2.11.2."""
    postgres = EmbeddedPostgres(tmp_path / "pg", passwords=airflow_template.passwords)
    await asyncio.to_thread(_copy, airflow_template.data, postgres.data)
    await postgres.start()
    yield postgres
    await postgres.stop()
    postgres.remove()


DAGS = """
insert into dag (dag_id, is_paused, is_active, is_subdag, has_task_concurrency_limits, max_active_tasks,
                 max_consecutive_failed_dag_runs)
values ('a', false, true, false, false, 16, 0), ('b', true, true, false, false, 16, 0),
       ('stale', false, false, false, false, 16, 0), ('a.sub', false, true, true, false, 16, 0)
"""
RUN = """
insert into dag_run (dag_id, run_id, run_type, execution_date, state, clear_number)
values ('a', 'r1', 'manual', now(), 'running', 0)
"""


def task(name: str, state: str, start: str, queued: str) -> str:
    """The statement that makes a task instance of run r1; `start` and `queued` are SQL."""
    return f"""
        insert into task_instance (dag_id, task_id, run_id, map_index, state, start_date, queued_dttm, pool, pool_slots)
        values ('a', '{name}', 'r1', -1, '{state}', {start}, {queued}, 'default_pool', 1)
    """
