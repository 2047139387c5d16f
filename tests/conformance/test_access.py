"""Who may do what: reviews that tell the truth, the words of a denial, tokens that end."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .worlds import World, eventually

SCALE = {"group": "apps", "resource": "deployments", "subresource": "scale", "verb": "patch"}


def _allowed(world: World, user: str, **attributes: str) -> bool:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = world.ok("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, user=user)
    return bool(answer["status"]["allowed"])


def _denied(world: World, method: str, path: str, body: Any = None, **how: Any) -> str:
    code, reason, message = world.refused(method, path, body, user="sre", **how)
    assert (code, reason) == (403, "Forbidden")
    return message


def test_without_a_rule_everything_is_denied_and_the_words_name_it(world: World) -> None:
    ns = world.namespace
    assert _denied(world, "GET", world.path("pods")) == (
        f'pods is forbidden: User "sre" cannot list resource "pods" in API group "" in the namespace "{ns}"'
    )
    assert _denied(world, "GET", world.path("secrets", "s")) == (
        f'secrets "s" is forbidden: User "sre" cannot get resource "secrets" in API group "" in the namespace "{ns}"'
    )
    assert _denied(world, "GET", "/api/v1/nodes") == (
        'nodes is forbidden: User "sre" cannot list resource "nodes" in API group "" at the cluster scope'
    )
    assert _denied(world, "PATCH", world.path("apps/v1/deployments", "d", "scale"), {}, patch="merge") == (
        'deployments.apps "d" is forbidden: User "sre" cannot patch resource "deployments/scale" in API group "apps" '
        f'in the namespace "{ns}"'
    )
    assert _denied(world, "GET", world.path("pods", "p", "log")) == (
        f'pods "p" is forbidden: User "sre" cannot get resource "pods/log" in API group "" in the namespace "{ns}"'
    )
    assert _denied(world, "POST", world.path("pods", "p", "exec")) == (
        f'pods "p" is forbidden: User "sre" cannot create resource "pods/exec" in API group "" in the namespace "{ns}"'
    )
    assert _denied(world, "GET", "/apis/keda.sh/v1alpha1/namespaces/x/scaledobjects") == (
        'scaledobjects.keda.sh is forbidden: User "sre" cannot list resource "scaledobjects" in API group "keda.sh" in '
        'the namespace "x"'
    )


def test_a_role_grants_what_it_names_and_no_more(world: World) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"], "verbs": ["get", "patch"]},
    ]
    for name in ("mine", "other"):
        world.make("secrets", name)
    world.grant("sre", rules)
    eventually(lambda: world.ask("GET", world.path("pods"), user="sre")[0] == 200)
    world.ok("PATCH", world.path("secrets", "mine"), {"stringData": {"a": "1"}}, patch="merge", user="sre")
    assert 'secrets "other" is forbidden' in _denied(world, "GET", world.path("secrets", "other"))
    assert "cannot list resource" in _denied(world, "GET", world.path("secrets"))
    assert "cannot watch resource" in _denied(world, "GET", f"{world.path('pods')}?watch=true")
    assert 'in the namespace "default"' in _denied(world, "GET", world.path("pods", namespace="default"))


def test_reviews_tell_the_truth(world: World) -> None:
    world.grant("sre", [{"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["*"]}])
    eventually(lambda: _allowed(world, "sre", namespace=world.namespace, **SCALE))
    assert not _allowed(world, "sre", namespace="default", **SCALE)
    assert not _allowed(world, "sre", namespace=world.namespace, group="apps", resource="deployments", verb="patch")
    assert _allowed(world, "admin", resource="nodes", verb="delete")
    body = {"spec": {"namespace": world.namespace}}
    rules = world.ok("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body, user="sre")["status"]
    assert {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*/scale"]} in rules["resourceRules"]
    assert rules["incomplete"] is False


def test_who_would_grant_more_than_he_has_is_refused(world: World) -> None:
    """helm as a deployer creates the chart's Roles: it must hold their rights itself, or `escalate`."""
    group = "rbac.authorization.k8s.io"
    world.grant("sre", [{"apiGroups": [group], "resources": ["roles"], "verbs": ["create", "get"]}])
    where = world.path(f"{group}/v1/roles")
    role = {
        "metadata": {"name": "pod-launcher"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}],
    }
    eventually(lambda: world.ask("GET", f"{where}/granted", user="sre")[0] == 200)
    message = _denied(world, "POST", where, role)
    assert message == (
        f'roles.{group} "pod-launcher" is forbidden: user "sre" (groups=["oncall" "system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["create"]}'
    )


def test_whoever_changes_a_role_must_hold_all_that_it_grants(world: World) -> None:
    """By whatever kind of patch, and also where the rules stay: only what the garbage collector reads is free."""
    group = "rbac.authorization.k8s.io"
    held = {"apiGroups": [group], "resources": ["roles"], "verbs": ["get", "patch", "update"]}
    more = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
    world.grant("sre", [held])
    where = world.path(f"{group}/v1/roles", "pod-launcher")
    made = world.make(f"{group}/v1/roles", "pod-launcher", {"rules": [held]})
    eventually(lambda: world.ask("GET", where, user="sre")[0] == 200)
    words = f'roles.{group} "pod-launcher" is forbidden: user "sre" (groups=["oncall" "system:authenticated"]) is '
    words += "attempting to grant RBAC permissions not currently held:\n"
    words += '{APIGroups:[""], Resources:["pods"], Verbs:["create"]}'
    whole = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "pod-launcher"}, "rules": [more]}
    query = {"fieldManager": "sre", "force": "true"}
    for patch, body in (
        ("merge", {"rules": [more]}),
        ("strategic", {"rules": [held, more]}),
        ("json", [{"op": "add", "path": "/rules/1", "value": more}]),
        ("apply", whole),
    ):
        assert _denied(world, "PATCH", where, body, patch=patch, query=query if patch == "apply" else None) == words
    assert _denied(world, "PUT", where, {**made, "rules": [more]}) == words
    label = {"metadata": {"labels": {"a": "b"}}}
    world.ok("PATCH", where, label, patch="merge", user="sre")
    world.ok("PATCH", where, {"rules": [more]}, patch="merge")
    assert _denied(world, "PATCH", where, {"metadata": {"labels": {"a": "c"}}}, patch="merge") == words
    free = {"metadata": {"finalizers": ["example.com/wait"]}}
    world.ok("PATCH", where, free, patch="merge", user="sre")
    world.ok("PATCH", where, {"metadata": {"finalizers": None}}, patch="merge", user="sre")


@pytest.mark.parametrize("token", ["no-such-token", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"])
def test_a_wrong_token_is_nobody(world: World, token: str) -> None:
    code, answer = world.ask("GET", world.path("pods"), token=token)
    assert (code, answer["reason"], answer["message"]) == (401, "Unauthorized", "Unauthorized")


def test_a_token_that_has_expired_is_nobody_too(world: World) -> None:
    eventually(lambda: world.ask("GET", world.path("serviceaccounts", "default"))[0] == 200)
    token = world.backend.brief_token(world.namespace, 4)
    began = time.monotonic()
    code, answer = world.ask("GET", world.path("pods"), token=token)
    assert code == 403, "known, without rights"
    assert f'User "system:serviceaccount:{world.namespace}:default" cannot list' in answer["message"]
    ended = eventually(lambda: world.ask("GET", world.path("pods"), token=token)[0] == 401, 30)
    assert ended
    assert time.monotonic() - began > 1
    assert world.ask("GET", world.path("pods"), token=token)[1]["message"] == "Unauthorized"


def test_without_a_token_one_is_anonymous(world: World) -> None:
    assert world.ok("GET", "/version", token="")["major"] == "1"
    code, answer = world.ask("GET", world.path("pods"), token="")
    assert code == 403
    assert answer["message"].startswith('pods is forbidden: User "system:anonymous" cannot list resource "pods"')


def test_a_custom_resource_that_is_not_installed_is_a_bare_404(world: World) -> None:
    client = world.client("token-of-the-admin")
    answer = client.get(f"/apis/keda.sh/v1alpha1/namespaces/{world.namespace}/scaledobjects")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
