"""The kubelet: processes, waiting reasons, restarts, probes, graceful ends, events."""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Harness, container, eventually, lives, pod

if TYPE_CHECKING:
    from collections.abc import Callable

Obj = dict[str, Any]


def status(shared: Harness, ns: str, name: str) -> Obj:
    """A pod's status."""
    return (shared.find("Pod", ns, name) or {}).get("status") or {}


def running(shared: Harness, ns: str, name: str) -> bool:
    """Whether a pod runs."""
    return bool(status(shared, ns, name).get("phase") == "Running")


def state(shared: Harness, ns: str, name: str, index: int = 0, group: str = "containerStatuses") -> Obj:
    """The state of one container."""
    items = status(shared, ns, name).get(group) or []
    return items[index]["state"] if len(items) > index else {}


def waits(shared: Harness, ns: str, name: str, reason: str, group: str = "containerStatuses") -> Callable[[], Obj]:
    """A probe: the waiting state of the first container, once its reason is this."""

    def probe() -> Obj:
        waiting = state(shared, ns, name, group=group).get("waiting") or {}
        return waiting if waiting.get("reason") == reason else {}

    return probe


def log(shared: Harness, ns: str, name: str, **query: Any) -> str:
    """A container's log."""
    return str(shared.core.read_namespaced_pod_log(name, ns, **query))


def conditions(shared: Harness, ns: str, name: str) -> dict[str, str]:
    """Condition types with their status."""
    return {item["type"]: item["status"] for item in status(shared, ns, name).get("conditions") or []}


def reasons(shared: Harness, ns: str, name: str) -> set[str]:
    """The reasons of the events about an object."""
    return {e["reason"] for e in shared.list("Event", ns) if e["involvedObject"]["name"] == name}


def test_a_pod_runs_soon_and_says_so(shared: Harness, ns: str) -> None:
    def seconds(index: int) -> float:
        began = time.monotonic()
        shared.core.create_namespaced_pod(ns, pod(f"p{index}"))
        eventually(functools.partial(running, shared, ns, f"p{index}"))
        return time.monotonic() - began

    # The first of some that is not held up by a machine that has other work too: it takes about 50 ms on a quiet one.
    assert any(seconds(index) < 0.3 for index in range(20))
    found = shared.core.read_namespaced_pod("p0", ns)
    assert found.spec.node_name == "rehearsal-node"
    assert found.status.container_statuses[0].state.running.started_at
    assert conditions(shared, ns, "p0") == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    assert {"Scheduled", "Pulled", "Created", "Started"} <= reasons(shared, ns, "p0")


def test_the_environment_is_resolved_as_kubelet_does(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "db"}, "stringData": {"connection": "sql://x"}})
    shared.core.create_namespaced_config_map(ns, {"metadata": {"name": "cm"}, "data": {"A": "from-map", "B": "b"}})
    env = [
        {"name": "A", "value": "own"},
        {"name": "CONN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "connection"}}},
        {"name": "OPT", "valueFrom": {"secretKeyRef": {"name": "no", "key": "x", "optional": True}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "BOTH", "value": "$(A)-$(CONN)-$$(A)-$(NOPE)"},
    ]
    line = (
        'echo "$A|$B|$CONN|${OPT-unset}|$LABEL|$BOTH|$POD_NAME|$HOSTNAME|$POD_NAMESPACE|$0"; test -n "$REHEARSAL_DIR"'
    )
    main = container(line, env=env, envFrom=[{"configMapRef": {"name": "cm"}}])
    main["command"].append("$(A)")
    shared.core.create_namespaced_pod(ns, pod("p", main, restartPolicy="Never"))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Succeeded")
    expected = f"own|b|sql://x|unset|p|own-sql://x-$(A)-$(NOPE)|p|p|{ns}|own\n"
    assert log(shared, ns, "p") == expected


def test_volumes_are_laid_out(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_config_map(ns, {"metadata": {"name": "cfg"}, "data": {"airflow.cfg": "[core]\n"}})
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "s"}, "stringData": {"k": "v"}})
    volumes = [
        {"name": "config", "configMap": {"name": "cfg"}},
        {"name": "secret", "secret": {"secretName": "s"}},
        {"name": "logs", "emptyDir": {}},
    ]
    mounts = [
        {"name": "config", "mountPath": "/opt/airflow/airflow.cfg", "subPath": "airflow.cfg"},
        {"name": "secret", "mountPath": "/etc/secret"},
        {"name": "logs", "mountPath": "/opt/airflow/logs"},
    ]
    first = container("cat /opt/airflow/airflow.cfg /etc/secret/k; echo hello > $LOGS/x", volumeMounts=mounts)
    first["env"] = [{"name": "LOGS", "value": "/opt/airflow/logs"}]
    second = container("cat /opt/airflow/logs/x", name="reader", volumeMounts=mounts)
    body = pod("p", second, initContainers=[{**first, "name": "writer"}], volumes=volumes, restartPolicy="Never")
    shared.core.create_namespaced_pod(ns, body)
    eventually(lambda: status(shared, ns, "p").get("phase") == "Succeeded")
    assert log(shared, ns, "p", container="writer") == "[core]\nv\n"
    assert log(shared, ns, "p", container="reader") == "hello\n"


def test_init_containers_come_first_and_in_order(shared: Harness, ns: str, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    inits = [container(f"until [ -e {gate} ]; do sleep 0.05; done", name="wait"), container("true", name="second")]
    shared.core.create_namespaced_pod(ns, pod("p", initContainers=inits))
    eventually(lambda: "running" in state(shared, ns, "p", group="initContainerStatuses"))
    assert state(shared, ns, "p", 1, "initContainerStatuses") == {"waiting": {"reason": "PodInitializing"}}
    assert state(shared, ns, "p") == {"waiting": {"reason": "PodInitializing"}}
    found = {c["type"]: c for c in status(shared, ns, "p")["conditions"]}
    assert found["Initialized"]["reason"] == "ContainersNotInitialized"
    assert found["Initialized"]["message"] == "containers with incomplete status: [wait second]"
    assert status(shared, ns, "p")["phase"] == "Pending"
    gate.touch()
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")
    ended = state(shared, ns, "p", group="initContainerStatuses")["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (0, "Completed")


def test_an_init_container_that_fails_backs_off(shared: Harness, ns: str, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    shared.core.create_namespaced_pod(ns, pod("p", initContainers=[container(f"test -e {gate}", name="wait")]))
    waiting = eventually(waits(shared, ns, "p", "CrashLoopBackOff", "initContainerStatuses"))
    assert waiting["message"].startswith("back-off 300ms restarting failed container=wait pod=p_")
    found = status(shared, ns, "p")["initContainerStatuses"][0]
    assert found["restartCount"] >= 1
    assert found["lastState"]["terminated"]["exitCode"] == 1
    gate.touch()
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")


def test_a_crashing_container_restarts_at_once_then_backs_off(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("p", container("echo run; exit 3")))
    waiting = eventually(waits(shared, ns, "p", "CrashLoopBackOff"))
    assert "restarting failed container=main pod=p_" in waiting["message"]
    found = status(shared, ns, "p")["containerStatuses"][0]
    assert found["restartCount"] >= 1
    last = found["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (3, "Error")
    assert status(shared, ns, "p")["phase"] == "Running"
    assert conditions(shared, ns, "p")["Ready"] == "False"
    eventually(lambda: "BackOff" in reasons(shared, ns, "p"))
    assert log(shared, ns, "p", previous=True) == "run\n"


@pytest.mark.parametrize(
    ("policy", "code", "phase"), [("Never", 0, "Succeeded"), ("Never", 2, "Failed"), ("OnFailure", 0, "Succeeded")]
)
def test_a_pod_that_is_not_restarted_ends(shared: Harness, ns: str, policy: str, code: int, phase: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("p", container(f"exit {code}"), restartPolicy=policy))
    eventually(lambda: status(shared, ns, "p").get("phase") == phase)
    assert state(shared, ns, "p")["terminated"]["exitCode"] == code
    found = {c["type"]: c for c in status(shared, ns, "p")["conditions"]}
    assert found["Ready"]["reason"] == ("PodCompleted" if phase == "Succeeded" else "PodFailed")


def test_a_missing_secret_holds_the_container_until_it_comes(shared: Harness, ns: str) -> None:
    env = [{"name": "C", "valueFrom": {"secretKeyRef": {"name": "late", "key": "connection"}}}]
    shared.core.create_namespaced_pod(ns, pod("p", container("exec sleep 600", env=env)))
    waiting = eventually(waits(shared, ns, "p", "CreateContainerConfigError"))
    assert waiting["message"] == 'secret "late" not found'
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "late"}, "stringData": {"other": "x"}})
    eventually(lambda: waits(shared, ns, "p", "CreateContainerConfigError")().get("message", "").startswith("couldn't"))
    message = waits(shared, ns, "p", "CreateContainerConfigError")()["message"]
    assert message == f"couldn't find key connection in Secret {ns}/late"
    shared.core.patch_namespaced_secret("late", ns, {"stringData": {"connection": "x"}})
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")


def test_a_missing_volume_source_holds_the_pod(shared: Harness, ns: str) -> None:
    body = pod("p", volumes=[{"name": "v", "configMap": {"name": "late"}}])
    shared.core.create_namespaced_pod(ns, body)
    eventually(lambda: "FailedMount" in reasons(shared, ns, "p"))
    assert state(shared, ns, "p") == {"waiting": {"reason": "ContainerCreating"}}
    shared.core.create_namespaced_config_map(ns, {"metadata": {"name": "late"}})
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")


def test_a_pod_that_cannot_be_run_says_so(shared: Harness, ns: str) -> None:
    broken = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "s"}})
    shared.call(lambda: shared.cluster.create(pod("p", container("true", env=broken)), ns))
    eventually(lambda: "FailedSync" in reasons(shared, ns, "p"))


def test_an_image_that_is_not_there_and_then_is(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("p", {**container("exec sleep 600"), "image": "apache/airflow:3.2.2"}))
    waiting = eventually(waits(shared, ns, "p", "ErrImagePull"))
    assert "docker.io/apache/airflow:3.2.2: not found" in waiting["message"]
    waiting = eventually(waits(shared, ns, "p", "ImagePullBackOff"))
    assert waiting["message"].startswith('Back-off pulling image "apache/airflow:3.2.2"')
    directory = shared.directory / "images" / "apache-airflow-3.2.2" / "bin"
    directory.mkdir(parents=True)
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")
    directory.rmdir()


def test_a_program_that_is_not_in_the_image(shared: Harness, ns: str) -> None:
    body = pod("p", {"name": "main", "image": "busybox:1", "command": ["airflow", "scheduler"]}, restartPolicy="Never")
    shared.core.create_namespaced_pod(ns, body)
    eventually(lambda: status(shared, ns, "p").get("phase") == "Failed")
    ended = state(shared, ns, "p")["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert 'exec: "airflow": executable file not found in $PATH' in ended["message"]


def test_a_program_stands_for_an_image(shared: Harness, ns: str) -> None:
    shared.call(lambda: shared.cluster.add_program("quay.io/exporter:", ["/bin/echo", "program"]))
    body = pod("p", {"name": "main", "image": "quay.io/exporter:v1", "args": ["--flag"]}, restartPolicy="Never")
    shared.core.create_namespaced_pod(ns, body)
    eventually(lambda: status(shared, ns, "p").get("phase") == "Succeeded")
    assert log(shared, ns, "p") == "program --flag\n"


def test_a_deleted_pod_ends_by_sigterm_within_its_grace(shared: Harness, ns: str, tmp_path: Any) -> None:
    mark = tmp_path / "ended"
    polite = container(f"trap 'touch {mark}; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    shared.core.create_namespaced_pod(ns, pod("p", polite, terminationGracePeriodSeconds=20))
    eventually(lambda: "up" in (log(shared, ns, "p") if status(shared, ns, "p").get("phase") == "Running" else ""))
    answer = shared.core.delete_namespaced_pod("p", ns)
    assert answer.metadata.deletion_grace_period_seconds == 20
    eventually(lambda: shared.find("Pod", ns, "p") is None, 5)
    assert mark.exists()
    assert "Killing" in reasons(shared, ns, "p")


def test_a_pod_that_ignores_sigterm_is_killed_after_its_grace(shared: Harness, ns: str) -> None:
    # Kubernetes reads `$$` in a command as one dollar.
    deaf = container("trap '' TERM; echo $$$$; while :; do sleep 0.05; done")
    shared.core.create_namespaced_pod(ns, pod("p", deaf, terminationGracePeriodSeconds=1))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")
    pid = int(eventually(lambda: log(shared, ns, "p")))
    began = time.monotonic()
    shared.core.delete_namespaced_pod("p", ns)
    assert (shared.find("Pod", ns, "p") or {})["metadata"]["deletionTimestamp"]
    eventually(lambda: shared.find("Pod", ns, "p") is None)
    assert time.monotonic() - began > 0.9
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_forced_deletion_kills_everything_of_the_container(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("p", container("sleep 601 & echo $!; wait")))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")
    child = int(eventually(lambda: log(shared, ns, "p")))
    shared.core.delete_namespaced_pod("p", ns, grace_period_seconds=0)
    assert shared.find("Pod", ns, "p") is None
    eventually(lambda: not lives(child))


def test_a_process_that_left_the_group_ends_with_its_container(shared: Harness, ns: str) -> None:
    daemon = "setsid sh -c 'echo $$$$; exec sleep 607' & wait"
    shared.core.create_namespaced_pod(ns, pod("deleted", container(daemon)))
    crash = container(daemon.replace("wait", "sleep 0.3; exit 1"))
    shared.core.create_namespaced_pod(ns, pod("crashed", crash, restartPolicy="Never"))

    def first_line(name: str) -> str:
        return log(shared, ns, name) if "containerID" in str(status(shared, ns, name)) else ""

    strays = [int(eventually(functools.partial(first_line, name))) for name in ("deleted", "crashed")]
    shared.core.delete_namespaced_pod("deleted", ns)
    eventually(lambda: [pid for pid in strays if lives(pid)] == [])


def test_readiness_follows_its_probe(shared: Harness, ns: str, tmp_path: Any) -> None:
    gate = tmp_path / "ready"
    probe = {"exec": {"command": ["/usr/bin/test", "-e", str(gate)]}, "periodSeconds": 1, "failureThreshold": 1}
    shared.core.create_namespaced_pod(ns, pod("p", container("exec sleep 600", readinessProbe=probe)))
    eventually(lambda: "Unhealthy" in reasons(shared, ns, "p"))
    assert conditions(shared, ns, "p")["Ready"] == "False"
    gate.touch()
    eventually(lambda: conditions(shared, ns, "p")["Ready"] == "True")
    gate.unlink()
    eventually(lambda: conditions(shared, ns, "p")["Ready"] == "False")
    assert status(shared, ns, "p")["containerStatuses"][0]["restartCount"] == 0


def test_a_failing_liveness_probe_restarts_the_container(shared: Harness, ns: str, tmp_path: Any) -> None:
    sick = tmp_path / "sick"
    probe = {"exec": {"command": ["/usr/bin/test", "!", "-e", str(sick)]}, "periodSeconds": 1, "failureThreshold": 1}
    shared.core.create_namespaced_pod(ns, pod("p", container("exec sleep 600", livenessProbe=probe)))
    eventually(lambda: conditions(shared, ns, "p").get("Ready") == "True")
    sick.touch()
    eventually(lambda: status(shared, ns, "p")["containerStatuses"][0]["restartCount"] == 1)
    messages = [e["message"] for e in shared.list("Event", ns) if e["reason"] == "Killing"]
    assert messages == ["Container main failed liveness probe, will be restarted"]


def test_a_startup_probe_holds_the_others_back(shared: Harness, ns: str, tmp_path: Any) -> None:
    up = tmp_path / "up"
    startup = {"exec": {"command": ["/usr/bin/test", "-e", str(up)]}, "periodSeconds": 1, "failureThreshold": 30}
    liveness = {"exec": {"command": ["/usr/bin/test", "-e", str(up)]}, "periodSeconds": 1, "failureThreshold": 1}
    main = container("exec sleep 600", startupProbe=startup, livenessProbe=liveness)
    shared.core.create_namespaced_pod(ns, pod("p", main))
    eventually(lambda: "Unhealthy" in reasons(shared, ns, "p"))
    assert status(shared, ns, "p")["containerStatuses"][0]["started"] is False
    up.touch()
    eventually(lambda: conditions(shared, ns, "p")["Ready"] == "True")
    assert status(shared, ns, "p")["containerStatuses"][0]["restartCount"] == 0


def test_a_container_out_of_memory(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("p", restartPolicy="Never"))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")
    shared.call(lambda: shared.cluster.oom_kill(ns, "p", "main"))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Failed")
    ended = state(shared, ns, "p")["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


def test_a_node_that_takes_no_pods(own: Harness) -> None:
    own.core.patch_node("rehearsal-node", {"spec": {"unschedulable": True}})
    own.core.create_namespaced_pod("default", pod("p"))

    def why() -> str:
        found = {c["type"]: c for c in status(own, "default", "p").get("conditions") or []}
        return str(found.get("PodScheduled", {}).get("message", ""))

    assert eventually(why).startswith("0/1 nodes are available: 1 node(s) were unschedulable.")
    own.core.patch_node("rehearsal-node", {"spec": {"unschedulable": None}})
    eventually(lambda: status(own, "default", "p").get("phase") == "Running")
