"""Ways back that somebody chooses otherwise than the dialog proposes, flown end to end."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from migration_cockpit.connections.postgres import MIGRATION_APPLICATION
from migration_cockpit.session import events as ev
from tests.flight import world as rehearsal
from tests.flight.somebody import (
    assert_back,
    assert_cost_was_what_is_missing,
    ended,
    events_of,
    rows_of_the_old_one,
    somebody,
    wait,
)

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]


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


def _at_work(session: Path) -> bool:
    return any(isinstance(e, ev.LogLine) and e.source == "job" for e in events_of(session))


def _is_over(session: Path, operation: str) -> bool:
    return any(isinstance(e, ev.OperationEnded) and e.operation == operation for e in events_of(session))


def _pods(world: Path) -> list[str]:
    """The migration's pods that are left."""
    found = rehearsal.kube(world, "GET", "pods")
    return [each["metadata"]["name"] for each in found["items"] if "db-migrate" in each["metadata"]["name"]]
