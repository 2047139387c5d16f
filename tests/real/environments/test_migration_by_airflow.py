"""The real thing, without the cockpit: 2.11.2 runs, 3.2.2 migrates its database and runs on it, the references hold."""

from __future__ import annotations

import asyncio
import base64
import secrets
from importlib import resources
from pathlib import Path

import httpx
import psycopg
import pytest

from migration_cockpit.advice import failures, revisions, schema
from migration_cockpit.rehearsal.database import EmbeddedPostgres, free_port
from migration_cockpit.rehearsal.real import base
from migration_cockpit.rehearsal.real.database import prepare
from migration_cockpit.rehearsal.seed.dags import CANARY, dag_specs, write_dags
from tests.real.environments.components import SOURCE, TARGET, Pods, wait_for

DAGS = 8
TASK_INSTANCES = 1200
QUERY = resources.files("migration_cockpit.sources").joinpath("sql/schema.sql").read_bytes()

pytestmark = pytest.mark.timeout(600)


def one(dsn: str, query: str) -> object:
    """The single value of a query."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    value: object = row[0]
    return value


def compare(dsn: str, version: str) -> list[str]:
    """Where the schema at `dsn` differs from the reference of a version, by the product's own comparison."""
    reference = schema.reference(version)
    assert reference is not None
    with psycopg.connect(dsn) as connection:
        return schema.differences(connection.execute(QUERY).fetchall(), reference)


def environment(dsn: str, folder: Path, port: int) -> dict[str, str]:
    """What the chart gives every container."""
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": dsn,
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
    }


def healthy(port: int, path: str, components: set[str]) -> bool:
    """Whether the health endpoint calls all of these healthy."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and all(answer.json()[name]["status"] == "healthy" for name in components)


def count_of_dags(port: int) -> int:
    """What the REST API of 2.x says, asked with name and password."""
    page = httpx.get(f"http://127.0.0.1:{port}/api/v1/dags", auth=(base.USER, base.PASSWORD), timeout=20)
    count: int = page.json()["total_entries"]
    return count


async def test_2_11_runs_then_3_2_migrates_and_runs(world: Path, server: EmbeddedPostgres, tmp_path: Path) -> None:
    folder, port, dsn = tmp_path / "dags", free_port(), server.dsn()
    write_dags(folder, DAGS)
    await prepare(dsn, SOURCE, folder=folder, dags=DAGS, task_instances=TASK_INSTANCES, work=tmp_path)
    assert compare(dsn, SOURCE) == []
    assert one(dsn, "SELECT version_num FROM alembic_version") == revisions.head(SOURCE)
    tasks = one(dsn, "SELECT count(*) FROM task_instance")
    assert isinstance(tasks, int)
    assert tasks >= TASK_INSTANCES * 0.9

    old = Pods(world, SOURCE, environment(dsn, folder, port))
    try:
        for component in ("scheduler", "triggerer"):
            await old.start(component)
        await old.start("webserver", port)
        await wait_for("2.11 healthy", lambda: healthy(port, "/health", {"scheduler", "triggerer"}), old)
        await wait_for("2.11 parsing", lambda: bool(one(dsn, NEXT_RUNS)), old)
        assert await asyncio.to_thread(count_of_dags, port) == DAGS
    finally:
        await old.stop()
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'airflow' AND pid <> pg_backend_pid()"
    assert one(dsn, sessions) == 0, "a process of 2.11 survived its pod"

    new = Pods(world, TARGET, environment(dsn, folder, port))
    code, log = await new.run("db", "migrate")
    assert code == 0, log
    ids = [each.revision for each in revisions.core().revisions]
    applied = ids[1 : ids.index("1d6611b6ab7c") + 1]
    assert [name for name in applied if f"-> {name}" not in log] == []
    assert one(dsn, "SELECT version_num FROM alembic_version") == revisions.head(TARGET)
    assert compare(dsn, TARGET) == []
    assert failures.match_lines(log.splitlines()) == []
    assert one(dsn, "SELECT count(*) FROM task_instance") >= tasks  # type: ignore[operator] # a count

    try:
        for component in ("scheduler", "dag-processor", "triggerer"):
            await new.start(component)
        await new.start("api-server", port)
        four = {"metadatabase", "scheduler", "triggerer", "dag_processor"}
        await wait_for("3.2 healthy", lambda: healthy(port, "/api/v2/monitor/health", four), new)
        await wait_for("3.2 parsing", lambda: one(dsn, "SELECT count(*) FROM serialized_dag") == DAGS, new)
        assert await asyncio.to_thread(gone_paths, port) == {
            "/health": ["probe-path-gone"],
            "/api/v1/dags": ["api-v1-gone"],
            "/api/v2/health": ["api-health-path"],
        }
        await asyncio.to_thread(run_canary, port)
        await wait_for("the canary run", lambda: one(dsn, CANARY_STATE) in ("success", "failed"), new)
        assert one(dsn, CANARY_STATE) == "success"
    finally:
        await new.stop()
    assert compare(dsn, TARGET) == []


NEXT_RUNS = "SELECT bool_and(next_dagrun IS NOT NULL) FROM dag WHERE timetable_description NOT LIKE 'Never%'"
CANARY_STATE = "SELECT state FROM dag_run WHERE run_id = 'canary-of-the-test'"


def gone_paths(port: int) -> dict[str, list[str]]:
    """The known failures that the answers on paths of 2.x, and of the source playbook, show."""
    found = {}
    for path in ("/health", "/api/v1/dags", "/api/v2/health"):
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=20)
        assert answer.status_code == 404
        found[path] = [match.failure.id for match in failures.match_text(answer.text, "log", path)]
    return found


def run_canary(port: int) -> None:
    """Unpause and trigger the canary DAG as the cockpit does."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        token = client.post("/auth/token", json={"username": base.USER, "password": base.PASSWORD})
        assert token.status_code == 201, token.text
        client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        assert client.patch(f"/api/v2/dags/{CANARY}", json={"is_paused": False}).status_code == 200
        body = {"dag_run_id": "canary-of-the-test", "logical_date": None}
        answer = client.post(f"/api/v2/dags/{CANARY}/dagRuns", json=body)
        assert answer.status_code == 200, answer.text


async def test_a_deleted_version_row_is_caught_although_airflow_is_content(
    world: Path, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    dsn = server.dsn()
    await prepare(dsn, SOURCE, folder=tmp_path / "dags", dags=DAGS, task_instances=100)
    pods = Pods(world, TARGET, environment(dsn, tmp_path, 1))
    code, log = await pods.run("db", "migrate", "--to-revision", "29ce7909c52b")
    assert code == 0, log
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM alembic_version")
    code, log = await pods.run("db", "migrate")
    assert code == 0, log
    assert "Database migration done!" in log
    assert [match.failure.id for match in failures.match_lines(log.splitlines())] == ["stamped-over-old-schema"]
    assert (await pods.run("db", "check-migrations"))[0] == 0
    assert one(dsn, "SELECT version_num FROM alembic_version") == revisions.head(TARGET)
    found = compare(dsn, TARGET)
    columns = [words for words in found if words.startswith("column")]
    assert "column dag.fail_fast is missing, must be boolean NOT NULL" in " ".join(columns)
    assert any(words.startswith("column dag_run.created_at is missing") for words in columns)
    assert any(words.startswith("column serialized_dag.data is json") for words in columns)
    assert len(columns) >= 31


async def test_the_references_are_what_airflow_makes_today(world: Path, server: EmbeddedPostgres) -> None:
    dsn = server.dsn()
    pods = Pods(world, TARGET, environment(dsn, world, 1))
    code, log = await pods.run("db", "migrate")
    assert code == 0, log
    reference = schema.reference(TARGET)
    assert reference is not None
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(QUERY).fetchall()
        assert {(kind, table, name): text for kind, table, name, text in rows} == reference.shape()
        fab = connection.execute("SELECT version_num FROM alembic_version_fab").fetchone()
    assert fab == (reference.fab_head,)


async def test_a_second_rehearsal_has_its_database_in_seconds(
    world: Path, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    await prepare(server.dsn(), SOURCE, folder=tmp_path / "first", dags=DAGS, task_instances=100)
    with psycopg.connect(server.dsn("airflow", "postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE second OWNER airflow")
    told: list[str] = []
    second, dsn = tmp_path / "second", server.dsn("second")
    await prepare(dsn, SOURCE, folder=second, dags=DAGS, task_instances=3000, on_progress=told.append)
    assert not any("makes a database" in line for line in told)
    specs = dag_specs(DAGS)
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT d.dag_id, d.is_paused, d.fileloc, s.data::text, c.source_code "
            "FROM dag d JOIN serialized_dag s USING (dag_id) JOIN dag_code c ON c.fileloc_hash = s.fileloc_hash"
        ).fetchall()
        ran = connection.execute(
            "SELECT count(*) FROM task_instance "
            "WHERE dag_id = %s AND state = 'success' AND hostname NOT LIKE 'airflow-%%'",
            [CANARY],
        ).fetchone()
        history = connection.execute("SELECT count(*) FROM task_instance").fetchone()
    assert {row[0]: row[1] for row in found} == {spec.dag_id: spec.paused for spec in specs}
    assert all(row[2] == f"{second}/{row[0]}.py" for row in found)
    assert all(str(second) in row[3] and str(tmp_path / "first") not in row[3] for row in found)
    assert all(f'dag_id="{row[0]}"' in row[4] for row in found)
    assert ran == (2,), "the canary's runs by the real scheduler"
    assert history is not None
    assert history[0] >= 2700
