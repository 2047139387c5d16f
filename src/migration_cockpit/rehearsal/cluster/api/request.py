"""What a request asks for: the path and the query of the Kubernetes API, taken apart once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ApiError, bad_request
from ..rbac import Ask

if TYPE_CHECKING:
    from multidict import MultiMapping

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Target:
    """A resource request: `/apis/<group>/<version>/namespaces/<ns>/<resource>/<name>/<subresource>`."""

    group: str
    version: str
    resource: str
    namespace: str
    name: str
    subresource: str
    verb: str

    def ask(self) -> Ask:
        """The question to put to the authorizer."""
        return Ask(self.verb, self.group, self.resource, self.subresource, self.namespace, self.name)


def parse_target(method: str, path: str, query: MultiMapping[str]) -> Target | None:
    """The resource that a path names; None for discovery and other non-resource paths."""
    steps = path.strip("/").split("/")
    if steps[0] == "api" and len(steps) >= 3:
        group, version, rest = "", steps[1], steps[2:]
    elif steps[0] == "apis" and len(steps) >= 4:
        group, version, rest = steps[1], steps[2], steps[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "watch":
        return None
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3 and rest[2] != "proxy":
        return None
    resource, name, subresource = (*rest[:3], "", "")[:3]
    if resource == "namespaces":
        namespace = name
    return Target(group, version, resource, namespace, name, subresource, _verb(method, name, query))


def _verb(method: str, name: str, query: MultiMapping[str]) -> str:
    verb = _VERBS.get(method, method.lower())
    if verb == "get" and not name:
        return "watch" if flag(query, "watch") else "list"
    if verb == "get" and flag(query, "watch"):
        return "watch"
    if verb == "delete" and not name:
        return "deletecollection"
    return verb


def flag(query: MultiMapping[str], name: str) -> bool:
    """A boolean query parameter, as Go reads it; absent is false."""
    return query.get(name, "").lower() in ("1", "true", "t")


def whole(query: MultiMapping[str], name: str) -> int | None:
    """An integer query parameter or None. Raises ApiError 400."""
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def dry_run(query: MultiMapping[str]) -> bool:
    """Whether `dryRun=All` is asked. Raises ApiError 422 for another value, as the real server does."""
    values = query.getall("dryRun", [])
    if not values:
        return False
    if values != ["All"]:
        raise ApiError(422, f'Invalid value: {values}: Unsupported value: "{values[0]}": supported values: "All"')
    return True
