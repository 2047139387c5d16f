"""Who may do what: enforcement, the words of a denial, and reviews that tell the truth."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from .conftest import Harness, eventually, pod


@pytest.fixture
def sre(shared: Harness, ns: str) -> Any:
    """A client of a user who has no rights yet."""
    shared.call(lambda: shared.cluster.add_user("sre", f"token-{ns}", ["oncall"]))
    return shared.client("sre", f"token-{ns}")


def _grant(shared: Harness, ns: str, rules: list[dict[str, Any]], kind: str = "User", name: str = "sre") -> None:
    rbac = client.RbacAuthorizationV1Api(shared.api)
    rbac.create_namespaced_role(ns, {"metadata": {"name": "cockpit"}, "rules": rules})
    subject = {"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "Role", "name": "cockpit", "apiGroup": "rbac.authorization.k8s.io"}
    rbac.create_namespaced_role_binding(
        ns, {"metadata": {"name": "cockpit"}, "subjects": [subject], "roleRef": reference}
    )


def _denied(call: Any) -> str:
    with pytest.raises(ApiException) as caught:
        call()
    assert caught.value.status == 403
    body = json.loads(caught.value.body)
    assert body["reason"] == "Forbidden"
    return str(body["message"])


def _allowed(api: Any, **attributes: str) -> bool:
    body = {"spec": {"resourceAttributes": attributes}}
    return bool(client.AuthorizationV1Api(api).create_self_subject_access_review(body).status.allowed)


def test_without_a_rule_everything_is_denied_in_the_real_words(shared: Harness, ns: str, sre: Any) -> None:
    core = client.CoreV1Api(sre)
    assert _denied(lambda: core.list_namespaced_pod(ns)) == (
        f'pods is forbidden: User "sre" cannot list resource "pods" in API group "" in the namespace "{ns}"'
    )
    assert _denied(lambda: core.read_namespaced_secret("s", ns)) == (
        f'secrets "s" is forbidden: User "sre" cannot get resource "secrets" in API group "" in the namespace "{ns}"'
    )
    assert _denied(core.list_node) == (
        'nodes is forbidden: User "sre" cannot list resource "nodes" in API group "" at the cluster scope'
    )
    assert _denied(lambda: client.AppsV1Api(sre).patch_namespaced_deployment_scale("d", ns, {})) == (
        'deployments.apps "d" is forbidden: User "sre" cannot patch resource "deployments/scale" in API group "apps" '
        f'in the namespace "{ns}"'
    )


def test_a_role_grants_what_it_names_and_no_more(shared: Harness, ns: str, sre: Any) -> None:
    _grant(
        shared,
        ns,
        [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"], "verbs": ["get", "patch"]},
        ],
    )
    core = client.CoreV1Api(sre)
    for name in ("mine", "other"):
        shared.core.create_namespaced_secret(ns, {"metadata": {"name": name}})
    shared.core.create_namespaced_pod(ns, pod("p"))
    assert [item.metadata.name for item in core.list_namespaced_pod(ns).items] == ["p"]
    core.patch_namespaced_secret("mine", ns, {"stringData": {"a": "1"}})
    assert 'secrets "other" is forbidden' in _denied(lambda: core.read_namespaced_secret("other", ns))
    assert "cannot list resource" in _denied(lambda: core.list_namespaced_secret(ns))
    assert 'cannot get resource "pods/log"' in _denied(lambda: core.read_namespaced_pod_log("p", ns))
    assert "cannot delete resource" in _denied(lambda: core.delete_namespaced_pod("p", ns))
    assert 'in the namespace "default"' in _denied(lambda: core.list_namespaced_pod("default"))


def test_reviews_tell_the_truth(shared: Harness, ns: str, sre: Any) -> None:
    _grant(shared, ns, [{"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["*"]}], "Group", "oncall")
    scale = {"group": "apps", "resource": "deployments", "subresource": "scale", "verb": "patch"}
    assert _allowed(sre, namespace=ns, **scale)
    assert not _allowed(sre, namespace="default", **scale)
    assert not _allowed(sre, namespace=ns, group="apps", resource="deployments", verb="patch")
    assert _allowed(shared.api, resource="nodes", verb="delete")
    rules = client.AuthorizationV1Api(sre).create_self_subject_rules_review({"spec": {"namespace": ns}}).status
    assert {"apps"} in [set(rule.api_groups) for rule in rules.resource_rules]
    assert rules.incomplete is False


def test_cluster_roles_reach_as_far_as_their_binding(shared: Harness, ns: str, sre: Any) -> None:
    rbac = client.RbacAuthorizationV1Api(shared.api)
    rules = [{"apiGroups": [""], "resources": ["configmaps", "nodes"], "verbs": ["list"]}]
    rbac.create_cluster_role({"metadata": {"name": f"reader-{ns}"}, "rules": rules})
    subjects = [{"kind": "User", "name": "sre", "apiGroup": "rbac.authorization.k8s.io"}]
    reference = {"kind": "ClusterRole", "name": f"reader-{ns}", "apiGroup": "rbac.authorization.k8s.io"}
    body = {"metadata": {"name": f"reader-{ns}"}, "subjects": subjects, "roleRef": reference}
    rbac.create_namespaced_role_binding(ns, body)
    core = client.CoreV1Api(sre)
    assert core.list_namespaced_config_map(ns).items == []
    _denied(core.list_node)
    rbac.create_cluster_role_binding(body)
    assert len(core.list_node().items) == 1
    assert core.list_namespaced_config_map("default") is not None
    rbac.delete_cluster_role_binding(f"reader-{ns}")
    rbac.delete_cluster_role(f"reader-{ns}")
    tail = f'RBAC: clusterrole.rbac.authorization.k8s.io "reader-{ns}" not found'
    assert _denied(lambda: core.list_namespaced_config_map(ns)).endswith(tail)


def test_a_token_that_is_wrong_or_has_expired_is_nobody(shared: Harness) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    shared.call(lambda: shared.cluster.add_user("brief", "brief-token", ["system:masters"], soon))
    brief = client.CoreV1Api(shared.client("brief", "brief-token"))
    assert brief.list_namespaced_pod("default").items is not None

    def code() -> int:
        try:
            brief.list_namespaced_pod("default")
        except ApiException as error:
            return int(error.status)
        return 0

    assert eventually(code) == 401
    with pytest.raises(ApiException) as caught:
        client.CoreV1Api(shared.client("x", "no-such-token")).list_namespaced_pod("default")
    assert (caught.value.status, json.loads(caught.value.body)["message"]) == (401, "Unauthorized")


def test_who_may_impersonate_acts_as_another(shared: Harness, ns: str, sre: Any) -> None:
    def listed(api: Any) -> int:
        answer = api.rest_client.pool_manager.request(
            "GET",
            f"{shared.cluster.url}/api/v1/namespaces/{ns}/pods",
            headers={**api.default_headers, "Impersonate-User": "sre", "Authorization": tokens[api]},
        )
        return int(answer.status)

    tokens = {shared.api: "Bearer admin-token", sre: f"Bearer token-{ns}"}
    assert listed(shared.api) == 403
    _grant(shared, ns, [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    assert listed(shared.api) == 200
    assert listed(sre) == 403


def test_without_a_token_one_is_anonymous(shared: Harness) -> None:
    document = shared.cluster.kubeconfig("nobody", "")
    document["users"][0]["user"] = {}
    api = config.new_client_from_config_dict(document)
    assert client.VersionApi(api).get_code().major == "1"
    assert _denied(lambda: client.CoreV1Api(api).list_namespaced_pod("default")) == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace '
        '"default"'
    )
