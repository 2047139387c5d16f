"""Access reviews: a client asks what it may do, and is told the truth by the same authorizer that will judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ApiError
from ..rbac import MASTERS, Ask, User

if TYPE_CHECKING:
    from ..rbac import Authorizer, Users

Obj = dict[str, Any]

_EVERYTHING: Obj = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def review(name: str, body: Obj, namespace: str, user: User, authorizer: Authorizer, users: Users) -> Obj:
    """The answered review of kind `name`."""
    spec = body.get("spec") or {}
    group = "authentication.k8s.io/v1" if name in ("SelfSubjectReview", "TokenReview") else "authorization.k8s.io/v1"
    answer: Obj = {"kind": name, "apiVersion": group, "metadata": {"creationTimestamp": None}, "spec": spec}
    if name == "SelfSubjectReview":
        answer.pop("spec")
        answer["status"] = {"userInfo": {"username": user.name, "groups": list(user.groups)}}
    elif name == "TokenReview":
        answer["status"] = _token(str(spec.get("token", "")), users)
    elif name == "SelfSubjectRulesReview":
        answer["status"] = _rules(authorizer, user, spec.get("namespace", ""))
    else:
        subject = user
        if not name.startswith("Self"):
            subject = User(str(spec.get("user", "")), tuple(spec.get("groups") or ()))
        answer["status"] = _access(authorizer, subject, spec, namespace)
    return answer


def _access(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    wanted = spec.get("resourceAttributes")
    if wanted is not None:
        ask = Ask(
            wanted.get("verb", ""),
            wanted.get("group", ""),
            wanted.get("resource", ""),
            wanted.get("subresource", ""),
            wanted.get("namespace", namespace),
            wanted.get("name", ""),
        )
    else:
        path = spec.get("nonResourceAttributes") or {}
        ask = Ask(path.get("verb", ""), path=path.get("path", ""))
    if authorizer.allows(user, ask):
        return {"allowed": True}
    return {"allowed": False}


def _rules(authorizer: Authorizer, user: User, namespace: str) -> Obj:
    if MASTERS in user.groups:
        resource_rules, paths = [_EVERYTHING], [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    else:
        rules = list(authorizer.rules(user, namespace))
        resource_rules = [
            {key: rule[key] for key in ("verbs", "apiGroups", "resources", "resourceNames") if rule.get(key)}
            for rule in rules
            if rule.get("resources")
        ]
        paths = [
            {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
            for rule in rules
            if rule.get("nonResourceURLs")
        ]
    return {"resourceRules": resource_rules, "nonResourceRules": paths, "incomplete": False}


def _token(token: str, users: Users) -> Obj:

    try:
        user = users.authenticate(f"Bearer {token}")
    except ApiError:
        return {"user": {}, "error": "token is not valid"}
    return {"authenticated": True, "user": {"username": user.name, "groups": list(user.groups)}}
