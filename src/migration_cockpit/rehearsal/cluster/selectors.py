"""Label and field selectors, in the string form of the API and in the object form of a spec."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import bad_request
from .kinds import Kind

Obj = dict[str, Any]
LabelTest = Callable[[dict[str, str]], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_OPERATORS = re.compile(r"^\s*([^=!\s]+)\s*(==|=|!=)\s*(\S*)\s*$")

_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
# Which fields the real server selects on, per kind, besides metadata.name and metadata.namespace.
_FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": _POD_FIELDS,
    "Event": _EVENT_FIELDS,
    "Secret": ("type",),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Service": ("spec.clusterIP", "spec.type"),
    "ReplicaSet": ("status.replicas",),
    "Job": ("status.successful",),
}


def _split(text: str) -> list[str]:
    """Splits at commas that are not inside the parentheses of a set."""
    parts, depth, current = [], 0, ""
    for char in text:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    parts.append(current)
    return [part for part in parts if part.strip()]


def _requirement(text: str) -> LabelTest:
    if match := _SET.match(text):
        key, operator, rest = match.groups()
        values = {value.strip() for value in rest.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _OPERATORS.match(text):
        key, operator, value = match.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    key = text.strip()
    if key.startswith("!"):
        absent = key[1:].strip()
        return lambda labels: absent not in labels
    if not re.fullmatch(r"[A-Za-z0-9./_-]+", key):
        raise bad_request(f"unable to parse requirement: found '{text.strip()}', expected: identifier")
    return lambda labels: key in labels


def parse_labels(text: str) -> LabelTest:
    """A `labelSelector` query string as a test on labels. Raises ApiError 400 for one that does not parse."""
    tests = [_requirement(part) for part in _split(text)]
    return lambda labels: all(test(labels) for test in tests)


def match_labels(selector: Obj | None, labels: dict[str, str]) -> bool:
    """Whether a spec's LabelSelector takes `labels`; a missing one takes nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for item in selector.get("matchExpressions") or []:
        key, values = item["key"], item.get("values") or []
        holds = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }.get(item["operator"], False)
        if not holds:
            return False
    return True


def selector_text(selector: Obj | None) -> str:
    """A LabelSelector in its string form (the scale subresource reports it so)."""
    selector = selector or {}
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for item in selector.get("matchExpressions") or []:
        values = ",".join(sorted(item.get("values") or []))
        parts.append(
            {
                "In": f"{item['key']} in ({values})",
                "NotIn": f"{item['key']} notin ({values})",
                "Exists": item["key"],
                "DoesNotExist": f"!{item['key']}",
            }[item["operator"]]
        )
    return ",".join(parts)


def _field(obj: Obj, path: str) -> str:
    if path == "reportingComponent" and "reportingComponent" not in obj:
        path = "source.component"
    if path == "source":
        return str((obj.get("source") or {}).get("component", obj.get("reportingComponent", "")))
    if path == "status.successful":
        path = "status.succeeded"
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return {"spec.unschedulable": "false", "status.replicas": "0", "status.succeeded": "0"}.get(path, "")
    return str(value)


def parse_fields(kind: Kind, text: str) -> Callable[[Obj], bool]:
    """A `fieldSelector` as a test on objects. Raises ApiError 400 for a field the real server does not select on."""
    allowed = ("metadata.name", "metadata.namespace", *_FIELDS.get(kind.kind, ()))
    tests: list[tuple[str, str, bool]] = []
    for part in _split(text):
        match = _OPERATORS.match(part)
        if match is None:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        path, operator, value = match.groups()
        if path not in allowed:
            if kind.custom:
                raise bad_request(f"field label not supported: {path}")
            known = f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            raise bad_request(known if kind.kind not in _FIELDS else f"field label not supported: {path}")
        tests.append((path, value, operator != "!="))
    return lambda obj: all((_field(obj, path) == value) is wanted for path, value, wanted in tests)
