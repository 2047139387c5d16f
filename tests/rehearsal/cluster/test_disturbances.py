"""What the world does to its cluster: the API goes down, pods refuse to die, Secrets come late."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from kubernetes import client, watch

from migration_cockpit.rehearsal.cluster.kubelet.sweep import sweep

from .conftest import Harness, container, eventually, in_group, job, lives, pod, workload
from .test_kubelet import log, status, waits

if TYPE_CHECKING:
    from pathlib import Path


def test_while_the_api_is_down_containers_go_on(own: Harness, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    own.core.create_namespaced_pod("default", pod("p", container(f"while :; do echo x >> {beat}; sleep 0.05; done")))
    own.apps.create_namespaced_deployment("default", workload("Deployment", "web"))
    eventually(beat.exists)
    url = own.cluster.url
    stream = watch.Watch().stream(own.core.list_namespaced_pod, "default", timeout_seconds=30)
    assert next(stream)["type"] == "ADDED"
    own.run(own.cluster.pause_api())
    # An open watch is cut, and nobody answers on the port.
    with pytest.raises((urllib3.exceptions.HTTPError, OSError)):
        list(stream)
    with pytest.raises(urllib3.exceptions.HTTPError, match="refused"):
        urllib3.PoolManager(retries=False).request("GET", f"{url}/version")
    size = beat.stat().st_size
    eventually(lambda: beat.stat().st_size > size)
    # Controllers go on too: what is deleted behind the API's back is replaced.
    (web,) = own.list("Pod", "default", "app=web")
    own.call(lambda: own.cluster.delete("Pod", "default", web["metadata"]["name"]))
    eventually(
        lambda: (
            [p["metadata"]["uid"] != web["metadata"]["uid"] for p in own.list("Pod", "default", "app=web")] == [True]
        )
    )
    own.run(own.cluster.resume_api())
    assert own.cluster.url == url
    fresh = client.CoreV1Api(own.client("admin", "admin-token"))
    assert {p.metadata.labels["app"] for p in fresh.list_namespaced_pod("default").items} == {"p", "web"}


def test_a_kept_pod_survives_its_deletion(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", container("echo $$$$; exec sleep 600")))
    name = eventually(
        lambda: next((p["metadata"]["name"] for p in shared.list("Pod", ns) if p["status"]["phase"] == "Running"), "")
    )
    pid = int(eventually(lambda: log(shared, ns, name)))
    let_go = shared.call(lambda: shared.cluster.keep_pod("app=web"))
    shared.apps.patch_namespaced_deployment_scale("web", ns, {"spec": {"replicas": 0}})
    eventually(lambda: "replicas" not in (shared.find("Deployment", ns, "web") or {})["status"])
    kept = shared.find("Pod", ns, name) or {}
    assert kept["metadata"]["deletionTimestamp"]
    os.kill(pid, 0)
    shared.call(let_go)
    eventually(lambda: shared.find("Pod", ns, name) is None)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_pod_kept_alive_outlives_even_a_forced_deletion(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("p", container("echo $$$$; exec sleep 600")))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")
    pid = int(eventually(lambda: log(shared, ns, "p")))
    let_go = shared.call(lambda: shared.cluster.keep_pod("app=p"))
    shared.core.delete_namespaced_pod("p", ns, grace_period_seconds=0)
    assert shared.find("Pod", ns, "p") is None
    os.kill(pid, 0)
    shared.call(let_go)
    eventually(lambda: not lives(pid))


def test_an_evicted_pod_fails_and_is_replaced(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web"))
    eventually(lambda: [p["status"]["phase"] for p in shared.list("Pod", ns)] == ["Running"])
    (first,) = shared.list("Pod", ns)
    shared.call(lambda: shared.cluster.evict(first))
    name = first["metadata"]["name"]
    assert (status(shared, ns, name)["phase"], status(shared, ns, name)["reason"]) == ("Failed", "Evicted")
    eventually(lambda: sorted(p["status"]["phase"] for p in shared.list("Pod", ns)) == ["Failed", "Running"])


def test_a_late_secret_holds_its_pods_and_comes_as_it_was_last_written(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "db"}, "stringData": {"c": "old"}})
    shared.call(lambda: shared.cluster.hold_secret("db", namespace=ns))
    assert shared.find("Secret", ns, "db") is None
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "db"}, "stringData": {"c": "new"}})
    eventually(lambda: shared.find("Secret", ns, "db") is None)
    env = [{"name": "C", "valueFrom": {"secretKeyRef": {"name": "db", "key": "c"}}}]
    shared.core.create_namespaced_pod(ns, pod("p", container("echo $C; exec sleep 600", env=env)))
    eventually(waits(shared, ns, "p", "CreateContainerConfigError"))
    shared.call(lambda: shared.cluster.release_secret("db", namespace=ns))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Running")
    assert eventually(lambda: log(shared, ns, "p")) == "new\n"


def test_a_held_secret_comes_by_itself_when_its_time_is_over(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "db"}, "stringData": {"c": "x"}})
    shared.call(lambda: shared.cluster.hold_secret("db", 0.2, namespace=ns))
    assert shared.find("Secret", ns, "db") is None
    eventually(lambda: shared.find("Secret", ns, "db"))


def test_a_budget_forbids_an_eviction_through_the_api(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web"))
    eventually(lambda: [p["status"]["phase"] for p in shared.list("Pod", ns)] == ["Running"])
    name = shared.list("Pod", ns)[0]["metadata"]["name"]
    body = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    client.PolicyV1Api(shared.api).create_namespaced_pod_disruption_budget(ns, body)
    eventually(lambda: (shared.find("PodDisruptionBudget", ns, "b") or {}).get("status", {}).get("currentHealthy") == 1)
    eviction = {"metadata": {"name": name, "namespace": ns}}
    with pytest.raises(client.ApiException) as caught:
        shared.core.create_namespaced_pod_eviction(name, ns, eviction)
    assert caught.value.status == 429
    assert "Cannot evict pod as it would violate the pod's disruption budget." in str(caught.value.body)
    client.PolicyV1Api(shared.api).delete_namespaced_pod_disruption_budget("b", ns)
    shared.core.create_namespaced_pod_eviction(name, ns, eviction)
    eventually(lambda: shared.find("Pod", ns, name) is None)


def test_stopping_the_cluster_leaves_no_process(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    for index in range(3):
        harness.core.create_namespaced_pod("default", pod(f"p{index}", container("sleep 603 & sleep 604")))
    harness.batch.create_namespaced_job("default", job("j", "exec sleep 605"))
    pids = eventually(lambda: found if len(found := list((tmp_path / "pods").glob("*/*/pid"))) == 4 else [])
    groups = [int(eventually(path.read_text)) for path in pids]
    harness.close()
    assert [pid for group in groups for pid in in_group(group)] == []


def test_a_sweep_kills_what_a_killed_world_left_and_nothing_else(tmp_path: Path) -> None:
    def left_behind(directory: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"],
            start_new_session=True,
            env={**os.environ, "REHEARSAL_DIR": str(directory)},
        )

    ours, others = left_behind(tmp_path), left_behind(tmp_path / "elsewhere")
    try:
        for name, process in (("a", ours), ("b", others)):
            (tmp_path / "pods" / name / "main").mkdir(parents=True)
            (tmp_path / "pods" / name / "main" / "pid").write_text(f"{process.pid}\n")
        eventually(lambda: sweep(tmp_path) == [ours.pid] or ours.poll() is not None)
        assert ours.wait(10) == -signal.SIGKILL
        assert others.poll() is None
        assert list((tmp_path / "pods").glob("*/*/pid")) == []
    finally:
        for process in (ours, others):
            process.kill()
            process.wait()


def test_containers_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    (tmp_path / "images" / "busybox-1" / "bin").mkdir(parents=True)
    body: dict[str, Any] = pod("p", container("echo $$$$ > $REHEARSAL_DIR/inner; exec sleep 606"))
    program = (
        "import asyncio, json, sys\nfrom pathlib import Path\n"
        "from migration_cockpit.rehearsal.cluster import Cluster\n"
        "async def main():\n"
        "    cluster = Cluster(Path(sys.argv[1]))\n    await cluster.start()\n"
        "    cluster.create(json.loads(sys.argv[2]), 'default')\n    await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )

    supervisor = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), json.dumps(body)])
    try:
        inner = tmp_path / "inner"
        pid = int(eventually(lambda: inner.read_text() if inner.exists() else "", 30))
    finally:
        supervisor.kill()
        supervisor.wait()
    eventually(lambda: not lives(pid))
