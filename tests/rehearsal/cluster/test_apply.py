"""Server-side apply: it creates, merges, removes what is left out, and refuses what another manager owns."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from migration_cockpit.rehearsal.cluster.api import protobuf

from .conftest import Harness, container, eventually, workload


def _apply(
    shared: Harness, ns: str, body: dict[str, Any], manager: str = "helm", **query: str
) -> tuple[int, dict[str, Any]]:
    group, plural = {"Deployment": ("apis/apps/v1", "deployments"), "ConfigMap": ("api/v1", "configmaps")}[body["kind"]]
    answer = shared.core.api_client.rest_client.pool_manager.request(
        "PATCH",
        f"{shared.cluster.url}/{group}/namespaces/{ns}/{plural}/{body['metadata']['name']}"
        f"?fieldManager={manager}" + "".join(f"&{key}={value}" for key, value in query.items()),
        body=yaml.safe_dump(body),
        headers={"Authorization": "Bearer admin-token", "Content-Type": "application/apply-patch+yaml"},
    )
    return answer.status, json.loads(answer.data)


def _map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data}


def test_an_apply_creates_then_merges_then_removes(shared: Harness, ns: str) -> None:
    assert _apply(shared, ns, _map(a="1", b="2"))[0] == 201
    shared.core.patch_namespaced_config_map("m", ns, {"data": {"other": "x"}}, field_manager="me")
    code, answer = _apply(shared, ns, _map(a="3"))
    assert (code, answer["data"]) == (200, {"a": "3", "other": "x"})
    managers = {(m["manager"], m["operation"]): m["fieldsV1"] for m in answer["metadata"]["managedFields"]}
    assert managers == {
        ("helm", "Apply"): {"f:data": {"f:a": {}}},
        ("me", "Update"): {"f:data": {"f:other": {}}},
    }


def test_an_edited_count_is_a_conflict_until_forced(shared: Harness, ns: str) -> None:
    body = workload("Deployment", "web", container("exec sleep 600"), replicas=1)
    assert _apply(shared, ns, body)[0] == 201
    shared.apps.patch_namespaced_deployment("web", ns, {"spec": {"replicas": 0}}, field_manager="kubectl-edit")
    code, answer = _apply(shared, ns, body)
    assert (code, answer["reason"]) == (409, "Conflict")
    assert answer["message"] == (
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas'
    )
    assert answer["details"]["causes"][0]["field"] == ".spec.replicas"
    assert _apply(shared, ns, body, force="true")[0] == 200
    eventually(lambda: (shared.find("Deployment", ns, "web") or {})["status"].get("availableReplicas") == 1)


def test_what_an_apply_leaves_out_stays_as_others_set_it(shared: Harness, ns: str) -> None:
    body = workload("Deployment", "web", container("exec sleep 600"), replicas=1)
    del body["spec"]["replicas"]
    _apply(shared, ns, body)
    shared.apps.patch_namespaced_deployment_scale("web", ns, {"spec": {"replicas": 0}})
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    code, answer = _apply(shared, ns, body)
    assert (code, answer["spec"]["replicas"]) == (200, 0)
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "B", "value": "2"}]
    _, answer = _apply(shared, ns, body)
    assert answer["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "B", "value": "2"}]


def test_an_apply_needs_a_manager(shared: Harness, ns: str) -> None:
    assert _apply(shared, ns, _map(), manager="")[0] == 400


def _message(*fields: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([number << 3 | 2, len(value)]) + value for number, value in fields)


def test_a_secret_sent_as_protobuf_is_read(shared: Harness, ns: str) -> None:
    meta = _message((1, b"sh.helm.release.v1.airflow.v1"), (11, _message((1, b"owner"), (2, b"helm"))))
    secret = _message((1, meta), (2, _message((1, b"release"), (2, b"H4sI"))), (3, b"helm.sh/release.v1"))
    unknown = _message((1, _message((1, b"v1"), (2, b"Secret"))), (2, secret))
    answer = shared.core.api_client.rest_client.pool_manager.request(
        "POST",
        f"{shared.cluster.url}/api/v1/namespaces/{ns}/secrets",
        body=b"k8s\x00" + unknown,
        headers={"Authorization": "Bearer admin-token", "Content-Type": "application/vnd.kubernetes.protobuf"},
    )
    assert answer.status == 201
    found = shared.core.read_namespaced_secret("sh.helm.release.v1.airflow.v1", ns)
    assert (found.type, found.data, found.metadata.labels) == (
        "helm.sh/release.v1",
        {"release": "SDRzSQ=="},
        {"owner": "helm"},
    )


@pytest.mark.parametrize(
    "body", [b"nonsense", b"k8s\x00\xff\xff", b"k8s\x00" + _message((1, _message((1, b"v1"), (2, b"Pod"))))]
)
def test_other_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(Exception, match="protobuf") as caught:
        protobuf.decode(body)
    assert getattr(caught.value, "code", 0) in (400, 415)


def test_strategic_patches_are_not_for_custom_resources(shared: Harness, ns: str) -> None:
    custom = client.CustomObjectsApi(shared.api)
    body = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "e"}, "spec": {}}
    custom.create_namespaced_custom_object("external-secrets.io", "v1", ns, "externalsecrets", body)
    with pytest.raises(ApiException) as caught:
        custom.patch_namespaced_custom_object(
            "external-secrets.io", "v1", ns, "externalsecrets", "e", {"spec": {"a": 1}},
            _content_type="application/strategic-merge-patch+json",
        )  # fmt: skip
    assert caught.value.status == 415
    patched = custom.patch_namespaced_custom_object(
        "external-secrets.io", "v1", ns, "externalsecrets", "e", {"spec": {"a": 1}},
        _content_type="application/merge-patch+json",
    )  # fmt: skip
    assert patched["spec"] == {"a": 1}
