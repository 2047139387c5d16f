"""Airflow itself makes these failures: the catalogue recognises what it prints, and the mends mend."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.advice import failures, revisions
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.real.database import prepare
from migration_cockpit.rehearsal.real.environment import environment_path
from migration_cockpit.rehearsal.seed.dags import write_dags
from tests.real.environments.components import SOURCE, TARGET, Pods
from tests.real.environments.test_migration_by_airflow import environment

XCOM = "eed27faa34e3"
BAD = {"xcom-nan": b'{"said": "values: NaN, 3"}', "xcom-null-character": b'{"a": "x\\u0000y"}'}
"""Values of XComs that stop the migration, by the failure they are."""
DAGS = {
    "import-days-ago": "from airflow.utils.dates import days_ago",
    "import-subdag": "from airflow.operators.subdag import SubDagOperator",
    "import-dataset": "from airflow.datasets import Dataset",
    "import-removed": "from airflow.operators.bash_operator import BashOperator",
    "import-provider": "from airflow.providers.amazon.aws.hooks.s3 import S3Hook",
    "dag-argument-removed": "from airflow.sdk import DAG\nDAG('d', schedule_interval=None)",
    "operator-argument-removed": "from airflow.providers.standard.operators.bash import BashOperator\n"
    "BashOperator(task_id='t', bash_command='true', task_concurrency=1)",
}
"""DAG files of 2.x, by the failure that each is under 3.x."""

PARSE = """
import json, pathlib, runpy, sys, traceback
found = []
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    try:
        runpy.run_path(str(file))
    except BaseException:
        found.append({"filepath": str(file), "error": traceback.format_exc()})
print(json.dumps(found))
"""
"""What the dag-processor does to a file, without its database: run it, and keep the traceback."""

pytestmark = pytest.mark.timeout(300)


def recognised(log: str) -> set[str]:
    """The failures that a log shows."""
    return {match.failure.id for match in failures.match_lines(log.splitlines())}


def mend(dsn: str, name: str, **values: str) -> None:
    """Do what an entry says, with the client that it says: only its SQL, for no psql is needed here."""
    failure = failures.by_id(name)
    assert failure is not None
    commands = failures.filled("\n".join(each.run for each in failure.entry.mend), values)
    statements = re.findall(r"<<'SQL'\n(.*?)\nSQL", commands, re.DOTALL) + re.findall(r'-c "(insert .*?)"', commands)
    statements += re.findall(r"-c '(delete .*?)'", commands)
    assert statements, name
    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())


async def test_what_stops_a_migration_is_recognised_and_mended(
    world: Path, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    dsn = server.dsn()
    write_dags(tmp_path / "dags", 8)
    await prepare(dsn, SOURCE, folder=tmp_path / "dags", dags=8, task_instances=100)
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select r.id, t.dag_id, t.task_id, t.run_id, t.map_index from task_instance t"
            " join dag_run r using (dag_id, run_id) order by 1, 2, 3 limit %s",
            [len(BAD)],
        ).fetchall()
        for row, (name, value) in zip(rows, BAD.items(), strict=True):
            connection.execute(
                "insert into xcom (dag_run_id, dag_id, task_id, run_id, map_index, key, value, timestamp)"
                " values (%s, %s, %s, %s, %s, %s, %s, now())",
                [*row, name, value],
            )
    new = Pods(world, TARGET, environment(dsn, tmp_path, 1))

    code, log = await new.run("db", "check-migrations", "--migration-wait-timeout", "1")
    assert (code, recognised(log)) == (1, {"unapplied-migrations"})

    with psycopg.connect(dsn) as other:
        other.execute("select pg_advisory_lock(1)")
        code, log = await new.run("db", "migrate")
    assert (code, recognised(log)) == (1, {"second-migration"})

    with psycopg.connect(dsn) as connection:
        connection.execute("delete from alembic_version")
    code, log = await new.run("db", "migrate")
    assert code == 1
    assert "alembic-version-empty" in recognised(log)
    mend(dsn, "alembic-version-empty", committed=revisions.head(SOURCE) or "")

    found = set()
    while True:
        code, log = await new.run("db", "migrate", "--to-revision", XCOM)
        if code == 0:
            break
        best = failures.match_log(log.splitlines(), "migrate")
        assert best is not None, log[-3000:]
        assert best.failure.id not in found, "its mend did not mend"
        found.add(best.failure.id)
        mend(dsn, best.failure.id)
    assert found == set(BAD)


async def test_dag_files_of_2_x_are_recognised_by_their_import_errors(world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    for name, source in DAGS.items():
        (folder / f"{name.replace('-', '_')}.py").write_text(f"# airflow DAG\n{source}\n", "utf-8")
    surroundings = {"PATH": "/usr/bin:/bin", "AIRFLOW_HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    python = str(environment_path(TARGET) / "bin" / "python")
    process = await asyncio.create_subprocess_exec(
        *(python, "-c", PARSE, str(folder)), env=surroundings, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    found = json.loads(next(line for line in told.decode().splitlines() if line.startswith("[{")))
    assert len(found) == len(DAGS), told.decode()[-3000:]
    for each in found:
        name = Path(each["filepath"]).stem.replace("_", "-")
        matches = failures.match_lines(each["error"].splitlines(), "import", name)
        assert [match.failure.id for match in matches] == [name], each["error"]


async def test_a_command_that_is_gone_is_recognised(world: Path, server: EmbeddedPostgres, tmp_path: Path) -> None:
    code, log = await Pods(world, TARGET, environment(server.dsn(), tmp_path, 1)).run("webserver")
    assert (code, recognised(log)) == (2, {"webserver-removed"})
