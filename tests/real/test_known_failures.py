"""What Airflow itself says in the failures of the catalogue is recognised, each by the entry that is meant.

| produced by Airflow itself | entry |
| --- | --- |
| bad XComs, five kinds, in `db migrate` | xcom-null-character, xcom-empty, xcom-not-utf8, xcom-not-json, xcom-nan |
| a deleted alembic_version, at 2.x and at 3.0 | alembic-version-empty, stamped-over-old-schema |
| `db migrate` of 2.x on a 3.x schema | revision-unknown |
| `db check-migrations` before the migration | unapplied-migrations |
| `db migrate` while another holds the lock | second-migration |
| import errors of removed imports and arguments | eight of the family `dags` |
| GET /api/v1 of an api-server, its body and its log | api-v1-gone |
| GET /health of an api-server, its body and its log | probe-path-gone |
| a worker with a wrong execution_api_server_url | execution-api-unreachable |

One database goes through all of it, in the order of the tests.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from migration_cockpit.advice import failures, revisions
from migration_cockpit.playbook.prepare import lint
from migration_cockpit.rehearsal.database import free_port
from migration_cockpit.rehearsal.standin.commands.lint import DEFAULTS_OF_3, issues
from tests.real.conftest import NEW, OLD, Driven, Metadata, program, surroundings

XCOMS = {
    "xcom-null-character": rb'"a\u0000b"',
    "xcom-empty": b"",
    "xcom-not-utf8": b'"\xff\xfe"',
    "xcom-not-json": b"not json",
    "xcom-nan": b'"mean: NaN, most: 3"',
}
INSERT = """
insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
select dag_run_id, task_id, map_index, 'bad', dag_id, run_id, %s, timestamp from xcom limit 1
"""
DAG = "from airflow.sdk import DAG\n"
OF_A_DAG = "# a dag of airflow\n"
"""Without both words a file is not looked at."""
FILES = {
    "dag-argument-removed": DAG + "DAG('a', schedule_interval=None)\n",
    "operator-argument-removed": DAG
    + "from airflow.providers.standard.operators.bash import BashOperator\n"
    + "with DAG('b'):\n    BashOperator(task_id='t', bash_command='true', provide_context=True)\n",
    "import-days-ago": "from airflow.utils.dates import days_ago\n",
    "import-subdag": "from airflow.operators.subdag import SubDagOperator\n",
    "import-dataset": "from airflow.timetables.datasets import DatasetOrTimeSchedule\n",
    "import-removed": "from airflow.operators.bash_operator import BashOperator\n",
    "import-provider": "from airflow.providers.amazon.aws.hooks.s3 import S3Hook\n",
    "import-timeout": "import time\ntime.sleep(30)\n",
}
CALLS = {
    "/api/v1/dags": "api-v1-gone",
    "/health": "probe-path-gone",
    "/api/v2/health": "api-health-path",
}


def ids(lines: list[str], kind: str = "log") -> list[str]:
    return [match.failure.id for match in failures.match_lines(lines, kind, "pod x")]


def explains(lines: list[str]) -> str:
    best = failures.match_log(lines, "migrate")
    return best.failure.id if best else ""


def test_pods_of_3_x_wait_for_the_migration(airflow: Driven) -> None:
    said = airflow.says("db", "check-migrations", "-t", "1")
    assert (airflow.code, ids(said)) == (1, ["unapplied-migrations"]), said[-5:]


def test_a_second_migration_gives_up(airflow: Driven, metadata: Metadata) -> None:
    with psycopg.connect(metadata.dsn, autocommit=True) as first:
        first.execute("select pg_advisory_lock(1)")
        said = airflow.says("db", "migrate")
    assert (airflow.code, ids(said)) == (1, ["second-migration"]), said[-20:]


def test_a_deleted_alembic_version_at_2_x_stops_the_migration(airflow: Driven, metadata: Metadata) -> None:
    head = metadata.sql("delete from alembic_version returning version_num")
    said = airflow.says("db", "migrate")
    metadata.sql("insert into alembic_version values (%s)", *head[0])
    assert airflow.code == 1
    assert "alembic-version-empty" in ids(said), said[-20:]


@pytest.mark.parametrize("entry", XCOMS)
def test_a_bad_xcom_stops_the_migration_and_is_named_by_its_kind(
    airflow: Driven, metadata: Metadata, entry: str
) -> None:
    metadata.sql(INSERT, XCOMS[entry])
    said = airflow.says("db", "migrate")
    metadata.sql("delete from xcom where key = 'bad'")
    assert (airflow.code, ids(said)) == (1, [entry]), said[-20:]
    assert metadata.sql("select version_num from alembic_version") == [("9fc3fc5de720",)], "those before it stay"


def test_what_was_mended_migrates_and_shows_nothing(airflow: Driven, metadata: Metadata) -> None:
    said = airflow.says("db", "migrate", "-n", "3.0.0")
    metadata.keep("three")
    said += airflow.says("db", "migrate")
    metadata.keep("new")
    assert (airflow.code, ids(said)) == (0, []), said[-20:]
    assert metadata.sql("select version_num from alembic_version") == [(revisions.head(NEW),)]


def test_a_deleted_alembic_version_at_3_0_is_stamped_over_the_old_tables(airflow: Driven, metadata: Metadata) -> None:
    metadata.back("three")
    metadata.sql("delete from alembic_version")
    said = airflow.says("db", "migrate")
    metadata.back("new")
    assert (airflow.code, ids(said)) == (0, ["stamped-over-old-schema"]), "it says that all is well"


def test_2_x_on_a_3_x_schema_is_told_by_the_revision_and_its_version(tmp_path: Path, metadata: Metadata) -> None:
    ran = subprocess.run(
        [program(OLD, "airflow"), "db", "migrate"],
        env=surroundings(OLD, tmp_path, metadata.dsn),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        check=False,
    )
    said = ran.stdout.splitlines()
    assert ran.returncode != 0
    assert ids(said) == ["revision-unknown"], "SQLAlchemy's own KeyError on the way there is no DAG's"
    assert explains(said) == "revision-unknown"
    assert metadata.sql("select version_num from alembic_version") == [(revisions.head(NEW),)], "nothing changed"


def test_what_3_x_cannot_import_is_named_by_its_cause(airflow: Driven, tmp_path: Path) -> None:
    for entry, source in FILES.items():
        (tmp_path / f"{entry}.py").write_text(OF_A_DAG + source)
    said = airflow.says("@", str(tmp_path))
    told = json.loads(next(line for line in said if line.startswith("errors:")).partition(":")[2])
    found = {Path(file).stem: ids(text.splitlines(), "import") for file, text in told.items()}
    assert found == {entry: [entry] for entry in FILES}


@pytest.mark.parametrize(
    ("words", "entry"), [(("webserver",), "webserver-removed"), (("upgrade-check",), "command-unknown")]
)
def test_a_command_that_is_gone_is_told(airflow: Driven, words: tuple[str, ...], entry: str) -> None:
    said = airflow.says(*words)
    assert airflow.code
    assert ids(said) == [entry], said[-5:]


def test_config_lint_says_what_the_stand_in_says_and_is_understood(
    airflow: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__SQL_ALCHEMY_CONN": "postgresql://x",
        "AIRFLOW__SCHEDULER__CATCHUP_BY_DEFAULT": "True",
        "AIRFLOW__WEBSERVER__BASE_URL": "http://a",
        "AIRFLOW__CORE__CHECK_SLAS": "True",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "30",
    }
    before = "\n".join(airflow.says("config", "lint"))
    for name, value in given.items():
        airflow.says("=", name, value)
    after = "\n".join(airflow.says("config", "lint"))
    assert airflow.code == 0, "it ends with 0 whatever it finds"
    assert lint.judge(before, "lint").status == "holds"
    seen = lint.judge(after, "lint")
    assert seen.status == "fails"
    assert [re.sub(r"^lint: ", "", text).split("`")[1] for text in seen.found[:-1]] == [
        "check_slas",
        "base_url",
        "dag_dir_list_interval",
    ]
    assert "[core] executor, [core] sql_alchemy_conn, [scheduler] catchup_by_default" in seen.found[-1]
    expected = [" ".join(text.split()) for text in issues(given, DEFAULTS_OF_3)]
    assert [" ".join(text.split()) for text in re.split(r"\n  - ", after.partition("airflow.cfg:")[2])[1:]][:-1] == (
        expected[:-1]
    )


# -- a server of 3.x, and a worker that does not find it


@contextmanager
def api_server(home: Path, dsn: str, port: int) -> Iterator[Path]:
    """An api-server of 3.x on loopback; its log."""
    log = home / "api-server.log"
    words = [program(NEW, "airflow"), "api-server", "--port", str(port), "--host", "127.0.0.1", "--workers", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, env=surroundings(NEW, home, dsn), stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield log
    finally:
        process.terminate()
        process.wait(30)


def worker(home: Path, url: str) -> subprocess.Popen[str]:
    """A worker of 3.x that is given a task and this URL of the execution API."""
    ti = {
        "id": str(uuid4()),
        "dag_version_id": str(uuid4()),
        "task_id": "check",
        "dag_id": "cockpit_canary",
        "run_id": "manual",
        "try_number": 1,
        "pool_slots": 1,
        "queue": "default",
        "priority_weight": 1,
    }
    workload = {
        "type": "ExecuteTask",
        "token": "none",
        "ti": ti,
        "dag_rel_path": "cockpit_canary.py",
        "bundle_info": {"name": "dags-folder", "version": None},
        "log_path": None,
    }
    module = "airflow.sdk.execution_time.execute_workload"
    return subprocess.Popen(
        [program(NEW, "python"), "-m", module, "--json-string", json.dumps(workload)],
        env=surroundings(
            NEW, home,
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=url,
            AIRFLOW__WORKERS__EXECUTION_API_RETRIES="2",
            AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MIN="0.1",
            AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX="0.2",
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/unused.db",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def test_callers_of_what_is_gone_and_a_worker_with_a_wrong_url_are_told(tmp_path: Path, metadata: Metadata) -> None:
    port, nobody = free_port(), free_port()
    (tmp_path / "worker").mkdir()
    with api_server(tmp_path, metadata.dsn, port) as log:
        lost = worker(tmp_path / "worker", f"http://127.0.0.1:{nobody}/execution/")
        said, _ = lost.communicate(timeout=120)
        assert lost.returncode != 0
        assert set(ids(said.splitlines())) == {"execution-api-unreachable"}, said[-3000:]
        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, timeout=20) as client:
            deadline = time.monotonic() + 120
            while True:
                try:
                    if client.get("/api/v2/version").status_code == 200:
                        break
                except httpx.HTTPError:
                    assert time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.2)
            for path, entry in CALLS.items():
                answer = client.get(path)
                assert answer.status_code == 404
                assert ids([answer.text]) == [entry], answer.text
            assert client.get("/api/v2/dags", auth=("admin", "admin")).status_code == 401
    assert set(ids(log.read_text().splitlines())) == {*CALLS.values(), "basic-auth-refused"}, log.read_text()[-3000:]
