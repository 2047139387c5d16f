"""Who may do what: users by bearer token, and Role/ClusterRole bindings evaluated as the RBAC authorizer does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import errors
from .kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES, Kind
from .objects import utc_now
from .store import Store

Obj = dict[str, Any]

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"

# What every authenticated user may see on a real cluster (system:discovery, system:public-info-viewer), and ask
# about himself (system:basic-user).
_OPEN_PATHS = ("/healthz", "/livez", "/readyz", "/version", "/version/", "/api", "/api/*", "/apis", "/apis/*",
               "/openapi", "/openapi/*")  # fmt: skip
_PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_SELF_REVIEWS: list[Obj] = [
    {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    },
    {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
]


@dataclass(frozen=True, slots=True)
class User:
    """A caller. `expires_at` is when the token stops being one."""

    name: str
    groups: tuple[str, ...] = ()
    expires_at: datetime | None = None


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the authorizer: a resource request, or (with `path`) a non-resource one."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def target(self) -> str:
        """`pods` or `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(slots=True)
class Users:
    """The users the server knows, by token."""

    by_token: dict[str, User] = field(default_factory=dict)

    def authenticate(self, header: str | None) -> User:
        """The user of an `Authorization` header; without one, anonymous. Raises ApiError 401."""
        if not header:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        user = self.by_token.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None or (user.expires_at is not None and user.expires_at <= utc_now()):
            raise errors.unauthorized()
        return user


class Authorizer:
    """Evaluates RBAC objects of the store; `system:masters` may do everything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, user: User, ask: Ask) -> bool:
        """Whether some binding of `user` grants `ask`."""
        if MASTERS in user.groups:
            return True
        if ask.path:
            return self._allows_path(user, ask)
        return any(_rule_grants(rule, ask) for rule in self.rules(user, ask.namespace))

    def check(self, user: User, ask: Ask) -> None:
        """Raises ApiError 403 with the real server's words unless `ask` is granted."""
        if self.allows(user, ask):
            return
        if ask.path:
            raise errors.ApiError(403, f'forbidden: User "{user.name}" cannot {ask.verb} path "{ask.path}"', details={})
        where = f'in the namespace "{ask.namespace}"' if ask.namespace else "at the cluster scope"
        why = (
            f'User "{user.name}" cannot {ask.verb} resource "{ask.target}" in API group "{ask.group}" {where}'
            + self._missing_roles(user, ask.namespace)
        )
        raise errors.forbidden(ask.group, ask.resource, ask.name, why)

    def check_grant(self, user: User, kind: Kind, obj: Obj, namespace: str) -> None:
        """Raises ApiError 403 when `user` writes a role, or a binding to one, with rights that he has not himself.

        The verbs `escalate` (on roles) and `bind` (on the role that is bound) allow it all the same.
        """
        if kind in (ROLES, CLUSTERROLES):
            allowed = Ask(
                "escalate", kind.group, kind.plural, namespace=namespace, name=obj["metadata"].get("name", "")
            )
            rules = obj.get("rules") or []
        elif kind in (ROLEBINDINGS, CLUSTERROLEBINDINGS):
            reference = obj.get("roleRef") or {}
            plural = "roles" if reference.get("kind") == "Role" else "clusterroles"
            allowed = Ask("bind", kind.group, plural, namespace=namespace, name=reference.get("name", ""))
            role = self._role(obj, namespace)
            if role is None and not self.allows(user, allowed):
                raise errors.not_found(kind.group, plural, reference.get("name", ""))
            rules = (role or {}).get("rules") or []
        else:
            return
        missing = (
            [] if self.allows(user, allowed) else [rule for rule in rules if not self._holds(user, rule, namespace)]
        )
        if missing:
            groups = " ".join(f'"{group}"' for group in user.groups)
            why = (
                f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n'
                + "\n".join(sorted(_spoken(rule) for rule in missing))
            )
            raise errors.forbidden(kind.group, kind.plural, obj["metadata"].get("name", ""), why)

    def _holds(self, user: User, rule: Obj, namespace: str) -> bool:
        return all(
            self.allows(user, Ask(verb, group, *_split(resource), namespace=namespace, name=name))
            for verb in rule.get("verbs") or []
            for group in rule.get("apiGroups") or []
            for resource in rule.get("resources") or []
            for name in rule.get("resourceNames") or [""]
        )

    def rules(self, user: User, namespace: str) -> Iterator[Obj]:
        """Every rule that holds for `user` in `namespace` ('' = cluster scope)."""
        if AUTHENTICATED in user.groups:
            yield from _SELF_REVIEWS
        for binding in self._store.list(CLUSTERROLEBINDINGS):
            if _binds(binding, user):
                yield from self._role_rules(binding, "")
        if namespace:
            for binding in self._store.list(ROLEBINDINGS, namespace):
                if _binds(binding, user):
                    yield from self._role_rules(binding, namespace)

    def _allows_path(self, user: User, ask: Ask) -> bool:
        patterns = _OPEN_PATHS if AUTHENTICATED in user.groups else _PUBLIC_PATHS
        if ask.verb == "get" and _path_matches(ask.path, patterns):
            return True
        return any(
            _has(rule.get("verbs"), ask.verb) and _path_matches(ask.path, tuple(rule.get("nonResourceURLs") or ()))
            for rule in self.rules(user, "")
        )

    def _role_rules(self, binding: Obj, namespace: str) -> list[Obj]:
        role = self._role(binding, namespace)
        return list(role.get("rules") or []) if role else []

    def _role(self, binding: Obj, namespace: str) -> Obj | None:
        reference = binding.get("roleRef") or {}
        if reference.get("kind") == "Role":
            return self._store.find(ROLES, namespace, reference.get("name", ""))
        return self._store.find(CLUSTERROLES, "", reference.get("name", ""))

    def _missing_roles(self, user: User, namespace: str) -> str:
        """The tail that the real denial carries when a binding names a role that does not exist."""
        bindings = [(binding, "") for binding in self._store.list(CLUSTERROLEBINDINGS)]
        if namespace:
            bindings += [(binding, namespace) for binding in self._store.list(ROLEBINDINGS, namespace)]
        missing = [
            f'{binding["roleRef"]["kind"].lower()}.rbac.authorization.k8s.io "{binding["roleRef"]["name"]}" not found'
            for binding, scope in bindings
            if _binds(binding, user) and self._role(binding, scope) is None
        ]
        if not missing:
            return ""
        return ": RBAC: " + (missing[0] if len(missing) == 1 else "[" + ", ".join(missing) + "]")


def _split(resource: str) -> tuple[str, str]:
    name, _, sub = resource.partition("/")
    return name, sub


def _spoken(rule: Obj) -> str:
    """A rule as the refusal prints it."""

    def listed(values: list[str]) -> str:
        return "[" + ", ".join(f'"{value}"' for value in values) + "]"

    parts = [f"APIGroups:{listed(rule.get('apiGroups') or [])}", f"Resources:{listed(rule.get('resources') or [])}"]
    if names := rule.get("resourceNames"):
        parts.append(f"ResourceNames:{listed(names)}")
    return "{" + ", ".join([*parts, f"Verbs:{listed(rule.get('verbs') or [])}"]) + "}"


def _binds(binding: Obj, user: User) -> bool:
    for subject in binding.get("subjects") or []:
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name == user.name:
            return True
        if kind == "Group" and name in user.groups:
            return True
        if kind == "ServiceAccount":
            namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
            if user.name == f"system:serviceaccount:{namespace}:{name}":
                return True
    return False


def _has(values: list[str] | None, wanted: str) -> bool:
    return bool(values) and ("*" in (values or []) or wanted in (values or []))


def _rule_grants(rule: Obj, ask: Ask) -> bool:
    if not _has(rule.get("verbs"), ask.verb) or not _has(rule.get("apiGroups"), ask.group):
        return False
    resources = rule.get("resources") or []
    matches = (
        "*" in resources or ask.target in resources or (bool(ask.subresource) and f"*/{ask.subresource}" in resources)
    )
    names = rule.get("resourceNames") or []
    return matches and (not names or ask.name in names)


def _path_matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(
        pattern == "*" or path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1]))
        for pattern in patterns
    )
