"""What Airflow itself says in failures that a flight does not meet is recognised: 2.x on a 3.x schema, and a task that
cannot reach the execution API."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.advice import failures, revisions
from migration_cockpit.rehearsal.database import EmbeddedPostgres, free_port
from migration_cockpit.rehearsal.real import environment
from migration_cockpit.rehearsal.real.image import image_environment

OLD, NEW = "2.11.2", "3.2.2"
CALL = """
import sys
from airflow.sdk.api.client import Client
Client(base_url=sys.argv[1], token="none").request("GET", "/task-instances/1/previous-successful-dagrun")
"""
"""What a task's first call is, by the client that it has."""


@pytest.fixture
async def dsn(tmp_path: Path) -> AsyncIterator[str]:
    """An empty database of Airflow's own."""
    server = EmbeddedPostgres(tmp_path / "pg")
    await server.start()
    await server.create_roles()
    yield server.dsn()
    await server.stop()
    server.remove()


def run(version: str, home: Path, *words: str, dsn: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """A program of the real release, to its end."""
    programs = environment.ensure(version) / "bin"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    surroundings = clean | image_environment(version) | {"AIRFLOW_HOME": str(home), "PYTHONWARNINGS": "ignore"} | more
    if dsn:
        surroundings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = dsn
    return subprocess.run(
        [str(programs / words[0]), *words[1:]],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def shown(ran: subprocess.CompletedProcess[str]) -> list[failures.Match]:
    return failures.match_lines((ran.stdout + ran.stderr).splitlines(), "log", "pod x")


async def test_2_x_on_a_3_x_schema_is_told_by_the_revision_and_its_version(tmp_path: Path, dsn: str) -> None:
    made = await asyncio.to_thread(lambda: run(NEW, tmp_path / "new", "airflow", "db", "migrate", dsn=dsn))
    assert made.returncode == 0, made.stderr[-2000:]
    ran = await asyncio.to_thread(lambda: run(OLD, tmp_path / "old", "airflow", "db", "migrate", dsn=dsn))
    assert ran.returncode != 0
    head = revisions.head(NEW)
    # SQLAlchemy's own KeyError on the way there reads like a DAG's: what explains the failure must be the other one.
    best = failures.match_log((ran.stdout + ran.stderr).splitlines(), "healthy")
    assert best is not None, ran.stderr[-1500:]
    assert best.failure.id == "revision-unknown"
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select version_num from alembic_version").fetchall() == [(head,)], "nothing changed"


def test_a_task_that_cannot_reach_the_execution_api_is_told(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/execution/"
    ran = run(
        NEW, tmp_path, "python", "-c", CALL, url, AIRFLOW__WORKERS__EXECUTION_API_RETRIES="2",
        AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MIN="0.1", AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX="0.2",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{tmp_path}/unused.db",
    )  # fmt: skip
    assert ran.returncode != 0
    assert [match.failure.id for match in shown(ran)] == ["execution-api-unreachable"], ran.stderr[-2000:]
