"""Judgements of the gates before the migration on plain values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from migration_cockpit.actions import cluster
from migration_cockpit.actions.database import Heads
from migration_cockpit.playbook.gates import judge_source_head
from migration_cockpit.playbook.migrate_gates import judge_waiting
from migration_cockpit.playbook.migrate_server import judge_maintenance, judge_slots, judge_timeouts, overlap
from migration_cockpit.playbook.migrated import Left, told
from migration_cockpit.sources.probe import RoleSettings

SATURDAY = datetime(2026, 5, 16, 10, tzinfo=UTC)
END = SATURDAY + timedelta(hours=6)


@pytest.mark.parametrize(
    ("weekly", "inside"),
    [
        ("sat:09:00-sat:09:30", False),
        ("sat:09:00-sat:10:30", True),
        ("sat:15:59-sat:16:29", True),
        ("sat:16:00-sat:16:30", False),
        ("fri:23:00-sat:11:00", True),
        ("sun:23:45-mon:00:15", False),
    ],
)
def test_a_weekly_window_and_the_flight(weekly: str, inside: bool) -> None:
    assert overlap(weekly, SATURDAY, END) is inside


def test_a_window_over_the_turn_of_the_week() -> None:
    monday = datetime(2026, 5, 18, 0, 5, tzinfo=UTC)
    assert overlap("sun:23:45-mon:00:15", monday, monday + timedelta(hours=1))
    assert not overlap("sun:23:45-mon:00:05", monday, monday + timedelta(hours=1))
    with pytest.raises(ValueError, match="not as RDS writes it"):
        overlap("", monday, END)


def test_maintenance_counts_when_something_is_pending_and_would_begin_in_the_window() -> None:
    def judged(weekly: str, *actions: dict[str, Any], changes: dict[str, Any] | None = None) -> tuple[bool, str]:
        instance = {"PreferredMaintenanceWindow": weekly, "PendingModifiedValues": changes or {}}
        return judge_maintenance(instance, actions, SATURDAY, END)

    inside, outside = "sat:12:00-sat:12:30", "tue:12:00-tue:12:30"
    upgrade = {"Action": "system-update", "Description": "New OS"}
    assert judged(inside)[0]
    assert judged(outside, upgrade)[0]
    assert judged(inside, upgrade) == (
        False,
        "maintenance window sat:12:00-sat:12:30 UTC, inside of the time left; pending: system-update (New OS)",
    )
    assert not judged(inside, changes={"DBInstanceClass": "db.m6g.xlarge"})[0]
    assert not judged(outside, upgrade | {"ForcedApplyDate": SATURDAY + timedelta(hours=1)})[0]
    assert judged(outside, upgrade | {"ForcedApplyDate": SATURDAY + timedelta(days=9)})[0]


def test_slots_without_a_reader_hold_wal_unless_it_is_bounded() -> None:
    read, dead = ("replica", "physical", True, "reserved", 0), ("dms", "logical", False, "extended", 9_000_000_000)
    assert judge_slots([]) == (True, "none")
    assert judge_slots([(*read, False)])[0]
    assert judge_slots([(*dead, False), (*read, False)]) == (
        False,
        "logical dms without a reader, 9,000 MB behind; physical replica read, 0 MB behind",
    )
    assert judge_slots([(*dead, True)])[0]


def test_time_outs_matter_where_the_job_cannot_set_its_own() -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    quiet = RoleSettings("airflow", dict.fromkeys(names, 0), dict.fromkeys(names, "server"))
    short = RoleSettings(
        "airflow", {**quiet.current, "statement_timeout": 900_000}, {**quiet.sources, names[0]: "role"}
    )
    holds, words = judge_timeouts(short, own=True, lock_timeout=900)
    assert holds
    assert words == (
        "airflow: statement_timeout 15 min (role); the Job sets its own: "
        "a lock is waited for up to 15 min (limits.lock_timeout)"
    )
    assert not judge_timeouts(short, own=False, lock_timeout=900)[0]
    assert judge_timeouts(quiet, own=False, lock_timeout=900)[0]


def left(**given: Any) -> str:
    """What is said of a migration that stopped in its 16th revision."""
    row: dict[str, Any] = {"heads": Heads(("05234396c6fc",)), "place": (14, 82), "begun": "d59cbbef95eb"}
    return told(Left(**{**row, "orphan": "", "job": "", **given}), "Killed.")


def test_after_a_failure_exactly_what_is_safe_is_offered() -> None:
    text = left()
    assert text.startswith("Committed up to 05234396c6fc (14 of 82); d59cbbef95eb, which it was in, was undone whole.")
    assert "Run the step again" in text
    assert "R for the way back" in text
    orphaned = left(orphan="pid 7 airflow active")
    assert "pid 7 airflow active" in orphaned
    assert "Once it is gone run the step again" in orphaned
    for unsafe in (left(heads=Heads(("a", "b"))), left(place=None)):
        assert "un the step again" not in unsafe
        assert "R is the way back" in unsafe
    assert "may go on" in left(job="airflow-db-migrate-x")
    assert "undone" not in left(job="airflow-db-migrate-x")


def test_an_empty_alembic_version_says_what_the_row_must_be() -> None:
    gone = Heads((), table=True, airflow=True)
    holds, words = judge_source_head(gone, "2.11.2", ("d59cbbef95eb",))
    assert not holds
    assert "insert into alembic_version values ('d59cbbef95eb')" in words
    assert "delete from" not in words.lower()
    assert "at 2.11.2 it is 5f2621c13b39" in judge_source_head(gone, "2.11.2")[1]
    assert judge_source_head(Heads((), airflow=False), "2.11.2") == (False, "alembic_version is empty")


def test_pods_that_wait_are_those_of_the_new_version_and_none_of_them_may_be_ready() -> None:
    waits = cluster.Pod(
        name="api-1",
        uid="u",
        component="api-server",
        image="i",
        phase="Init:0/1",
        ready=False,
        owned=True,
        database=True,
    )
    ready = msgspec.structs.replace(waits, name="scheduler-1", component="scheduler", phase="Running", ready=True)
    assert judge_waiting([], at_head=False) == (True, "no pod of the new version yet")
    assert judge_waiting([waits], at_head=False) == (True, "api-server Init:0/1")
    assert judge_waiting([waits, ready], at_head=False) == (False, "ready: scheduler-1")
    assert judge_waiting([ready], at_head=True)[0], "a step that is flown again after its migration went through"
