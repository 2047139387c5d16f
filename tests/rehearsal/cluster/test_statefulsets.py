"""StatefulSets: order, names, claims, and pods that stay stuck when the template is put back."""

from __future__ import annotations

from typing import Any

from .conftest import Harness, container, eventually, workload

Obj = dict[str, Any]


def _pods(shared: Harness, ns: str) -> dict[str, Obj]:
    return {p["metadata"]["name"]: p for p in shared.list("Pod", ns, "app=db")}


def _ready(pod: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions") or [])


def _all_ready(shared: Harness, ns: str, count: int) -> bool:
    found = shared.find("StatefulSet", ns, "db") or {}
    status = found.get("status") or {}
    return bool(
        status.get("observedGeneration") == found["metadata"]["generation"]
        and status.get("readyReplicas", 0) == status.get("updatedReplicas", 0) == status.get("replicas", 0) == count
        and status["currentRevision"] == status["updateRevision"]
    )


def _template(shared: Harness, ns: str, *containers: Obj, **more: Any) -> None:
    body = {"spec": {"template": {"spec": {"containers": list(containers), **more}}}}
    shared.apps.patch_namespaced_stateful_set("db", ns, body)


def test_pods_come_one_after_the_other(shared: Harness, ns: str, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    probe = {"exec": {"command": ["/usr/bin/test", "-e", str(gate)]}, "periodSeconds": 1}
    body = workload(
        "StatefulSet", "db", container("exec sleep 600", readinessProbe=probe), replicas=2, serviceName="db"
    )
    shared.apps.create_namespaced_stateful_set(ns, body)
    eventually(lambda: _pods(shared, ns).get("db-0", {}).get("status", {}).get("phase") == "Running")
    assert list(_pods(shared, ns)) == ["db-0"]
    gate.touch()
    eventually(lambda: _all_ready(shared, ns, 2))
    second = _pods(shared, ns)["db-1"]
    assert second["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    assert second["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert (second["spec"]["hostname"], second["spec"]["subdomain"]) == ("db-1", "db")


def test_scaling_down_takes_the_highest_first(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_stateful_set(ns, workload("StatefulSet", "db", replicas=3))
    eventually(lambda: _all_ready(shared, ns, 3))
    order: list[str] = []
    stop = shared.call(
        lambda: shared.cluster.store.subscribe(
            lambda change: (
                order.append(change.object["metadata"]["name"])
                if change.kind.kind == "Pod" and change.type == "DELETED"
                else None
            )
        )
    )
    shared.apps.patch_namespaced_stateful_set_scale("db", ns, {"spec": {"replicas": 0}})
    eventually(lambda: not _pods(shared, ns))
    shared.call(stop)
    assert order == ["db-2", "db-1", "db-0"]


def test_parallel_pods_come_at_once(shared: Harness, ns: str) -> None:
    body = workload("StatefulSet", "db", container("exit 1"), replicas=3, podManagementPolicy="Parallel")
    shared.apps.create_namespaced_stateful_set(ns, body)
    eventually(lambda: len(_pods(shared, ns)) == 3)


def test_an_update_goes_from_the_highest_down(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_stateful_set(ns, workload("StatefulSet", "db", replicas=2))
    eventually(lambda: _all_ready(shared, ns, 2))
    before = {name: p["metadata"]["uid"] for name, p in _pods(shared, ns).items()}
    gone: list[str] = []
    stop = shared.call(
        lambda: shared.cluster.store.subscribe(
            lambda change: (
                gone.append(change.object["metadata"]["name"])
                if change.kind.kind == "Pod" and change.type == "DELETED"
                else None
            )
        )
    )
    _template(shared, ns, container("exec sleep 601"))
    eventually(lambda: _all_ready(shared, ns, 2))
    shared.call(stop)
    assert gone == ["db-1", "db-0"]
    assert all(p["metadata"]["uid"] != before[name] for name, p in _pods(shared, ns).items())


def test_a_stuck_pod_is_not_replaced_when_the_template_goes_back(shared: Harness, ns: str) -> None:
    """The known trap of OrderedReady: after a rollback the pod in Init must be deleted by hand."""
    shared.apps.create_namespaced_stateful_set(ns, workload("StatefulSet", "db", container("exec sleep 600")))
    eventually(lambda: _all_ready(shared, ns, 1))
    good = shared.find("StatefulSet", ns, "db")
    _template(shared, ns, container("exec sleep 601"), initContainers=[container("exec sleep 600", name="wait")])
    (stuck,) = eventually(lambda: [p for p in _pods(shared, ns).values() if p["spec"].get("initContainers")])
    shared.apps.patch_namespaced_stateful_set(
        "db", ns, [{"op": "replace", "path": "/spec/template", "value": (good or {})["spec"]["template"]}]
    )

    def seen() -> Obj:
        return shared.find("StatefulSet", ns, "db") or {}

    eventually(lambda: seen()["status"]["observedGeneration"] == seen()["metadata"]["generation"])
    assert seen()["status"]["updateRevision"] != stuck["metadata"]["labels"]["controller-revision-hash"]
    assert _pods(shared, ns)["db-0"]["metadata"]["uid"] == stuck["metadata"]["uid"]
    assert not _pods(shared, ns)["db-0"]["metadata"].get("deletionTimestamp")
    shared.core.delete_namespaced_pod("db-0", ns)
    eventually(lambda: _all_ready(shared, ns, 1))
    assert "initContainers" not in _pods(shared, ns)["db-0"]["spec"]


def test_claims_outlive_their_pods(shared: Harness, ns: str) -> None:
    main = container(
        "echo $POD_NAME >> /data/who; exec sleep 600", volumeMounts=[{"name": "data", "mountPath": "/data"}]
    )
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    body = workload("StatefulSet", "db", main, volumeClaimTemplates=[claim])
    shared.apps.create_namespaced_stateful_set(ns, body)
    eventually(lambda: _all_ready(shared, ns, 1))
    assert (shared.find("PersistentVolumeClaim", ns, "data-db-0") or {})["status"]["phase"] == "Bound"
    shared.apps.delete_namespaced_stateful_set("db", ns)
    eventually(lambda: not _pods(shared, ns))
    shared.apps.create_namespaced_stateful_set(ns, body)
    eventually(lambda: _all_ready(shared, ns, 1))
    stored = shared.directory / "volumes" / f"{ns}-data-db-0" / "who"
    eventually(lambda: stored.read_text() == "db-0\ndb-0\n")
