"""Deployments and ReplicaSets: roll-outs that honour surge and unavailability, and stay when the new is not Ready."""

from __future__ import annotations

from typing import Any

from .conftest import Harness, container, eventually, workload

Obj = dict[str, Any]


def _live(shared: Harness, ns: str, name: str = "web") -> list[Obj]:
    return [p for p in shared.list("Pod", ns, f"app={name}") if not p["metadata"].get("deletionTimestamp")]


def _ready(pod: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions") or [])


def _commands(pods: list[Obj]) -> list[str]:
    return sorted(p["spec"]["containers"][0]["command"][2] for p in pods)


def _status(shared: Harness, ns: str, name: str = "web") -> Obj:
    return (shared.find("Deployment", ns, name) or {}).get("status") or {}


def _complete(shared: Harness, ns: str, replicas: int, name: str = "web") -> bool:
    found = shared.find("Deployment", ns, name) or {}
    status = found.get("status") or {}
    return bool(
        status.get("observedGeneration") == found["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == replicas
        and status.get("replicas", 0) == replicas
    )


def _condition(shared: Harness, ns: str, kind: str) -> tuple[str, str]:
    found: Obj = next((c for c in _status(shared, ns).get("conditions") or [] if c["type"] == kind), {})
    return found.get("status", ""), found.get("reason", "")


def _change(shared: Harness, ns: str, *containers: Obj, **more: Any) -> None:
    body = {"spec": {"template": {"spec": {"containers": list(containers), **more}}}}
    shared.apps.patch_namespaced_deployment("web", ns, body)


def test_a_deployment_comes_up_and_says_so(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", replicas=3))
    eventually(lambda: _complete(shared, ns, 3))
    assert _condition(shared, ns, "Available") == ("True", "MinimumReplicasAvailable")
    eventually(lambda: _condition(shared, ns, "Progressing") == ("True", "NewReplicaSetAvailable"))
    (replica_set,) = shared.list("ReplicaSet", ns)
    tag = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{tag}"
    assert replica_set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert all(p["metadata"]["name"].startswith(f"web-{tag}-") for p in _live(shared, ns))


def test_a_deleted_pod_is_replaced(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web"))
    eventually(lambda: _complete(shared, ns, 1))
    (first,) = _live(shared, ns)
    shared.core.delete_namespaced_pod(first["metadata"]["name"], ns)
    eventually(lambda: [p for p in _live(shared, ns) if _ready(p) and p["metadata"]["uid"] != first["metadata"]["uid"]])


def test_scaled_to_zero_every_pod_goes(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", replicas=2))
    eventually(lambda: _complete(shared, ns, 2))
    shared.apps.patch_namespaced_deployment_scale("web", ns, {"spec": {"replicas": 0}})
    eventually(lambda: not shared.list("Pod", ns))
    eventually(lambda: _complete(shared, ns, 0))
    assert "replicas" not in _status(shared, ns)


def test_old_pods_stay_while_the_new_ones_are_not_ready(shared: Harness, ns: str, tmp_path: Any) -> None:
    """The chart's case: maxUnavailable 0, new pods wait in Init, the old version goes on running."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    shared.apps.create_namespaced_deployment(
        ns, workload("Deployment", "web", container("exec sleep 601"), replicas=2, strategy=strategy)
    )
    eventually(lambda: _complete(shared, ns, 2))
    gate = tmp_path / "migrated"
    wait = container(f"until [ -e {gate} ]; do sleep 0.05; done", name="wait")
    _change(shared, ns, container("exec sleep 602"), initContainers=[wait])
    eventually(lambda: len(_live(shared, ns)) == 3)
    eventually(lambda: _status(shared, ns).get("unavailableReplicas") == 1)
    assert _commands([p for p in _live(shared, ns) if _ready(p)]) == ["exec sleep 601"] * 2
    assert _status(shared, ns)["updatedReplicas"] == 1
    assert _condition(shared, ns, "Progressing") == ("True", "ReplicaSetUpdated")
    gate.touch()
    eventually(lambda: _complete(shared, ns, 2))
    eventually(lambda: _commands(_live(shared, ns)) == ["exec sleep 602"] * 2)


def test_a_stuck_roll_out_is_put_back_and_its_pods_go(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", container("exec sleep 601")))
    eventually(lambda: _complete(shared, ns, 1))
    (old,) = _live(shared, ns)
    _change(shared, ns, container("exec sleep 602"), initContainers=[container("exec sleep 600", name="wait")])
    eventually(lambda: len(_live(shared, ns)) == 2)
    shared.apps.patch_namespaced_deployment("web", ns, [{"op": "remove", "path": "/spec/template/spec/initContainers"}])
    _change(shared, ns, container("exec sleep 601"))
    eventually(lambda: _complete(shared, ns, 1))
    eventually(lambda: [p["metadata"]["uid"] for p in _live(shared, ns)] == [old["metadata"]["uid"]])
    newest = max(
        (r["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for r in shared.list("ReplicaSet", ns)),
        key=int,
    )
    assert (
        shared.apps.read_namespaced_deployment("web", ns).metadata.annotations["deployment.kubernetes.io/revision"]
        == newest
    )


def test_scaling_to_zero_in_the_middle_of_a_roll_out_empties_both_sides(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", container("exec sleep 601"), replicas=2))
    eventually(lambda: _complete(shared, ns, 2))
    _change(shared, ns, container("exec sleep 602"), initContainers=[container("exec sleep 600", name="wait")])
    eventually(lambda: len(_live(shared, ns)) == 3)
    shared.apps.patch_namespaced_deployment_scale("web", ns, {"spec": {"replicas": 0}})
    eventually(lambda: not shared.list("Pod", ns))
    assert {r["spec"]["replicas"] for r in shared.list("ReplicaSet", ns)} == {0}


def test_recreate_lets_the_old_end_before_the_new_begin(shared: Harness, ns: str) -> None:
    seen: list[set[str]] = []
    stop = shared.call(
        lambda: shared.cluster.store.subscribe(
            lambda change: (
                seen.append(set(_commands([p for p in shared.cluster.list("Pod", ns) if _ready(p)])))
                if change.kind.kind == "Pod"
                else None
            )
        )
    )
    shared.apps.create_namespaced_deployment(
        ns, workload("Deployment", "web", container("exec sleep 601"), replicas=2, strategy={"type": "Recreate"})
    )
    eventually(lambda: _complete(shared, ns, 2))
    _change(shared, ns, container("exec sleep 602"))
    eventually(lambda: _complete(shared, ns, 2) and _commands(_live(shared, ns)) == ["exec sleep 602"] * 2)
    shared.call(stop)
    assert {"exec sleep 601"} in seen
    assert {"exec sleep 602"} in seen
    assert {"exec sleep 601", "exec sleep 602"} not in seen


def test_a_restart_annotation_rolls_every_pod(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", replicas=2))
    eventually(lambda: _complete(shared, ns, 2))
    before = {p["metadata"]["uid"] for p in _live(shared, ns)}
    note = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    shared.apps.patch_namespaced_deployment("web", ns, {"spec": {"template": {"metadata": {"annotations": note}}}})
    eventually(lambda: _complete(shared, ns, 2) and not before & {p["metadata"]["uid"] for p in _live(shared, ns)})


def test_a_roll_out_that_does_not_move_passes_its_deadline(shared: Harness, ns: str) -> None:
    wait = container("exec sleep 600", name="wait")
    body = workload("Deployment", "web", pod_spec={"initContainers": [wait]}, progressDeadlineSeconds=1)
    shared.apps.create_namespaced_deployment(ns, body)
    eventually(lambda: _condition(shared, ns, "Progressing") == ("False", "ProgressDeadlineExceeded"))
    assert _condition(shared, ns, "Available") == ("False", "MinimumReplicasUnavailable")


def test_pods_that_may_not_be_made_are_reported(shared: Harness, ns: str) -> None:
    body = workload("Deployment", "web", pod_spec={"serviceAccountName": "late"})
    shared.apps.create_namespaced_deployment(ns, body)
    eventually(lambda: _condition(shared, ns, "ReplicaFailure") == ("True", "FailedCreate"))
    assert any(
        "error looking up service account" in e["message"]
        for e in shared.list("Event", ns)
        if e["reason"] == "FailedCreate"
    )
    shared.core.create_namespaced_service_account(ns, {"metadata": {"name": "late"}})
    eventually(lambda: _complete(shared, ns, 1))


def test_old_replica_sets_are_kept_up_to_the_limit(shared: Harness, ns: str) -> None:
    body = workload("Deployment", "web", container("exec sleep 600"), revisionHistoryLimit=1)
    shared.apps.create_namespaced_deployment(ns, body)
    for number in (601, 602, 603):
        eventually(lambda: _complete(shared, ns, 1))
        _change(shared, ns, container(f"exec sleep {number}"))
    eventually(lambda: _complete(shared, ns, 1) and len(shared.list("ReplicaSet", ns)) == 2)


def test_deleting_a_deployment_takes_everything(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web"))
    eventually(lambda: _complete(shared, ns, 1))
    shared.apps.delete_namespaced_deployment("web", ns)
    eventually(lambda: not shared.list("Pod", ns) and not shared.list("ReplicaSet", ns))
