"""Ways back that somebody chooses otherwise than the dialog proposes, flown end to end."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import psycopg
import psycopg.sql
import pytest

from migration_cockpit.connections.postgres import MIGRATION_APPLICATION
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]


@contextmanager
def somebody(world: Path, session: Path, *order: str) -> Iterator[subprocess.Popen[str]]:
    """Flies in a process of its own while the test looks at the world."""
    command = [sys.executable, "-m", "tests.flight.person", str(world / "config.toml"), str(session), *order]
    with (session.parent / "flown.log").open("w") as log:
        flown = subprocess.Popen(
            command, cwd=rehearsal.ROOT, env=rehearsal.environment(world), stdout=log, stderr=log, text=True
        )
        try:
            yield flown
        finally:
            flown.kill()
            flown.wait()


def said(session: Path) -> str:
    """What the flight has printed last."""
    return (session.parent / "flown.log").read_text()[-6000:]


def wait(flown: subprocess.Popen[str], session: Path, holds: Callable[[], bool], seconds: float = 300.0) -> None:
    """Until it holds; not any longer than the flight is at work."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert flown.poll() is None, said(session)
        assert time.monotonic() < deadline, said(session)
        time.sleep(0.2)


def events_of(session: Path) -> list[ev.Event]:
    file = session / journal.FILE
    return [entry.event for entry in journal.read(file)] if file.exists() else []


def ended(session: Path) -> dict[str, ev.RollbackStageEnded]:
    """How each stage ended, the last time that it did."""
    return {event.stage: event for event in events_of(session) if isinstance(event, ev.RollbackStageEnded)}


def assert_back(session: Path, flown: subprocess.Popen[str]) -> None:
    assert flown.wait(300) == 0, said(session)
    stages = ended(session)
    assert {stage.outcome for stage in stages.values()} == {"verified"}
    tables = next(check for check in stages["compare"].checks if check.name == "tables")
    assert "tables equal row for row" in tables.found
    assert next(check for check in stages["unpause"].checks if check.name == "active as in the ledger").holds


COUNTED = {"dag_run": "dag_runs", "task_instance": "task_instances", "log": "logs"}
"""Tables of which is shown how many rows a restore loses, and the name of that count.

Not xcom: the migration itself moves pickled ones into an archive, so that the difference of two counts tells nothing.
"""


def rows_of_the_old_one(world: Path, session: Path) -> dict[str, int]:
    """Rows of the old instance, which is as it was when the last writer of 3.x had stopped."""
    facts = [e for e in events_of(session) if isinstance(e, ev.StepFact) and e.name.startswith("old#")]
    place = json.loads(bytes(facts[-1].value))
    dsn = (world / "secrets" / "dsn").read_text()
    with psycopg.connect(dsn, host=place["host"], port=place["port"]) as connection:
        return {table: _rows(connection, table) for table in COUNTED}


def _rows(connection: psycopg.Connection[Any], table: str) -> int:
    counting = psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(table))
    [row] = connection.execute(counting).fetchall()
    return int(row[0])


def assert_cost_was_what_is_missing(session: Path, kept: dict[str, int]) -> None:
    """The cost that was shown last is what the restored database, as it was before 2.x started, does not have."""
    [file] = (session / "artifacts").glob("fingerprint-restored-*.json")
    restored = json.loads(file.read_text())["tables"]
    missing = {COUNTED[table]: kept[table] - restored[f"public.{table}"]["rows"] for table in COUNTED}
    events = events_of(session)
    until = next(n for n, e in enumerate(events) if isinstance(e, ev.RollbackStageStarted) and e.stage == "swap")
    shown = [e.reading for e in events[:until] if isinstance(e, ev.CostRead)][-1]
    assert {name: getattr(shown, name) for name in missing} == missing
    assert any(missing.values()), "something came since"


def test_to_a_moment_between_two_snapshots(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world") as world:
        with somebody(world, session, "--after", "smoke", "--point", "time") as flown:
            assert_back(session, flown)
        made = rehearsal.made(world)
        head = rehearsal.query(world, "select version_num from alembic_version")
        canaries = rehearsal.query(world, "select count(*) from dag_run where run_id like 'migration-cockpit-%'")
        kept = rows_of_the_old_one(world, session)
    started = next(event for event in events_of(session) if isinstance(event, ev.RollbackStarted))
    assert started.method == "time"
    assert [count for (_, call, _), count in made.items() if call == "RestoreDBInstanceToPointInTime"] == [1]
    assert not any(call == "RestoreDBInstanceFromDBSnapshot" for _, call, _ in made)
    assert head == [("5f2621c13b39",)]
    assert canaries == [(0,)]
    assert_cost_was_what_is_missing(session, kept)


def test_a_migration_at_work_is_ended_and_its_orphan_is_waited_for(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world") as world:
        orphans = f"select count(*) from pg_stat_activity where application_name = '{MIGRATION_APPLICATION}'"
        with somebody(world, session, "--after", "migrate", "--during", "--job", "end") as flown:
            wait(flown, session, lambda: _at_work(session))
            # Somebody's report holds a lock: the migration waits for it, and its backend outlives its pod.
            with psycopg.connect((world / "secrets" / "dsn").read_text()) as blocker:
                blocker.execute("select 1 from task_instance, dag_run limit 1")
                wait(flown, session, lambda: _is_over(session, "end-migration-job"))
                wait(flown, session, lambda: not _pods(world))
                assert rehearsal.query(world, orphans)[0][0] > 0, "the backend outlives its pod"
                assert "job" not in ended(session), "nothing goes on while it is there"
                blocker.rollback()
            assert_back(session, flown)
        head = rehearsal.query(world, "select version_num from alembic_version")
        made = rehearsal.made(world)
    assert head == [("5f2621c13b39",)]
    assert sum(count for (_, call, key), count in made.items() if call == "delete jobs" and "db-migrate" in key) == 1
    stages = [event.stage for event in events_of(session) if isinstance(event, ev.RollbackStageEnded)]
    assert stages[0] == "job"


def test_a_migration_at_work_is_waited_for_to_its_end(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world") as world:
        with somebody(world, session, "--after", "migrate", "--during", "--job", "wait") as flown:
            assert_back(session, flown)
        made = rehearsal.made(world)
        head = rehearsal.query(world, "select version_num from alembic_version")
    assert head == [("5f2621c13b39",)]
    assert not any(call == "delete jobs" and "db-migrate" in key for _, call, key in made), "nobody ends it"
    events = events_of(session)
    over = next(n for n, e in enumerate(events) if isinstance(e, ev.RollbackStageEnded) and e.stage == "job")
    last = max(n for n, e in enumerate(events) if isinstance(e, ev.LogLine) and e.source == "job")
    stopped = next(n for n, e in enumerate(events) if isinstance(e, ev.RollbackStageStarted) and e.stage == "stop")
    assert last < stopped, "its log is read to the end"
    assert over < stopped


RULED = "reconcile.external-secrets.io/data-hash"
"""With this annotation the External Secrets operator marks what it writes."""


def test_a_secret_that_external_secrets_own_is_changed_at_its_source_by_a_person(tmp_path: Path) -> None:
    session = tmp_path / "session"
    note = Path(f"{session}.asked")
    with rehearsal.world(tmp_path / "world") as world:
        _with_settings(world, "[rollback]\n", '[rollback]\nrepoint = "secret"\n')
        rehearsal.kube(world, "PATCH", "secrets/airflow-metadata", {"metadata": {"annotations": {RULED: "0f1e"}}})
        with somebody(world, session, "--after", "migrate") as flown:
            wait(flown, session, note.exists)
            asked = note.read_text()
            assert "airflow-metadata is written by External Secrets: change its source" in asked
            restored = _fact(session, "restored")
            assert f"leads to {restored['host']}:{restored['port']}" in asked
            before = _connection(world)
            assert before.port != restored["port"], "the cockpit leaves what is ruled by others alone"
            _connect(world, before._replace(netloc=before.netloc.replace(f":{before.port}", f":{restored['port']}")))
            note.unlink()
            assert_back(session, flown)
        assert _connection(world).port == restored["port"]
    assert {ended(session)[stage].outcome for stage in ("connection", "old")} == {"verified"}


def _with_settings(world: Path, found: str, wanted: str) -> None:
    config = world / "config.toml"
    text = config.read_text()
    assert found in text
    config.write_text(text.replace(found, wanted))


def _fact(session: Path, name: str) -> dict[str, Any]:
    """The newest of a way back's facts of this name."""
    found = [e for e in events_of(session) if isinstance(e, ev.StepFact) and e.name.partition("#")[0] == name]
    value: dict[str, Any] = json.loads(bytes(found[-1].value))
    return value


def _connection(world: Path) -> SplitResult:
    """Where the Secret of Airflow's connection leads."""
    secret = rehearsal.kube(world, "GET", "secrets/airflow-metadata")
    return urlsplit(base64.b64decode(secret["data"]["connection"]).decode())


def _connect(world: Path, to: SplitResult) -> None:
    """What the operator does once its source says so."""
    encoded = base64.b64encode(urlunsplit(to).encode()).decode()
    rehearsal.kube(world, "PATCH", "secrets/airflow-metadata", {"data": {"connection": encoded}})


def _at_work(session: Path) -> bool:
    return any(isinstance(e, ev.LogLine) and e.source == "job" for e in events_of(session))


def _is_over(session: Path, operation: str) -> bool:
    return any(isinstance(e, ev.OperationEnded) and e.operation == operation for e in events_of(session))


def _pods(world: Path) -> list[str]:
    """The migration's pods that are left."""
    found = rehearsal.kube(world, "GET", "pods")
    return [each["metadata"]["name"] for each in found["items"] if "db-migrate" in each["metadata"]["name"]]
