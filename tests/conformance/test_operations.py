"""The cockpit's own operations: what they do and find, on either cluster, and what they say when a right is taken away.

Nothing runs in a real one's pods: what a migration prints is asked of the embedded cluster in tests/actions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions import cluster as seen
from migration_cockpit.actions.job_template import Origin, manifest
from migration_cockpit.actions.migration_job import MigrationJob
from migration_cockpit.actions.operation import Operation, OperationError, Status
from migration_cockpit.actions.own_connection import PointSecret
from migration_cockpit.actions.rollback_jobs import EndJob
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.stopping import (
    RestoreReplicas,
    ResumeCronJobs,
    ScaleToZero,
    SuspendCronJobs,
    delete_stuck_pods,
)
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.runner import Runner
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock, until
from migration_cockpit.session.events import Check
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.actions.test_cluster_operations import Heard
from tests.connections.support import connected, make_settings
from tests.pace import PATIENCE
from tests.steps import FileStep

from .worlds import Obj, World, eventually

ROLES = "rbac.authorization.k8s.io/v1/roles"
DATABASE = {"name": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "value": "postgresql://nowhere"}
OLD, NEW = "apache/airflow:2.11.2", "apache/airflow:3.2.2"


@asynccontextmanager
async def _site(world: World, directory: Path, user: str = "admin") -> AsyncIterator[Site]:
    kubeconfig = world.kubeconfig(user)
    place = {"namespace": world.namespace, "kubeconfig": kubeconfig.name}
    async with connected(make_settings(directory, kubernetes=place)) as connections:
        yield Site(connections.settings, "flight-1", connections)


def _workload(world: World, resource: str, component: str, replicas: int = 1, **pod: Any) -> Obj:
    labels = {"tier": "airflow", "release": "airflow", "component": component}
    container = {"name": component, "image": OLD, "command": ["sleep", "600"], "env": [DATABASE]}
    spec: Obj = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **pod},
        },
    }
    if resource == "statefulsets":
        spec["serviceName"] = component
    return world.make(f"apps/v1/{resource}", f"airflow-{component}", {"metadata": {"labels": labels}, "spec": spec})


async def _phases(site: Site, wanted: Sequence[tuple[str, str, str]]) -> None:
    """Wait until the pods are these: component, version and phase."""

    async def so() -> bool:
        pods = await seen.pods(site)
        return sorted((pod.component, pod.version, pod.phase) for pod in pods) == sorted(wanted)

    assert await until(SystemClock(), so, timeout=PATIENCE, every=0.05), await seen.pods(site)


async def _twice(operation: Operation) -> None:
    """It is not done, it is done, and doing it again changes nothing."""
    assert (await operation.observe()).status is Status.NOT_STARTED
    for _ in range(2):
        await operation.run(Heard())
        assert (await operation.observe()).status is Status.DONE


async def test_components_go_to_zero_and_come_back(world: World, tmp_path: Path) -> None:
    _workload(world, "deployments", "scheduler", 2)
    _workload(world, "statefulsets", "worker")
    _workload(world, "deployments", "pgbouncer")
    components = ("pgbouncer", "scheduler", "scheduler", "worker")
    pooler, *_ = up = [(component, "2.11.2", "Running") for component in components]
    async with _site(world, tmp_path) as site:
        await _phases(site, up)
        before = await seen.workloads(site)
        assert sorted((each.component, each.replicas) for each in before) == [("scheduler", 2), ("worker", 1)]
        await _twice(ScaleToZero(site, before))
        await _phases(site, [pooler])
        await _twice(RestoreReplicas(site, before))
        await _phases(site, up)


async def test_cronjobs_are_suspended_and_resumed(world: World, tmp_path: Path) -> None:
    for name, env in (("airflow-database-cleanup", [DATABASE]), ("report", [])):
        container = {"name": "c", "image": OLD, "env": env}
        job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
        world.make("batch/v1/cronjobs", name, {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": job}})
    async with _site(world, tmp_path) as site:
        found = await seen.database_cronjobs(site)
        assert found == ("airflow-database-cleanup",)
        await _twice(SuspendCronJobs(site, found))
        assert await seen.database_cronjobs(site) == ()
        await _twice(ResumeCronJobs(site, found))
        assert await seen.database_cronjobs(site) == found


async def test_a_stuck_pod_of_a_statefulset_goes_only_when_it_is_deleted(world: World, tmp_path: Path) -> None:
    waits = {"name": "wait-for-airflow-migrations", "image": NEW, "command": ["sleep", "600"]}
    _workload(world, "statefulsets", "worker", initContainers=[waits])
    async with _site(world, tmp_path) as site:
        await _phases(site, [("worker", "2.11.2", "Init:0/1")])
        (stuck,) = await seen.pods(site)
        template = {"spec": {"template": {"spec": {"initContainers": None}}}}
        world.ok("PATCH", world.path("apps/v1/statefulsets", "airflow-worker"), template, patch="merge")

        def rolling() -> bool:
            status = world.ok("GET", world.path("apps/v1/statefulsets", "airflow-worker"))["status"]
            return bool(status["observedGeneration"] == 2 and status["updateRevision"] != status["currentRevision"])

        eventually(rolling)
        assert [pod.uid for pod in await seen.pods(site)] == [stuck.uid], "the new template waits behind it"
        await delete_stuck_pods(site, [stuck.name]).run(Heard())
        await _phases(site, [("worker", "2.11.2", "Running")])


async def test_a_secret_leads_elsewhere_and_what_it_held_is_kept(world: World, tmp_path: Path) -> None:
    world.make("secrets", "airflow-metadata", {"stringData": {"connection": "postgresql://a:b@old:5432/db", "x": "1"}})
    async with _site(world, tmp_path) as site:
        point = PointSecret(site, ("airflow-metadata", "connection"), ("new", 6432))
        await _twice(point)
        kube = site.live.kube
        assert await kube.secret("airflow-metadata", "connection") == "postgresql://a:b@new:6432/db"
        assert await kube.secret("airflow-metadata", "x") == "1"
        assert await kube.secret(point.backup, "connection") == "postgresql://a:b@old:5432/db"


def _job(site: Site, image: str, command: str) -> MigrationJob:
    origin = Origin("a test", {"spec": {"containers": [{"name": "scheduler", "image": "x"}]}}, "scheduler")
    body = manifest(site, "airflow-db-migrate-test", origin, image=image, service_account=None, command=command)
    return MigrationJob(site, "airflow-db-migrate-test", manifest=body, dsn="postgresql://migrator:b@new/db")


async def test_a_migration_job_is_made_once_and_takes_its_secret_along(world: World, tmp_path: Path) -> None:
    async with _site(world, tmp_path) as site:
        kube, job = site.live.kube, _job(site, "busybox:1", "true")
        assert (await job.observe()).status is Status.NOT_STARTED
        assert "ended with 0" in await job.run(Heard())
        first = await kube.get("jobs", job.key)
        assert "ended with 0" in await job.run(Heard())
        assert (await job.observe()).status is Status.DONE
        assert (await kube.get("jobs", job.key))["metadata"]["uid"] == first["metadata"]["uid"]
        assert await kube.find("secrets", job.key) is not None
        await EndJob(site, job.key).run(Heard())

        async def gone() -> bool:
            left = [await kube.find("jobs", job.key), await kube.find("secrets", job.key), *await kube.list("pods")]
            return not any(left)

        assert await until(SystemClock(), gone, timeout=PATIENCE, every=0.05)


async def test_a_migration_job_that_fails_says_with_what(world: World, tmp_path: Path) -> None:
    async with _site(world, tmp_path) as site:
        job = _job(site, "failing:1", "false")
        with pytest.raises(OperationError, match="ended with 1") as failed:
            await job.run(Heard())
        assert failed.value.exit_code == 1
        assert (await job.observe()).status is Status.FAILED


# --- A right that is taken away in flight -----------------------------------------------------------------------------


@dataclass
class Stop(FileStep):
    """A step that scales everything to zero, and nothing else."""

    async def fly(self, flight: Flight) -> Sequence[Check]:
        site = Site(flight.settings, flight.session, flight.connections)
        stop = ScaleToZero(site, await seen.workloads(site))
        found = await flight.do(self.id, stop)
        return (Check(name="zero", holds=(await stop.observe()).status is Status.DONE, found=found),)


def _opened(site: Site) -> ev.SessionOpened:
    place = site.settings.kubernetes
    return ev.SessionOpened(
        session="flight-1",
        deployment="test",
        production=False,
        source_version="2.11.2",
        target_version="3.2.2",
        context=place.context,
        namespace=place.namespace,
        release=place.release,
        config="",
        program="",
        planned={},
    )


async def test_a_right_that_is_taken_away_in_flight_is_named_with_its_mend_and_the_session_goes_on(
    world: World, tmp_path: Path
) -> None:
    read = {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["list"]}
    scale = {"apiGroups": ["apps"], "resources": ["deployments/scale", "statefulsets/scale"], "verbs": ["patch"]}
    world.grant("sre", [read, scale])
    _workload(world, "deployments", "scheduler", 0)
    where = world.path("apps/v1/deployments", "airflow-scheduler")
    may = {"spec": {"replicas": 1}}
    eventually(lambda: world.ask("PATCH", f"{where}/scale", may, patch="merge", user="sre")[0] == 200)
    async with _site(world, tmp_path, "sre") as site:
        recorder = Recorder(tmp_path, SystemClock(), Redactor())
        recorder.record(_opened(site))
        step = Stop("announce", tmp_path)
        runner = Runner(Flight(site.settings, site.live, recorder, SystemClock()), [step])

        async def flown() -> str:
            await runner.start(step.id, "sre")
            assert await until(SystemClock(), lambda: _idle(runner), timeout=PATIENCE, every=0.02)
            return recorder.state.step(step.id).outcome

        role = {"metadata": {"name": "granted"}, "rules": [read]}
        world.ok("PUT", world.path(ROLES, "granted"), role)
        eventually(lambda: world.ask("PATCH", f"{where}/scale", may, patch="merge", user="sre")[0] == 403)
        assert await flown() == "failed"
        assert world.ok("GET", where)["spec"]["replicas"] == 1
        world.ok("PUT", world.path(ROLES, "granted"), {**role, "rules": [read, scale]})
        eventually(lambda: world.ask("PATCH", f"{where}/scale", may, patch="merge", user="sre")[0] == 200)
        assert await flown() == "verified"
        assert world.ok("GET", where)["spec"]["replicas"] == 0
        recorder.close()
    ended = [entry.event for entry in journal.read(tmp_path / journal.FILE)]
    failed, verified = [event for event in ended if isinstance(event, ev.StepEnded)]
    assert (failed.outcome, verified.outcome) == ("failed", "verified")
    denial = 'deployments.apps "airflow-scheduler" is forbidden: User "sre" cannot patch resource "deployments/scale" '
    denial += f'in API group "apps" in the namespace "{world.namespace}" (403 Forbidden)'
    mend = f"add to the cockpit's Role in namespace {world.namespace}: "
    mend += "{apiGroups: [apps], resources: [deployments/scale], verbs: [patch]}"
    assert failed.why == f"scale to zero airflow-scheduler: Kubernetes: {denial}; {mend}; 0 of 1 are done"


async def _idle(runner: Runner) -> bool:
    return not runner.busy
