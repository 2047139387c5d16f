"""`airflow db ...` of the stand-in against what real Airflow was recorded doing."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from migration_cockpit.advice import failures
from migration_cockpit.rehearsal import faults
from migration_cockpit.rehearsal.standin.logs import Log
from migration_cockpit.rehearsal.standin.migrate.create import create_source
from migration_cockpit.rehearsal.standin.migrate.loops import Work
from migration_cockpit.rehearsal.standin.migrate.schema import upgrades
from migration_cockpit.rehearsal.standin.migrate.shape import read_shape
from migration_cockpit.rehearsal.standin.migrate.troubles import BAD_XCOMS
from migration_cockpit.rehearsal.standin.migrate.upgrade import stretched
from migration_cockpit.rehearsal.standin.releases import SOURCE_HEAD, release
from tests.rehearsal.standin.conftest import wait

if TYPE_CHECKING:
    from tests.rehearsal.standin.conftest import Deployment

TARGET = "1d6611b6ab7c"
# Made by scripts/make_standin_schema.py from the database that Airflow 3.2.2 itself migrated from 2.11.2.
REAL = Path(__file__).with_name("data") / "schema-3.2.2.json"
RUNNING = re.compile(r"Running (upgrade|downgrade|stamp_revision) (\S*) -> (\w+)(?:, (.*?))?(?:\s+\[alembic|$)")


def shape(deployment: Deployment) -> dict[str, dict[str, str]]:
    with psycopg.connect(deployment.dsn) as connection:
        return read_shape(connection)


def version(deployment: Deployment) -> list[Any]:
    return [row[0] for row in deployment.rows("SELECT version_num FROM alembic_version")]


def test_the_result_is_the_schema_that_real_airflow_makes(deployment: Deployment) -> None:
    before = deployment.value("SELECT count(*) FROM task_instance")
    done = deployment.airflow("3.2.2", "db", "migrate")
    assert done.returncode == 0, done.stderr
    assert shape(deployment) == json.loads(REAL.read_text())
    assert version(deployment) == [TARGET]
    assert deployment.value("SELECT version_num FROM alembic_version_fab") == "02ca36b0235b"
    assert deployment.value("SELECT count(*) FROM task_instance") == before
    assert deployment.value("SELECT count(*) FROM serialized_dag") == 0
    assert deployment.value("SELECT count(*) FROM _xcom_archive") > 0
    assert deployment.value("SELECT conf->>'source' FROM dag_run WHERE conf IS NOT NULL LIMIT 1") == "rehearsal"
    lines = done.stdout.splitlines()
    steps = [found for line in lines if (found := RUNNING.search(line)) and found[1] == "upgrade"]
    assert len(steps) == 83
    assert "Database migration done!" in lines[-1]
    assert any(line == "processing batch 1" for line in lines)
    assert any(re.fullmatch(r"Migrated \d+ task_instance rows in this batch\.\.\.", line) for line in lines)
    assert "converting dag run conf. batch=1" in lines
    assert "url=postgresql+psycopg2://airflow:***@127.0.0.1" in done.stdout


def test_batches_are_as_big_as_configured(deployment: Deployment) -> None:
    done = deployment.airflow("3.2.2", "db", "migrate", AIRFLOW__DATABASE__MIGRATION_BATCH_SIZE="200")
    assert done.stdout.count("Migrated 200 task_instance rows in this batch...") == 3


def test_downgrade_goes_all_the_way_back(deployment: Deployment) -> None:
    before = shape(deployment)
    assert deployment.airflow("3.2.2", "db", "migrate").returncode == 0
    back = deployment.airflow("3.2.2", "db", "downgrade", "--to-version", "2.11.2", "-y")
    assert back.returncode == 0, back.stderr
    assert version(deployment) == [SOURCE_HEAD]
    after = shape(deployment)
    assert set(before["columns"]) <= set(after["columns"])
    assert deployment.airflow("2.11.2", "db", "check-migrations", "-t", "1").returncode == 0
    assert deployment.value("SELECT count(*) FROM task_fail") == 0


@pytest.mark.parametrize(("to", "head", "style"), [("3.0.6", "fe199e1abd77", "{"), ("3.1.8", "509b94a1042d", "[info")])
def test_older_targets_stop_at_their_own_head(deployment: Deployment, to: str, head: str, style: str) -> None:
    done = deployment.airflow(to, "db", "migrate")
    assert done.returncode == 0, done.stderr
    assert version(deployment) == [head]
    assert style in next(line for line in done.stdout.splitlines() if "Running upgrade" in line)
    assert deployment.airflow(to, "db", "check-migrations", "-t", "1").returncode == 0


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b'{"a":"x\\u0000y"}', "psycopg2.errors.UntranslatableCharacter) unsupported Unicode escape sequence"),
        (b"", "psycopg2.errors.ArraySubscriptError) index 0 out of valid range, 0..-1"),
        (b"\xff00", 'psycopg2.errors.CharacterNotInRepertoire) invalid byte sequence for encoding "UTF8": 0xff'),
        (b"not json", "psycopg2.errors.InvalidTextRepresentation) invalid input syntax for type json"),
        (b'{"msg":"values: NaN, 3"}', 'Token "NaN" is invalid'),
    ],
)
def test_bad_xcoms_stop_it_and_leave_the_revision_before(deployment: Deployment, value: bytes, error: str) -> None:
    with psycopg.connect(deployment.dsn, autocommit=True) as connection:
        changed = connection.execute(
            "UPDATE xcom SET value = %s WHERE ctid = (SELECT ctid FROM xcom WHERE get_byte(value, 0) <> 128 LIMIT 1)",
            (value,),
        )
        assert changed.rowcount == 1
    done = deployment.airflow("3.2.2", "db", "migrate")
    assert done.returncode == 1
    assert error in done.stderr
    assert version(deployment) == ["9fc3fc5de720"]
    assert deployment.value("SELECT to_regclass('_xcom_archive') IS NULL")
    assert deployment.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    with psycopg.connect(deployment.dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM xcom WHERE value = %s", (value,))
    assert deployment.airflow("3.2.2", "db", "migrate").returncode == 0


def test_a_conf_that_does_not_unpickle_is_lost_without_an_error(deployment: Deployment) -> None:
    run = deployment.value("SELECT min(id) FROM dag_run WHERE conf <> '\\x80057d942e'")
    deployment.do(f"UPDATE dag_run SET conf = '\\xdeadbeef' WHERE id = {run}")
    done = deployment.airflow("3.2.2", "db", "migrate")
    assert done.returncode == 0
    assert "could not convert dag run conf for 1 records. batch=1" in done.stdout
    assert deployment.value(f"SELECT conf IS NULL FROM dag_run WHERE id = {run}")


def test_an_emptied_alembic_version_fails_on_the_old_schema_and_lies_on_a_newer_one(deployment: Deployment) -> None:
    deployment.do("DELETE FROM alembic_version")
    failed = deployment.airflow("3.2.2", "db", "migrate")
    assert failed.returncode == 1
    assert 'column "id" referenced in foreign key constraint does not exist' in failed.stderr
    assert version(deployment) == []
    deployment.do(f"INSERT INTO alembic_version VALUES ('{SOURCE_HEAD}')")
    assert deployment.airflow("3.2.2", "db", "migrate", "--to-version", "3.0.0").returncode == 0
    assert version(deployment) == ["29ce7909c52b"]
    deployment.do("DELETE FROM alembic_version")
    lied = deployment.airflow("3.2.2", "db", "migrate")
    assert lied.returncode == 0, lied.stderr
    assert "Airflow database tables created" in lied.stdout
    assert "Running stamp_revision  -> 1d6611b6ab7c" in lied.stdout
    assert deployment.airflow("3.2.2", "db", "check-migrations", "-t", "1").returncode == 0
    missing = set(json.loads(REAL.read_text())["columns"]) - set(shape(deployment)["columns"])
    assert {"dag.fail_fast", "dag_run.created_at", "dag.exceeds_max_non_backfill"} <= missing


def test_a_partial_version_resolves_to_a_lower_head(deployment: Deployment) -> None:
    assert deployment.airflow("3.2.2", "db", "migrate", "--to-version", "3.0.5").returncode == 0
    assert version(deployment) == ["fe199e1abd77"]
    assert deployment.value("SELECT to_regclass('alembic_version_fab') IS NULL")


def test_a_second_migration_gives_up_after_two_seconds_not_thirty_minutes(deployment: Deployment) -> None:
    with psycopg.connect(deployment.dsn) as first:
        first.execute("SELECT pg_advisory_lock(1)")
        second = deployment.airflow("3.2.2", "db", "migrate")
    assert second.returncode == 1
    assert "psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout" in second.stderr
    assert "InFailedSqlTransaction" in second.stderr
    assert version(deployment) == [SOURCE_HEAD]


def test_it_waits_behind_a_lock_holds_its_own_and_goes_on_when_released(deployment: Deployment) -> None:
    results: list[int] = []
    with psycopg.connect(deployment.dsn) as blocker:
        blocker.execute("LOCK TABLE dag_run IN ACCESS SHARE MODE")

        def migrate() -> None:
            results.append(deployment.airflow("3.2.2", "db", "migrate", PGAPPNAME="airflow-db-migrate").returncode)

        runner = threading.Thread(target=migrate)
        runner.start()
        waiting = (
            "SELECT string_agg(query, '') FROM pg_stat_activity WHERE application_name = 'airflow-db-migrate' "
            "AND wait_event_type = 'Lock'"
        )
        deployment.until(waiting, "ALTER TABLE dag_run ADD COLUMN triggered_by VARCHAR(50)")
        assert version(deployment) == ["0bfc26bc256e"]
        lock = deployment.rows(
            "SELECT l.classid, l.objid, l.objsubid, l.mode, a.state, a.query, a.application_name FROM pg_locks l "
            "JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'"
        )
        assert lock == [
            (0, 1, 1, "ExclusiveLock", "idle in transaction", "SELECT pg_advisory_lock(1)", "airflow-db-migrate")
        ]
    runner.join()
    assert results == [0]


def test_the_crash_fault_kills_it_in_mid_revision_and_a_second_run_goes_on(deployment: Deployment) -> None:
    faults.switch(deployment.world, "migration-crash", {})
    crashed = deployment.airflow("3.2.2", "db", "migrate")
    assert crashed.returncode == -signal.SIGKILL
    gone = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    wait(lambda: deployment.value(gone) == 0, "the killed migration's sessions stayed")
    assert version(deployment) == ["05234396c6fc"]
    columns = (
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'task_instance' AND column_name = 'id'"
    )
    assert deployment.value(columns) == 0
    faults.switch(deployment.world, "migration-crash", None)
    again = deployment.airflow("3.2.2", "db", "migrate")
    assert again.returncode == 0
    assert "Running upgrade 05234396c6fc -> d59cbbef95eb" in again.stdout
    assert "Running upgrade 5f2621c13b39" not in again.stdout


def test_a_slow_alter_is_one_long_statement_under_the_locks_of_the_real_one(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "slow-alter"
    monkeypatch.setitem(faults.FAULTS, name, faults.Fault(name, "migrate", "One statement takes far longer."))
    faults.switch(deployment.world, name, {"seconds": 3})
    with psycopg.connect(deployment.dsn) as connection:
        connection.execute("ALTER TABLE task_instance ADD COLUMN id UUID")
        connection.execute("UPDATE task_instance SET id = gen_random_uuid()")
        log = Log(release("3.2.2"))
        work = Work(connection, log, 10000, 1.0, deployment.world)
        statement = stretched(connection, "ALTER TABLE task_instance ALTER COLUMN id TYPE UUID", "d59cbbef95eb", work)
        started = time.monotonic()
        connection.execute(statement)
        assert time.monotonic() - started > 1
        assert connection.execute("SELECT count(*) FROM task_instance WHERE id IS NULL").fetchone() == (0,)
        other = stretched(connection, "ALTER TABLE dag DROP COLUMN pickle_id", "d03e4a635aa3", work)
        assert other == b"ALTER TABLE dag DROP COLUMN pickle_id"


def test_old_code_on_the_new_schema_misleads_as_the_real_one_does(deployment: Deployment) -> None:
    same = deployment.airflow("2.11.2", "db", "migrate")
    assert same.returncode == 0
    assert same.stdout.splitlines()[-1] == "Database migrating done!"
    assert version(deployment) == [SOURCE_HEAD]
    early = deployment.airflow("3.2.2", "db", "check-migrations", "-t", "1")
    assert early.returncode == 1
    heads = "MigrationHead(s) in DB: {'5f2621c13b39'} | Migration Head(s) in Source Code: {'1d6611b6ab7c'}"
    assert f"TimeoutError: There are still unapplied migrations after 1 seconds. {heads}" in early.stderr
    assert deployment.airflow("3.2.2", "db", "migrate").returncode == 0
    assert deployment.airflow("2.11.2", "db", "check").returncode == 0
    assert deployment.airflow("2.11.2", "db", "check-migrations", "-t", "1").returncode == 1
    for args in (("dags", "list"), ("dags", "pause", "x"), ("jobs", "check")):
        refused = deployment.airflow("2.11.2", *args)
        assert refused.returncode == 1
        assert "ERROR: You need to upgrade the database. Please run `airflow db upgrade`." in refused.stderr
    assert deployment.airflow("2.11.2", "db", "migrate").stderr.endswith("AttributeError: execution_date\n")
    down = deployment.airflow("2.11.2", "db", "downgrade", "--to-version", "2.10.3", "-y")
    assert "Can't locate revision identified by '1d6611b6ab7c'" in down.stderr


def test_an_empty_database_is_created_not_migrated(deployment: Deployment) -> None:
    deployment.do("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    done = deployment.airflow("3.2.2", "db", "migrate")
    assert done.returncode == 0, done.stderr
    assert "Running upgrade" not in done.stdout
    assert version(deployment) == [TARGET]
    made = set(shape(deployment)["columns"])
    real = set(json.loads(REAL.read_text())["columns"])
    # What only a migrated database has, and what only a new one gets.
    assert {name.split(".")[0] for name in real - made} == {"_xcom_archive", "sla_miss"}
    assert {name.split(".")[0] for name in made - real} == {"ab_group", "ab_group_role", "ab_user_group"}


def test_the_recorded_source_schema_stands_alone(deployment: Deployment) -> None:
    seeded = shape(deployment)
    deployment.do("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with psycopg.connect(deployment.dsn, autocommit=True) as connection:
        create_source(connection)
    assert shape(deployment) == seeded


def test_the_chain_is_whole() -> None:
    path = upgrades(SOURCE_HEAD, TARGET)
    assert len(path) == 82
    assert all(step.before == before.after for before, step in pairwise(path))


XCOM_REVISION_BEFORE = "9fc3fc5de720"
KNOWN_BY_KIND = {
    "nul": "xcom-null-character",
    "empty": "xcom-empty",
    "encoding": "xcom-not-utf8",
    "json": "xcom-not-json",
    "nan": "xcom-nan",
}


@pytest.mark.parametrize("kind", sorted(BAD_XCOMS))
def test_each_fatal_xcom_stops_the_migration_is_recognised_and_leaves_nothing(
    deployment: Deployment, kind: str
) -> None:
    faults.switch(deployment.world, "xcom-bad", {"kind": kind})
    done = deployment.airflow("3.2.2", "db", "migrate")
    assert done.returncode == 1
    found = [match.failure.id for match in failures.match_lines((done.stdout + done.stderr).splitlines())]
    assert found == [KNOWN_BY_KIND[kind]]
    assert version(deployment) == [XCOM_REVISION_BEFORE]
    assert deployment.value("SELECT to_regclass('_xcom_archive')") is None
    column = "SELECT format_type(atttypid, null) FROM pg_attribute WHERE attrelid = 'xcom'::regclass"
    assert deployment.value(f"{column} AND attname = 'value'") == "bytea"
    faults.switch(deployment.world, "xcom-bad", None)
    deployment.do("DELETE FROM xcom WHERE key = 'late'")
    assert deployment.airflow("3.2.2", "db", "migrate").returncode == 0
    assert version(deployment) == [TARGET]
