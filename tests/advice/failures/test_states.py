"""Failures that no text tells: each rule holds where it must and not where it must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from migration_cockpit.advice import failures
from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session.readings import (
    Backend,
    ClusterEvent,
    DatabaseReading,
    Metric,
    MetricsReading,
    Pod,
    PodsReading,
    StorageReading,
    TasksReading,
    Waiter,
    Workload,
)
from migration_cockpit.session.state import OperationState, SourceState, State, StepState

NOW = datetime(2026, 5, 16, 11, 0, tzinfo=UTC)


def flown(running: str = "", *, ago: float = 600.0, **changes: Any) -> State:
    """A session in which the steps before `running` have passed, the last of them `ago` seconds ago."""
    last = STEP_IDS.index(running) if running else len(STEP_IDS)
    steps = {}
    for number, step in enumerate(STEP_IDS):
        given: dict[str, Any] = {}
        if number < last:
            given = {
                "started": NOW - timedelta(seconds=ago),
                "ended": NOW - timedelta(seconds=ago),
                "outcome": "verified",
            }
        elif step == running:
            given = {"started": NOW}
        steps[step] = StepState(id=step, planned=NOW, attempt=1, **given)
    return State(t=NOW, steps=steps, **changes)


def database(**changes: Any) -> DatabaseReading:
    return DatabaseReading(**{"server_version": 160004, "revisions": ("5f2621c13b39",), **changes})


def blocked(holder: Backend, *, since: float = 30.0) -> DatabaseReading:
    worker = Backend(pid=7, role="migration", query="ALTER TABLE dag_run ADD COLUMN x int")
    wait = Waiter(
        pid=7, blockers=(9,), relation="dag_run", mode="AccessExclusiveLock", since=NOW - timedelta(seconds=since)
    )
    return database(backends=(worker, holder), waiters=(wait,))


def pod(name: str, component: str, version: str = "3.2.2", phase: str = "Running", **changes: Any) -> Pod:
    return Pod(name=name, component=component, version=version, phase=phase, created=NOW, **changes)


def pods(*found: Pod, loads: tuple[Workload, ...] = ()) -> PodsReading:
    return PodsReading(pods=found, workloads=loads)


REPORT = Backend(pid=9, user="bi", application="report", state="idle in transaction", query="select 1 from dag_run")
FAB = Backend(pid=9, user="airflow", state="idle in transaction", query="select ab_role.id from ab_role")
FREEZE = Backend(pid=9, role="autovacuum", query="autovacuum: VACUUM public.task_instance (to prevent wraparound)")
JOB = {"migrate/migration-job": OperationState(step="migrate", operation="migration-job", key="k", intended=NOW)}
LOADS = (Workload(kind="Deployment", name="s", component="scheduler", desired=1),)
PROCESSOR = Workload(kind="Deployment", name="d", component="dag-processor", desired=1)
BASELINE = ev.BaselineTaken(values={"parse_time": 4.0})


def parse_time(value: float) -> MetricsReading:
    return MetricsReading(metrics=(Metric(name="parse_time", query="", value=value),))


MUST = {
    "alembic-version-empty": flown("migrate", database=database(revisions=())),
    "migration-blocked": flown("migrate", database=blocked(REPORT)),
    "blocked-by-fab-session": flown("migrate", database=blocked(FAB)),
    "wraparound-vacuum": flown("migrate", database=blocked(FREEZE)),
    "inactive-slot": flown("migrate", database=database(inactive_slots=2)),
    "prepared-transactions": flown("pause", database=database(prepared=1)),
    "disk-full": flown("migrate", storage=StorageReading(status="storage-full")),
    "old-pods-write": flown("migrate", operations=JOB, pods=pods(pod("sched-1", "scheduler", "2.11.2"))),
    "migration-in-a-loop": flown("migrate", pods=pods(pod("m-1-x", "airflow-db-migrate", restarts=2))),
    "chart-migrates-too": flown("helm", pods=pods(pod("af-run-airflow-migrations-x", "run-airflow-migrations"))),
    "no-dag-processor": flown("smoke", pods=pods(loads=LOADS)),
    "dags-not-parsed": flown("smoke", tasks=TasksReading(total=30)),
    "parse-time-grew": flown("rest", baseline=BASELINE, metrics=parse_time(20.0)),
}
MUST_NOT = {
    "alembic-version-empty": flown("migrate", database=database(revisions=(), alembic_table=False)),
    "migration-blocked": flown("migrate", database=blocked(REPORT, since=1.0)),
    "blocked-by-fab-session": flown("migrate", database=blocked(REPORT)),
    "wraparound-vacuum": flown(
        "migrate", database=blocked(Backend(pid=9, role="autovacuum", query="autovacuum: VACUUM x"))
    ),
    "inactive-slot": flown("migrate", database=database(slots=2)),
    "prepared-transactions": flown("pause", database=database()),
    "disk-full": flown("migrate", storage=StorageReading(status="available")),
    "old-pods-write": flown("migrate", operations=JOB, pods=pods(pod("pgb-1", "pgbouncer", "2.11.2"))),
    "migration-in-a-loop": flown("migrate", pods=pods(pod("m-1-x", "airflow-db-migrate", phase="Error"))),
    "chart-migrates-too": flown("soak", pods=pods(pod("af-run-airflow-migrations-x", "run-airflow-migrations"))),
    "no-dag-processor": flown("smoke", pods=pods(loads=(*LOADS, PROCESSOR))),
    "dags-not-parsed": flown("smoke", ago=60.0, tasks=TasksReading(total=30)),
    "parse-time-grew": flown("rest", baseline=BASELINE, metrics=parse_time(6.0)),
}


def ids(state: State) -> set[str]:
    return {match.failure.id for match in failures.match_state(state)}


@pytest.mark.parametrize(("name", "state"), MUST.items())
def test_a_rule_and_no_other_holds_in_its_state(name: str, state: State) -> None:
    assert ids(state) == {name}


@pytest.mark.parametrize(("name", "state"), MUST_NOT.items())
def test_a_rule_leaves_its_counterexample_alone(name: str, state: State) -> None:
    assert name not in ids(state)


def test_every_rule_has_both_kinds_of_state() -> None:
    ruled = {each.id for each in failures.catalogue() if any(matcher.state for matcher in each.entry.matches)}
    assert ruled == set(MUST) == set(MUST_NOT)


def test_nothing_shows_where_nothing_is_known() -> None:
    assert ids(State()) == set()


def test_the_blocker_is_the_one_at_the_root() -> None:
    waits = (
        Waiter(pid=7, blockers=(8,), relation="dag_run", since=NOW - timedelta(seconds=30)),
        Waiter(pid=8, blockers=(9,), relation="dag_run", since=NOW - timedelta(seconds=20)),
    )
    backends = (Backend(pid=7, role="migration"), Backend(pid=8, user="waits-too"), REPORT)
    (match,) = failures.match_state(flown("migrate", database=database(backends=backends, waiters=waits)))
    assert match.values["blocker"] == "9"
    assert "bi report" in match.evidence


def test_the_texts_of_a_state_are_its_events_pods_sources_failures_and_checks() -> None:
    state = flown("healthy")
    healthy = StepState(
        id="healthy",
        planned=NOW,
        started=NOW,
        outcome="failed",
        why="not ready",
        checks=(ev.Check(name="pods", holds=False, found="0/1"),),
    )
    failed = OperationState(
        step="healthy", operation="restore", key="k", intended=NOW, outcome="failed", detail="first\nsecond"
    )
    over = OperationState(step="pause", operation="pause", key="k", intended=NOW, outcome="failed", detail="old")
    warning = ClusterEvent(object="pod/sched-1", reason="Unhealthy", message="No alive jobs found.", last=NOW)
    state = State(
        t=NOW,
        steps={**state.steps, "healthy": healthy},
        operations={"healthy/restore": failed, "pause/pause": over},
        sources={"health": SourceState(failing_since=NOW, why="503"), "tasks": SourceState(why="")},
        pods=PodsReading(
            pods=(
                pod("a", "scheduler"),
                pod("b", "scheduler", phase="OOMKilled"),
                pod("sched-1", "scheduler", ready=0),
            ),
            warnings=(warning,),
        ),
    )
    assert [(each.kind, each.text, each.pod) for each in failures.pieces(state)] == [
        ("event", "Unhealthy: No alive jobs found.", "sched-1"),
        ("pod", "scheduler OOMKilled", "b"),
        ("source", "503", ""),
        ("operation", "first", ""),
        ("operation", "second", ""),
        ("operation", "not ready", ""),
        ("check", "pods: 0/1", ""),
    ]


def test_an_event_of_a_pod_that_is_mended_or_gone_tells_nothing_of_now() -> None:
    def warning(name: str, age: float = 5.0) -> ClusterEvent:
        last = NOW - timedelta(seconds=age)
        return ClusterEvent(object=f"pod/{name}", reason="Failed", message='secret "x" not found', last=last)

    ready = pod("ready", "scheduler", ready=1, containers=1)
    waits = pod("waits", "scheduler", phase="Pending")
    warnings = (warning("ready"), warning("gone"), warning("waits"), warning("waits", age=1200.0))
    state = State(t=NOW, pods=PodsReading(pods=(ready, waits), warnings=warnings))
    assert [each.pod for each in failures.pieces(state)] == ["waits"]


def test_what_is_left_of_an_earlier_migration_tells_nothing_of_now() -> None:
    left = pods(pod("job-1-x", "airflow-db-migrate", phase="Error", reason="exit code 137"))
    job = msgspec.Raw(b'{"attempt":2,"name":"job-2"}')
    assert [each.kind for each in failures.pieces(flown("migrate", pods=left))] == ["pod"]
    assert list(failures.pieces(flown("migrate", pods=left, facts={"migrate/job": job}))) == []
    assert list(failures.pieces(flown("healthy", pods=left))) == []
