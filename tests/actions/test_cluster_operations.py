"""Operations that change the cluster, against the embedded one: what they do, what they find, and doing them twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions import cluster as seen
from migration_cockpit.actions.job_template import Origin, manifest
from migration_cockpit.actions.migration_job import MigrationJob
from migration_cockpit.actions.operation import Operation, OperationError, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.stopping import (
    PauseAutoscalers,
    RestoreAutoscalers,
    RestoreReplicas,
    ResumeCronJobs,
    ScaleToZero,
    SuspendCronJobs,
    end_executor_pods,
)
from migration_cockpit.connections import KubeError
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.session.clock import SystemClock, until
from tests.connections.support import NAMESPACE, TOKEN, cluster, connected, eventually, make_settings, write_kubeconfig
from tests.pace import PATIENCE

DATABASE = [{"name": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "value": "postgresql://nowhere"}]


@dataclass
class Heard:
    """What an operation reported."""

    lines: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        self.lines.append((source, text, at))

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        self.told.append(f"{text} {done}/{total}")

    def of(self, source: str) -> list[str]:
        return [text for name, text, _ in self.lines if name == source]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Cluster]:
    (tmp_path / "images" / "apache-airflow-2.11.2" / "bin").mkdir(parents=True)
    async with cluster(tmp_path) as running:
        yield running


@pytest.fixture
async def site(world: Cluster, tmp_path: Path) -> AsyncIterator[Site]:
    settings = make_settings(tmp_path, limits={"helm": 3.0})
    async with connected(settings) as connections:
        yield Site(settings, "test-20260516", connections)


def _labels(component: str) -> dict[str, str]:
    return {"tier": "airflow", "release": "airflow", "component": component}


def _pod(component: str, **spec: Any) -> dict[str, Any]:
    container = {
        "name": component,
        "image": "apache/airflow:2.11.2",
        "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
        "env": DATABASE,
    }
    return {"containers": [container], **spec}


async def _workload(site: Site, component: str, replicas: int, resource: str = "deployments") -> None:
    kind = "Deployment" if resource == "deployments" else "StatefulSet"
    labels = _labels(component)
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _pod(component)},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = component
    body = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": f"airflow-{component}", "labels": labels}}
    await site.live.kube.create(resource, {**body, "spec": spec})


async def _until(site: Site, count: int) -> None:
    async def there() -> bool:
        return len(await seen.writing_pods(site)) == count

    assert await until(SystemClock(), there, timeout=PATIENCE, every=0.05)


async def _twice(operation: Operation) -> None:
    """Run it, find it done, run it again: nothing worse may come of it."""
    for _ in range(2):
        await operation.run(Heard())
        assert (await operation.observe()).status is Status.DONE


async def test_everything_that_writes_goes_to_zero_and_comes_back(site: Site) -> None:
    await _workload(site, "scheduler", 2)
    await _workload(site, "triggerer", 1, "statefulsets")
    await _workload(site, "pgbouncer", 1)
    await _until(site, 3)
    before = await seen.workloads(site)
    assert [(each.component, each.replicas) for each in before] == [("scheduler", 2), ("triggerer", 1)]
    stop = ScaleToZero(site, before)
    assert (await stop.observe()).status is Status.NOT_STARTED
    await _twice(stop)
    await _until(site, 0)
    assert any(pod.component == "pgbouncer" for pod in await seen.pods(site))  # the migration may need it
    start = RestoreReplicas(site, before)
    assert (await start.observe()).status is Status.NOT_STARTED
    await _twice(start)
    await _until(site, 3)

    async def rolled_out() -> bool:
        return all(each.done for each in await seen.rollouts(site))

    assert await until(SystemClock(), rolled_out, timeout=PATIENCE, every=0.05)


async def test_a_workload_that_vanished_does_not_stop_the_others(site: Site) -> None:
    await _workload(site, "scheduler", 1)
    (scheduler,) = await seen.workloads(site)
    gone = seen.Workload(resource="deployments", name="airflow-webserver", component="webserver", replicas=1)
    heard = Heard()
    await ScaleToZero(site, [gone, scheduler]).run(heard)
    assert "airflow-webserver is not there any more" in heard.of("cockpit")
    assert (await ScaleToZero(site, [gone, scheduler]).observe()).status is Status.DONE


async def test_bare_executor_pods_are_ended(site: Site, world: Cluster) -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "task-1", "labels": _labels("worker")}}
    await site.live.kube.create("pods", {**body, "spec": _pod("worker")})
    await _until(site, 1)
    bare = [pod.name for pod in await seen.writing_pods(site) if not pod.owned]
    assert bare == ["task-1"]
    await end_executor_pods(site, bare).run(Heard())
    assert (await end_executor_pods(site, bare).observe()).status is Status.DONE
    await eventually(lambda: world.find("Pod", NAMESPACE, "task-1") is None)


async def test_cronjobs_on_the_database_are_suspended_and_resumed(site: Site) -> None:
    reference = {"secretKeyRef": {"name": "airflow-metadata", "key": "connection"}}
    own_name = [{"name": "REPORTS_SOURCE", "valueFrom": reference}]
    for name, env in (("airflow-database-cleanup", DATABASE), ("team-report", []), ("team-sync", own_name)):
        spec = {"containers": [{"name": "c", "image": "x:1", "env": env}], "restartPolicy": "Never"}
        body = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": name},
            "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": spec}}}},
        }
        await site.live.kube.create("cronjobs", body)
    found = await seen.database_cronjobs(site)
    assert found == ("airflow-database-cleanup", "team-sync")
    await _twice(SuspendCronJobs(site, found))
    assert await seen.database_cronjobs(site) == ()
    await _twice(ResumeCronJobs(site, found))
    assert await seen.database_cronjobs(site) == found


async def test_autoscalers_are_paused_and_given_back_as_they_were(site: Site, tmp_path: Path) -> None:
    await _workload(site, "api-server", 1)
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "airflow-api-server"},
        "minReplicas": 1,
        "maxReplicas": 3,
    }
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "airflow-api-server"},
        "spec": spec,
    }
    await site.live.kube.create("horizontalpodautoscalers", body)
    found = await seen.autoscalers(site)  # KEDA is not installed here: that is no error
    assert [each.name for each in found] == ["airflow-api-server"]
    pause, restore = PauseAutoscalers(site, found), RestoreAutoscalers(site, found)
    assert (await pause.observe()).status is Status.NOT_STARTED
    await _twice(pause)
    assert (await restore.observe()).status is Status.NOT_STARTED
    await _twice(restore)
    assert await seen.autoscalers(site) == found


async def test_keda_is_held_at_zero_and_let_go(tmp_path: Path) -> None:
    world = Cluster(tmp_path, custom_groups={"keda.sh"})
    await world.start()
    try:
        world.ensure_namespace(NAMESPACE)
        world.add_user("cockpit", TOKEN, ["system:masters"])
        write_kubeconfig(world, tmp_path, "cockpit", TOKEN)
        settings = make_settings(tmp_path)
        async with connected(settings) as connections:
            site = Site(settings, "test", connections)
            await _workload(site, "worker", 0, "statefulsets")
            spec = {"scaleTargetRef": {"kind": "StatefulSet", "name": "airflow-worker"}, "triggers": []}
            body = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "airflow-worker"}}
            await site.live.kube.create("scaledobjects", {**body, "spec": spec})
            found = await seen.autoscalers(site)
            assert [(each.resource, each.paused) for each in found] == [("scaledobjects", None)]
            await _twice(PauseAutoscalers(site, found))
            assert (await seen.autoscalers(site))[0].paused == "0"
            await _twice(RestoreAutoscalers(site, found))
            assert await seen.autoscalers(site) == found
    finally:
        await world.stop()


# --- The migration Job ------------------------------------------------------------------------------------------------


def _airflow(tmp_path: Path, script: str) -> None:
    """The image of the target version, whose `airflow` is a shell script."""
    bin_directory = tmp_path / "images" / "apache-airflow-3.2.2" / "bin"
    bin_directory.mkdir(parents=True, exist_ok=True)
    program = bin_directory / "airflow"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def _job(site: Site, **more: Any) -> MigrationJob:
    template = {"spec": {"containers": [{"name": "scheduler", "image": "x"}]}}
    origin = Origin("a test", template, "scheduler")
    body = manifest(site, "airflow-db-migrate-test", origin, image="apache/airflow:3.2.2", service_account=None)
    return MigrationJob(site, "airflow-db-migrate-test", manifest=body, **more)


def _created(world: Cluster) -> int:
    lines = (world.directory / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    return sum("airflow-db-migrate-test" in line and "create" in line for line in lines)


async def test_job_is_followed_to_its_end_and_made_once(site: Site, world: Cluster, tmp_path: Path) -> None:
    _airflow(tmp_path, 'echo "args: $*"; for n in 1 2 3; do echo "batch $n"; done; echo "app $PGAPPNAME" >&2')
    heard = Heard()
    assert "ended with 0" in await _job(site).run(heard)
    printed = [line for line in heard.of("job") if not line.startswith("app")]
    assert printed == ["args: db migrate", "batch 1", "batch 2", "batch 3"]
    assert "app airflow-db-migrate" in heard.of("job")
    assert "its pod has started" in heard.told[-1], "what it waited for is over"
    assert (await _job(site).observe()).status is Status.DONE
    again = Heard()
    position = [at for source, _, at in heard.lines if source == "job"][-1]
    await _job(site, position=position).run(again)
    assert again.of("job") == []
    assert _created(world) == 1


async def test_a_cockpit_that_went_away_joins_the_running_job(site: Site, world: Cluster, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    _airflow(tmp_path, f"echo one; echo two; while [ ! -e {gate} ]; do sleep 0.05; done; echo three")
    first = Heard()
    flying = asyncio.create_task(_job(site).run(first))
    await eventually(lambda: len(first.of("job")) == 2)
    flying.cancel()
    await asyncio.gather(flying, return_exceptions=True)
    assert (await _job(site).observe()).status is Status.RUNNING  # nothing stops a migration in passing
    position = [at for source, _, at in first.lines if source == "job"][-1]
    second = Heard()
    joined = asyncio.create_task(_job(site, position=position).run(second))
    gate.touch()
    await joined
    assert first.of("job") + second.of("job") == ["one", "two", "three"]
    assert _created(world) == 1


async def test_a_failed_job_says_how_it_ended_and_is_not_repeated(site: Site, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    _airflow(tmp_path, f"echo run >> {runs}; echo 'sqlalchemy.exc.OperationalError: x'; exit 3")
    heard = Heard()
    with pytest.raises(OperationError, match="ended with 3"):
        await _job(site).run(heard)
    assert heard.of("job") == ["sqlalchemy.exc.OperationalError: x"]
    assert (await _job(site).observe()).status is Status.FAILED
    assert runs.read_text(encoding="utf-8").splitlines() == ["run"]


async def test_a_pod_that_cannot_start_ends_the_wait_with_its_reason(site: Site) -> None:
    with pytest.raises(OperationError, match=r"(ErrImagePull|ImagePullBackOff).*Nothing was migrated"):
        await _job(site).run(Heard())
    assert (await _job(site).observe()).status is Status.RUNNING


async def test_a_deleted_job_is_not_waited_for(site: Site, tmp_path: Path) -> None:
    _airflow(tmp_path, "echo one; exec sleep 30")
    heard = Heard()
    flying = asyncio.create_task(_job(site).run(heard))
    await eventually(lambda: heard.of("job"))
    await site.live.kube.delete("jobs", "airflow-db-migrate-test", grace=0)
    with pytest.raises(OperationError, match="deleted by someone"):
        await asyncio.wait_for(flying, 20)


async def test_a_dsn_of_its_own_goes_into_a_secret_that_dies_with_the_job(site: Site, tmp_path: Path) -> None:
    _airflow(tmp_path, "true")
    dsn = "postgresql://migrator:pass-word@db/airflow"
    await _job(site, dsn=dsn).run(Heard())
    secret = await site.live.kube.get("secrets", "airflow-db-migrate-test")
    assert secret["metadata"]["ownerReferences"][0]["kind"] == "Job"
    job = await site.live.kube.get("jobs", "airflow-db-migrate-test")
    assert "pass-word" not in json.dumps(job)


async def test_a_job_at_work_does_not_fail_for_the_secret_it_leaves_behind(
    site: Site, world: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _airflow(tmp_path, "echo one")

    async def refused(*_: Any, **__: Any) -> None:
        raise KubeError(403, "Forbidden", "may not patch secrets")

    monkeypatch.setattr(site.live.kube, "patch", refused)
    heard = Heard()
    assert "ended with 0" in await _job(site, dsn="postgresql://somewhere").run(heard)
    assert "stays when the Job goes: Kubernetes: may not patch secrets" in heard.of("cockpit")[0]
