"""What cannot be seen is not well: checks that must not hold on nothing, on stale data, or on another's word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions import cluster as seen
from migration_cockpit.actions import database
from migration_cockpit.actions.cluster import Workload
from migration_cockpit.advice import failures
from migration_cockpit.config import STEP_IDS, Settings
from migration_cockpit.playbook import (
    healthy,
    ledger,
    migrate,
    migrate_gates,
    migrated,
    recovery_points,
    success,
    unpause,
)
from migration_cockpit.playbook.flight import Flight, StepAborted, StepFailed
from migration_cockpit.playbook.gates import sole_ruler
from migration_cockpit.playbook.migrate import Migrate
from migration_cockpit.playbook.soak import Watched, criteria
from migration_cockpit.playbook.step import Gate
from migration_cockpit.playbook.unpause import UnpauseCritical, UnpauseRest
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.readings import Metric, MetricsReading, PodsReading, TasksReading
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.connections.support import NAMESPACE, cluster, connected, eventually, make_settings
from tests.playbook.test_rulers import application, deployment, helmrelease, installed

MARK = {"argocd.argoproj.io/tracking-id": "airflow:apps/Deployment:airflow/airflow-scheduler"}


@asynccontextmanager
async def flying(directory: Path, step: str, **tables: dict[str, Any]) -> AsyncIterator[Flight]:
    """A flight whose step has just started."""
    settings: Settings = make_settings(directory, **tables)
    recorder = Recorder(directory / "session", SystemClock(), Redactor())
    planned = {each: settings.schedule.planned(each) for each in STEP_IDS}
    opened = ev.SessionOpened(
        session="s",
        deployment="test",
        production=False,
        source_version="2.11.2",
        target_version="3.2.2",
        context="test",
        namespace=NAMESPACE,
        release="airflow",
        config="",
        program="",
        planned=planned,
    )
    recorder.record(opened)
    recorder.record(ev.StepStarted(step=step, operator="sre"))
    async with connected(settings) as connections:
        yield Flight(settings, connections, recorder, SystemClock())
    recorder.close()


async def test_a_release_without_workloads_is_not_a_release_whose_workloads_are_ready(tmp_path: Path) -> None:
    async with flying(tmp_path, "soak") as flight:
        flight.record(ev.PodsRead(reading=PodsReading()))
        flight.record(ev.TasksRead(reading=TasksReading()))
        components, failures, *_ = criteria(flight.settings, flight.state, flight.clock.now(), Watched())
        assert (components.holds, components.found) == (False, "no workload of the release is seen")
        assert failures.holds


async def test_what_was_read_before_the_cockpit_was_away_says_nothing_of_now(tmp_path: Path) -> None:
    async with flying(tmp_path, "soak") as flight:
        flight.record(ev.PodsRead(reading=PodsReading()))
        flight.record(ev.TasksRead(reading=TasksReading()))
        later = flight.clock.now() + timedelta(hours=2)
        for check in criteria(flight.settings, flight.state, later, Watched()):
            assert not check.holds, check.name
            assert not check.known, check.name
            assert check.found.startswith(("stale: read last 2", "metrics was never read"))


async def test_metrics_of_which_none_can_be_compared_are_not_as_good_as_before(tmp_path: Path) -> None:
    grafana = {"url": "http://127.0.0.1:9", "datasource_uid": "prometheus"}
    async with flying(tmp_path, "soak", grafana=grafana) as flight:
        flight.record(ev.BaselineTaken(values={"queued_tasks": 3.0}))
        loop = Metric(name="loop_duration", query="q", value=0.4)
        flight.record(ev.MetricsRead(reading=MetricsReading(metrics=(loop,))))
        watched = Watched()
        watched.see(flight.state.metrics)
        check = criteria(flight.settings, flight.state, flight.clock.now(), watched)[-1]
        assert (check.name, check.holds, check.known) == ("scheduler metrics", False, False)
        assert check.found.startswith("nothing to compare: loop_duration and parse_time")


async def test_no_heartbeat_is_enough_for_a_scheduler_that_nobody_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"scheduler": 0, "triggerer": 1}

    async def workloads(_: object) -> tuple[Workload, ...]:
        return tuple(
            Workload(resource="deployments", name=f"airflow-{name}", component=name, replicas=count)
            for name, count in wanted.items()
        )

    async def heartbeats(_: object, __: datetime) -> dict[str, int]:
        return {"TriggererJob": 1, "SchedulerJob": 1, "DagProcessorJob": 1}

    monkeypatch.setattr(seen, "workloads", workloads)
    monkeypatch.setattr(database, "heartbeats", heartbeats)
    async with flying(tmp_path, "healthy") as flight:
        holds, found = await healthy._beats(flight, datetime.now(UTC))
        assert not holds
        assert "no scheduler is wanted at all, no dag-processor is wanted at all" in found
        wanted |= {"scheduler": 1, "dag-processor": 1}
        assert await healthy._beats(flight, datetime.now(UTC)) == (
            True,
            "scheduler 1/1, triggerer 1/1, dag-processor 1/1",
        )


@pytest.mark.parametrize("seen_before", [True, False])
async def test_critical_dags_are_not_observed_with_closed_eyes(tmp_path: Path, seen_before: bool) -> None:
    async with flying(tmp_path, "critical", dags={"canary": "canary", "observation": 0.05}) as flight:
        if seen_before:
            flight.record(ev.TasksRead(reading=TasksReading()))
            flight.record(ev.SourceFailed(source="tasks", why="the server refuses connections"))
        watching = asyncio.create_task(UnpauseCritical()._observe(flight))
        decision = await eventually(lambda: flight.state.decision)
        assert "whether tasks fail cannot be seen" in decision.event.question
        flight.record(ev.DecisionMade(step="critical", decision="failures", answer="stop", operator="sre"))
        with pytest.raises(StepAborted, match="cannot be seen"):
            await watching


async def test_observing_ends_by_itself_while_the_tasks_are_read_and_none_fails(tmp_path: Path) -> None:
    async with flying(tmp_path, "critical", dags={"canary": "canary", "observation": 0.05}) as flight:
        flight.record(ev.TasksRead(reading=TasksReading()))
        await asyncio.wait_for(UnpauseCritical()._observe(flight), 5)
        assert flight.state.decision is None


async def test_a_later_attempt_unpauses_what_the_first_one_found_active(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = {"a": True, "b": False}  # b is paused by somebody between the attempts

    async def dags(_: object) -> tuple[database.DagRow, ...]:
        return tuple(database.DagRow(name, is_paused) for name, is_paused in paused.items())

    async def set_paused(name: str, value: bool) -> None:
        paused[name] = value

    async def choose(*_: object) -> tuple[str, dict[str, int]]:
        return "", {}

    book = ledger.Ledger(session="s", taken="", version="2.11.2", all=("a", "b"), active=("a", "b"))
    monkeypatch.setattr(database, "dags", dags)
    monkeypatch.setattr(unpause, "_choose", choose)
    monkeypatch.setattr(unpause, "require_ledger", lambda _: book)
    async with flying(tmp_path, "rest") as flight:
        monkeypatch.setattr(flight.connections.airflow, "set_paused", set_paused)
        assert all(check.holds for check in await UnpauseRest().fly(flight))
        paused["b"] = True
        flight.record(ev.StepStarted(step="rest", operator="sre", attempt=2))
        assert all(check.holds for check in await UnpauseRest().fly(flight))
    assert paused == {"a": False, "b": False}


async def test_the_gate_sees_who_rules_the_release_wherever_it_lives(tmp_path: Path) -> None:
    async with cluster(tmp_path) as world, flying(tmp_path, "helm") as flight:

        async def look() -> tuple[bool, str]:
            check = await sole_ruler().look(flight)
            return check.holds, check.found

        assert await look() == (True, "nobody else rules the release")
        installed(world)
        # `automated: {}` is on; and with label tracking no mark on the objects tells of it.
        world.create(application(syncPolicy={"automated": {}}), "argocd")
        assert await look() == (False, "Argo CD airflow rules the release")
        world.patch("Application", "argocd", "airflow", {"spec": {"syncPolicy": {"automated": None}}})
        world.create(deployment(annotations=MARK), NAMESPACE)
        assert await look() == (True, "Argo CD airflow rules the release, its sync is suspended")
        world.create(helmrelease("af", "flux-system", targetNamespace=NAMESPACE, releaseName="airflow"), "flux-system")
        assert await look() == (False, "Flux af rules the release")


async def test_success_is_not_told_of_what_was_not_verified(tmp_path: Path) -> None:
    async with flying(tmp_path, "success") as flight:
        for step in STEP_IDS[:-1]:
            flight.record(ev.StepEnded(step=step, outcome="verified", operator="sre"))
        assert "is stable. All DAGs that were active are active again" in success.text(
            flight.settings, success.gaps(flight.state)
        )
        flight.record(ev.StepEnded(step="rest", outcome="skipped", operator="sre"))
        said = success.text(flight.settings, success.gaps(flight.state))
        assert "Not verified: unpause the rest skipped" in said
        assert "active again" not in said


async def test_a_snapshot_that_is_gone_is_no_recovery_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def describe(*_: object) -> None:
        return None

    monkeypatch.setattr(recovery_points, "describe", describe)
    async with flying(tmp_path, "helm") as flight:
        with pytest.raises(StepFailed, match="was taken and is gone"):
            await recovery_points._snapshot(flight, "helm", "snapshot-s-helm", "5f2621c13b39", "")
        assert flight.state.recovery_points == ()


HEADS = {"old": database.Heads(("5f2621c13b39",)), "new": database.Heads(("1d6611b6ab7c",), fab=("02ca36b0235b",))}


@pytest.mark.parametrize(
    ("condition", "schema", "name"),
    [
        ("Complete", "old", "airflow-db-migrate-s-a2"),  # it ended with 0 and did nothing
        ("Complete", "new", "airflow-db-migrate-s"),
        ("Failed", "old", "airflow-db-migrate-s-a2"),
        ("", "old", "airflow-db-migrate-s"),  # at work: joined
    ],
)
async def test_a_job_that_migrated_nothing_is_not_taken_for_the_next_attempts(
    condition: str, schema: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"status": {"conditions": [{"type": condition, "status": "True"}] if condition else [], "active": 1}}

    async def find(*_: object) -> dict[str, Any]:
        return job

    async def heads(_: object) -> database.Heads:
        return HEADS[schema]

    monkeypatch.setattr(database, "heads", heads)
    async with flying(tmp_path, "migrate") as flight:
        monkeypatch.setattr(flight.connections.kube, "find", find)
        flight.write_fact("migrate", "job", {"attempt": 1, "name": "airflow-db-migrate-s"})
        flight.record(ev.StepStarted(step="migrate", operator="sre", attempt=2))
        assert await Migrate()._name(flight) == name


async def test_no_job_is_made_when_somebody_came_during_the_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"session": True}

    async def old(_: Flight) -> ev.Check:
        return ev.Check(name="no pod of the old version", holds=True, found="none")

    async def direct(_: Flight) -> ev.Check:
        return ev.Check(name="direct connection", holds=True, found="there is no PgBouncer in the release")

    async def session(_: Flight) -> ev.Check:
        return ev.Check(name="no other session", holds=not there["session"], found="pid 7 bi", mend="end it")

    async def find(*_: object) -> None:
        return None

    gates = (Gate("no pod of the old version", "", old), Gate("no other session", "", session))
    monkeypatch.setattr(migrate_gates, "alone", lambda: gates)
    monkeypatch.setattr(migrate_gates, "directly", lambda: Gate("direct connection", "", direct))
    monkeypatch.setattr(migrate, "SETTLE_SECONDS", 0.0)
    async with flying(tmp_path, "migrate") as flight:
        monkeypatch.setattr(flight.connections.kube, "find", find)
        with pytest.raises(StepFailed, match=r"no Job was made\. no other session: pid 7 bi → end it"):
            await Migrate()._alone(flight, "job")
        failing = await session(flight)
        flight.record(ev.GateOverridden(step="migrate", operator="sre", reason="known", gates=(failing,)))
        await Migrate()._alone(flight, "job")  # the operator went past it at the start


@pytest.mark.parametrize(("condition", "said"), [("", "is still there and may go on"), ("Failed", "was undone")])
async def test_what_a_job_left_is_not_told_as_undone_while_it_may_go_on(
    condition: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"status": {"conditions": [{"type": condition, "status": "True"}] if condition else []}}

    async def find(*_: object) -> dict[str, Any]:
        return job

    async def heads(_: object) -> database.Heads:
        return HEADS["old"]

    async def sessions(_: object) -> tuple[database.SessionRow, ...]:
        return ()

    monkeypatch.setattr(database, "heads", heads)
    monkeypatch.setattr(database, "sessions", sessions)
    async with flying(tmp_path, "migrate") as flight:
        monkeypatch.setattr(flight.connections.kube, "find", find)
        assert said in await migrated.after_failure(flight, "airflow-db-migrate-s")


NAN = 'DETAIL:  Token "NaN" is invalid.'


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ((NAN,), "Known failure xcom-nan: NaN or Infinity in an XCom stops the migration. Keep and remove the rows"),
        (("one", "two", "  three  "), "No known failure shows in its log; its last lines: two | three."),
        ((), "It said nothing."),
    ],
)
async def test_why_a_migration_ended_is_told_by_what_it_printed(
    printed: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    async with flying(tmp_path, "migrate") as flight:
        flight.record(ev.LogLine(source="job", text="deadlock detected"))  # of an earlier attempt
        flight.record(ev.OperationIntended(step="migrate", operation="migration-job", key="k", commands=()))
        for text in printed:
            flight.record(ev.LogLine(source="job", text=text))
        assert failures.why_it_ended(flight.state).startswith(said)
