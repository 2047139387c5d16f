"""What kubectl prints: tables, and the one word that sums a pod up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_cockpit.rehearsal.cluster.api.podcolumns import pod_row
from migration_cockpit.rehearsal.cluster.api.tables import span

from .conftest import Harness, container, eventually, pod, workload
from .test_kubelet import status

Obj = dict[str, Any]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def _table(shared: Harness, path: str, accept: str = TABLE) -> Obj:
    answer = shared.core.api_client.rest_client.pool_manager.request(
        "GET", f"{shared.cluster.url}{path}", headers={"Authorization": "Bearer admin-token", "Accept": accept}
    )
    found: Obj = json.loads(answer.data)
    return found


def _cells(table: Obj) -> list[dict[str, Any]]:
    names = [column["name"] for column in table["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in table["rows"]]


def test_every_kind_prints(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web"))
    shared.apps.create_namespaced_stateful_set(ns, workload("StatefulSet", "db", replicas=0))
    shared.core.create_namespaced_service(ns, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    eventually(lambda: (shared.find("Deployment", ns, "web") or {}).get("status", {}).get("availableReplicas") == 1)
    for kind in shared.cluster.catalogue.kinds():
        root = f"/apis/{kind.api_version}" if kind.group else "/api/v1"
        table = _table(shared, f"{root}/{kind.plural}")
        assert table["kind"] == "Table", kind
        assert all(len(row["cells"]) == len(table["columnDefinitions"]) for row in table["rows"]), kind
    (deployment,) = _cells(_table(shared, f"/apis/apps/v1/namespaces/{ns}/deployments"))
    assert (deployment["Name"], deployment["Ready"], deployment["Available"]) == ("web", "1/1", 1)
    (single,) = _cells(_table(shared, f"/apis/apps/v1/namespaces/{ns}/statefulsets/db"))
    assert single["Ready"] == "0/0"


def test_a_table_carries_metadata_or_whole_objects(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("p"))
    path = f"/api/v1/namespaces/{ns}/pods"
    assert _table(shared, path)["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert _table(shared, f"{path}?includeObject=Object")["rows"][0]["object"]["spec"]
    only = _table(shared, path, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
    assert only["kind"] == "PartialObjectMetadataList"
    assert "spec" not in only["items"][0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "5s"),
        (119, "119s"),
        (120, "2m"),
        (192, "3m12s"),
        (1800, "30m"),
        (10800, "3h"),
        (11000, "3h3m"),
        (200000, "2d7h"),
    ],
)
def test_ages(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_the_word_of_a_running_and_of_a_waiting_pod(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_pod(ns, pod("up"))
    shared.core.create_namespaced_pod(ns, pod("init", initContainers=[container("exec sleep 600", name="wait")]))
    eventually(lambda: status(shared, ns, "up").get("phase") == "Running")
    eventually(lambda: "running" in str(status(shared, ns, "init").get("initContainerStatuses")))
    words = {
        row["Name"]: (row["Ready"], row["Status"]) for row in _cells(_table(shared, f"/api/v1/namespaces/{ns}/pods"))
    }
    assert words == {"up": ("1/1", "Running"), "init": ("0/1", "Init:0/1")}


def _state(name: str, **state: Any) -> Obj:
    return {"name": name, "state": state, "ready": False, "restartCount": 0, "lastState": {}}


@pytest.mark.parametrize(
    ("inits", "mains", "word"),
    [
        ([_state("i", waiting={"reason": "CrashLoopBackOff"})], [], "Init:CrashLoopBackOff"),
        ([_state("i", terminated={"exitCode": 1, "reason": "Error"})], [], "Init:Error"),
        ([_state("i", waiting={"reason": "PodInitializing"})], [], "Init:0/1"),
        ([], [_state("m", waiting={"reason": "ImagePullBackOff"})], "ImagePullBackOff"),
        ([], [_state("m", terminated={"exitCode": 137, "reason": "OOMKilled"})], "OOMKilled"),
        ([], [_state("m", waiting={"reason": "CreateContainerConfigError"})], "CreateContainerConfigError"),
    ],
)
def test_the_word_of_a_pod_in_trouble(inits: list[Obj], mains: list[Obj], word: str) -> None:
    body = {
        "metadata": {"name": "p", "creationTimestamp": None},
        "spec": {"containers": [{}], "initContainers": [{}] * len(inits)},
        "status": {"phase": "Pending", "initContainerStatuses": inits, "containerStatuses": mains},
    }
    assert pod_row(body, lambda _: "1s")[2] == word
