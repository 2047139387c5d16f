"""The pods source on the embedded cluster, and its words for a pod's phase against kubectl's rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.advice.pods import told_phase
from migration_cockpit.connections import Connections
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.session.events import PodsRead, SourceFailed, SourceRecovered
from migration_cockpit.session.readings import PodsReading
from migration_cockpit.sources import pod_logs, pod_phase
from migration_cockpit.sources.pod_logs import last_words, look
from migration_cockpit.sources.pods import PodsSource
from tests.connections.support import (
    NAMESPACE,
    Heard,
    cluster,
    connected,
    eventually,
    make_settings,
    running,
    write_kubeconfig,
)

Obj = dict[str, Any]
SECRETS = frozenset({"airflow-metadata"})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster(tmp_path) as running_cluster:
        yield running_cluster


@pytest.fixture
async def connections(world: Cluster, tmp_path: Path) -> AsyncIterator[Connections]:
    async with connected(make_settings(tmp_path)) as opened:
        yield opened


def deployment(component: str, version: str, command: list[str], replicas: int = 1) -> Obj:
    labels = {"tier": "airflow", "component": component, "release": "airflow"}
    container = {
        "name": component,
        "image": f"apache/airflow:{version}",
        "command": command,
        "env": [
            {
                "name": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
                "valueFrom": {"secretKeyRef": {"name": "airflow-metadata", "key": "connection", "optional": True}},
            }
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"airflow-{component}", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def newest(heard: Heard) -> PodsReading:
    found = heard.of(PodsRead)
    return found[-1].reading if found else PodsReading()


async def test_a_rollout_is_followed_without_polling(world: Cluster, connections: Connections) -> None:
    (world.directory / "images" / "apache-airflow-2.11.2" / "bin").mkdir(parents=True)
    async with running(PodsSource(connections)) as heard:
        await eventually(lambda: heard.of(PodsRead))
        world.create(deployment("scheduler", "2.11.2", ["sleep", "60"], 2), NAMESPACE)
        await eventually(lambda: [pod.phase for pod in newest(heard).pods] == ["Running", "Running"])
        pod = newest(heard).pods[0]
        assert (pod.component, pod.version, pod.ready, pod.containers, pod.database) == (
            "scheduler",
            "2.11.2",
            1,
            1,
            True,
        )
        await eventually(lambda: [load.ready for load in newest(heard).workloads] == [2])
        load = newest(heard).workloads[0]
        assert (load.kind, load.name, load.desired, load.version) == ("Deployment", "airflow-scheduler", 2, "2.11.2")
        # An image that does not exist: the new pod waits and the namespace has a warning about it.
        world.create(deployment("api-server", "9.9.9", ["sleep", "60"]), NAMESPACE)
        stuck = {"ErrImagePull", "ImagePullBackOff"}
        await eventually(lambda: any(pod.phase in stuck for pod in newest(heard).pods))
        warnings = await eventually(lambda: newest(heard).warnings)
        assert any(warning.object.startswith("pod/airflow-api-server") for warning in warnings)
        await connections.kube.scale("deployments", "airflow-scheduler", 0)
        await eventually(lambda: not [pod for pod in newest(heard).pods if pod.component == "scheduler"])


async def test_only_the_pods_of_the_release_are_shown(world: Cluster, connections: Connections) -> None:
    (world.directory / "images" / "apache-airflow-2.11.2" / "bin").mkdir(parents=True)
    stranger = deployment("scheduler", "2.11.2", ["sleep", "60"])
    for place in (stranger["metadata"], stranger["spec"]["selector"], stranger["spec"]["template"]["metadata"]):
        place["labels" if "labels" in place else "matchLabels"] = {"release": "other"}
    world.create(stranger, NAMESPACE)
    world.create(deployment("triggerer", "2.11.2", ["sleep", "60"]), NAMESPACE)
    async with running(PodsSource(connections)) as heard:
        await eventually(lambda: newest(heard).pods)
        await eventually(lambda: newest(heard).workloads)
        assert {pod.component for pod in newest(heard).pods} == {"triggerer"}
        assert [load.name for load in newest(heard).workloads] == ["airflow-triggerer"]


async def test_the_api_goes_and_comes_back(world: Cluster, connections: Connections) -> None:
    (world.directory / "images" / "apache-airflow-2.11.2" / "bin").mkdir(parents=True)
    async with running(PodsSource(connections)) as heard:
        await eventually(lambda: heard.of(PodsRead))
        await world.pause_api()
        failure = (await eventually(lambda: heard.of(SourceFailed)))[0]
        assert "refuses connections" in failure.why
        world.create(deployment("scheduler", "2.11.2", ["sleep", "60"]), NAMESPACE)
        await world.resume_api()
        await eventually(lambda: heard.of(SourceRecovered))
        # What happened while nobody watched is seen by the new list.
        await eventually(lambda: [pod.component for pod in newest(heard).pods] == ["scheduler"])
        assert len(heard.of(SourceFailed)) == 1


async def test_without_the_right_to_read_events_the_pods_are_still_shown(world: Cluster, tmp_path: Path) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["get", "list", "watch"]},
    ]
    group = "rbac.authorization.k8s.io"
    world.create({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules}, NAMESPACE)
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "apiGroup": group, "name": "half"}],
    }
    world.create(binding, NAMESPACE)
    world.add_user("half", "half-a-token")
    write_kubeconfig(world, tmp_path, "half", "half-a-token")
    async with connected(make_settings(tmp_path)) as connections, running(PodsSource(connections)) as heard:
        warning = (await eventually(lambda: newest(heard).warnings))[0]
        assert (warning.object, warning.reason) == ("events", "Forbidden")
        assert not heard.of(SourceFailed)


def status(**fields: Any) -> Obj:
    spec = fields.pop("spec", {})
    metadata = {"name": "p", "creationTimestamp": "2026-05-16T09:00:00Z", "labels": {"component": "scheduler"}}
    metadata |= fields.pop("metadata", {})
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "scheduler", "image": "apache/airflow:3.2.2"}], **spec},
        "status": {"phase": "Running", **fields},
    }


def container(name: str = "scheduler", **fields: Any) -> Obj:
    return {"name": name, "restartCount": 0, "ready": False, **fields}


INIT = {"initContainers": [{"name": "wait-for-airflow-migrations", "image": "x:1"}, {"name": "second", "image": "x:1"}]}
WAITS = container(state={"waiting": {"reason": "PodInitializing"}})
LOOPS = {
    "reason": "CrashLoopBackOff",
    "message": "back-off 1m20s restarting failed container=scheduler pod=p_airflow(uid)",
}
ENDED = {"exitCode": 1, "reason": "Error", "finishedAt": "2026-05-16T09:10:00Z"}


@pytest.mark.parametrize(
    ("found", "phase", "ready", "restarts"),
    [
        (status(phase="Pending"), "Pending", 0, 0),
        (status(containerStatuses=[container(ready=True, state={"running": {}}, restartCount=3)]), "Running", 1, 3),
        (
            status(
                phase="Pending",
                spec=INIT,
                initContainerStatuses=[container("wait-for-airflow-migrations", state={"running": {}}, restartCount=2)],
                containerStatuses=[WAITS],
            ),
            "Init:0/2",
            0,
            2,
        ),
        (
            status(
                phase="Pending",
                spec=INIT,
                initContainerStatuses=[
                    container(
                        "wait-for-airflow-migrations", state={"terminated": {"exitCode": 0, "reason": "Completed"}}
                    ),
                    container("second", state={"waiting": {"reason": "PodInitializing"}}),
                ],
                containerStatuses=[WAITS],
            ),
            "Init:1/2",
            0,
            0,
        ),
        (
            status(
                phase="Pending",
                spec=INIT,
                initContainerStatuses=[container("wait-for-airflow-migrations", state={"terminated": ENDED})],
                containerStatuses=[WAITS],
            ),
            "Init:Error",
            0,
            0,
        ),
        (
            status(
                phase="Pending",
                spec=INIT,
                initContainerStatuses=[
                    container("wait-for-airflow-migrations", state={"waiting": LOOPS}, restartCount=5)
                ],
                containerStatuses=[WAITS],
            ),
            "Init:CrashLoopBackOff",
            0,
            5,
        ),
        (
            status(
                phase="Pending",
                spec={"initContainers": INIT["initContainers"][:1]},
                conditions=[{"type": "Initialized", "status": "True"}],
                initContainerStatuses=[
                    container("wait-for-airflow-migrations", state={"terminated": {"exitCode": 0}}, restartCount=4)
                ],
                containerStatuses=[WAITS],
            ),
            "PodInitializing",
            0,
            0,
        ),
        (status(containerStatuses=[container(state={"waiting": LOOPS}, restartCount=7)]), "CrashLoopBackOff", 0, 7),
        (status(containerStatuses=[container(state={"terminated": ENDED})]), "Error", 0, 0),
        (status(containerStatuses=[container(state={"terminated": {"exitCode": 3}})]), "ExitCode:3", 0, 0),
        (status(containerStatuses=[container(state={"terminated": {"exitCode": 0, "signal": 9}})]), "Signal:9", 0, 0),
        (
            status(
                phase="Succeeded",
                containerStatuses=[container(state={"terminated": {"exitCode": 0, "reason": "Completed"}})],
            ),
            "Completed",
            0,
            0,
        ),
        (
            status(
                conditions=[{"type": "Ready", "status": "False"}],
                containerStatuses=[
                    container(state={"terminated": {"exitCode": 0, "reason": "Completed"}}),
                    container("sidecar", ready=True, state={"running": {}}),
                ],
            ),
            "NotReady",
            1,
            0,
        ),
        (
            status(
                metadata={"deletionTimestamp": "2026-05-16T09:20:00Z"},
                containerStatuses=[container(ready=True, state={"running": {}})],
            ),
            "Terminating",
            1,
            0,
        ),
        (status(phase="Failed", reason="Evicted"), "Evicted", 0, 0),
        (status(metadata={"deletionTimestamp": "2026-05-16T09:20:00Z"}, reason="NodeLost"), "Unknown", 0, 0),
        (
            status(
                phase="Pending", conditions=[{"type": "PodScheduled", "reason": "SchedulingGated", "status": "False"}]
            ),
            "SchedulingGated",
            0,
            0,
        ),
        (
            status(
                containerStatuses=[container(state={"waiting": {"reason": "ImagePullBackOff", "message": "no such"}})]
            ),
            "ImagePullBackOff",
            0,
            0,
        ),
    ],
)
def test_the_phase_is_kubectls(found: Obj, phase: str, ready: int, restarts: int) -> None:
    pod = pod_phase.pod(found, SECRETS)
    assert (pod.phase, pod.ready, pod.restarts) == (phase, ready, restarts)


def test_a_sidecar_that_is_an_init_container_counts_among_the_containers() -> None:
    spec = {"initContainers": [{"name": "git-sync", "image": "x:1", "restartPolicy": "Always"}]}
    pod = pod_phase.pod(
        status(
            spec=spec,
            initContainerStatuses=[
                container("git-sync", started=True, ready=True, restartCount=2, state={"running": {}})
            ],
            containerStatuses=[container(ready=True, state={"running": {}}, restartCount=1)],
        ),
        SECRETS,
    )
    assert (pod.phase, pod.ready, pod.containers, pod.restarts) == ("Running", 2, 2, 3)


def test_the_end_of_a_back_off_is_known() -> None:
    waiting = container(state={"waiting": LOOPS}, lastState={"terminated": ENDED}, restartCount=4)
    pod = pod_phase.pod(status(containerStatuses=[waiting]), SECRETS)
    assert pod.restarting_at == datetime(2026, 5, 16, 9, 11, 20, tzinfo=UTC)
    assert pod.reason == "last exit code 1"


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ({"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-05-16T09:10:00Z"}, "OOMKilled"),
        (ENDED, "Error, exit code 1"),
        ({"exitCode": 0, "reason": "Completed", "finishedAt": "2026-05-16T09:10:00Z"}, ""),
    ],
)
def test_how_a_container_that_runs_again_had_ended_is_known(ended: Obj, told: str) -> None:
    again = container(ready=True, state={"running": {}}, lastState={"terminated": ended}, restartCount=1)
    pod = pod_phase.pod(status(containerStatuses=[again]), SECRETS)
    assert (pod.phase, pod.last_end) == ("Running", told)
    assert (pod.last_end_at is not None) == bool(told)
    assert told_phase(pod) == (f"Running was {told}" if told else "Running")


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("apache/airflow:3.2.2", "3.2.2"),
        ("registry:5000/team/airflow:2.11.2-python3.12@sha256:0123456789abcdef", "2.11.2-python3.12"),
        ("registry:5000/team/airflow", "latest"),
        ("airflow@sha256:0123456789abcdef0123", "sha256:0123456789ab"),
        ("", ""),
    ],
)
def test_an_images_tag(image: str, tag: str) -> None:
    assert pod_phase.image_tag(image) == tag


@pytest.mark.parametrize(
    ("containers", "uses"),
    [
        ([{"env": [{"name": "AIRFLOW__CORE__SQL_ALCHEMY_CONN_CMD", "value": "x"}]}], True),
        ([{"env": [{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "airflow-metadata", "key": "k"}}}]}], True),
        ([{"envFrom": [{"secretRef": {"name": "airflow-metadata"}}]}], True),
        ([{"env": [{"name": "STATSD", "value": "1"}], "envFrom": [{"configMapRef": {"name": "c"}}]}], False),
    ],
)
def test_whether_a_pod_talks_to_the_database(containers: list[Obj], uses: bool) -> None:
    assert pod_phase.uses_database({"containers": containers}, SECRETS) is uses


async def test_the_last_words_are_those_of_the_container_that_failed(world: Cluster, connections: Connections) -> None:
    (world.directory / "images" / "apache-airflow-2.11.2" / "bin").mkdir(parents=True)
    failing = deployment("scheduler", "2.11.2", ["sleep", "60"])
    command = ["/bin/sh", "-c", "echo There are still unapplied migrations; exit 1"]
    init = {"name": "wait-for-airflow-migrations", "image": "apache/airflow:2.11.2", "command": command}
    failing["spec"]["template"]["spec"]["initContainers"] = [init]
    world.create(failing, NAMESPACE)
    world.create(deployment("triggerer", "2.11.2", ["/bin/sh", "-c", "echo all well; sleep 60"]), NAMESPACE)
    async with running(PodsSource(connections)) as heard:
        await eventually(lambda: any("Crash" in pod.phase for pod in newest(heard).pods))
        await eventually(lambda: any(pod.phase == "Running" for pod in newest(heard).pods))
        pods = {pod.component: pod.name for pod in newest(heard).pods}
    assert await last_words(connections, pods["scheduler"]) == ["There are still unapplied migrations"]
    assert await last_words(connections, pods["triggerer"]) == ["all well"]
    assert await last_words(connections, "gone") == []


async def test_a_pod_is_looked_at_with_its_events_and_the_log_of_the_container_that_failed(
    world: Cluster, connections: Connections
) -> None:
    (world.directory / "images" / "apache-airflow-2.11.2" / "bin").mkdir(parents=True)
    command = ["/bin/sh", "-c", "echo There are unapplied migrations; exit 1"]
    world.create(deployment("scheduler", "2.11.2", command), NAMESPACE)
    async with running(PodsSource(connections)) as heard:
        await eventually(lambda: any("Crash" in pod.phase for pod in newest(heard).pods))
        pod = newest(heard).pods[0].name
    looked = await look(connections, pod)
    assert (looked.pod, looked.container, looked.log_why, looked.events_why) == (pod, "scheduler", "", "")
    assert looked.log == ("There are unapplied migrations",)
    assert "BackOff" in {each.reason for each in looked.events}
    assert {each.object for each in looked.events} == {f"pod/{pod}"}
    gone = await look(connections, "airflow-gone")
    assert gone.log_why == "Kubernetes: there is no pod airflow-gone any more"


async def test_a_cluster_that_does_not_answer_is_told_and_not_waited_for(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object, **__: object) -> list[Obj]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(pod_logs, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(connections.kube, "list", hangs)
    looked = await look(connections, "airflow-scheduler-0")
    assert looked.log_why == looked.events_why == "no answer within 0 s"
