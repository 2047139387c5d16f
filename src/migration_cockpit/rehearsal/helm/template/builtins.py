"""The functions of text/template itself: comparison, indexing, printing. `and`/`or` are done by the evaluator."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from migration_cockpit.rehearsal.helm.template.errors import FunctionError
from migration_cockpit.rehearsal.helm.template.gofmt import go_string, sprintf
from migration_cockpit.rehearsal.helm.template.registry import Registry, go_type

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.helm.template.nodes import Value

registry = Registry()
add = registry.add


def truth(value: Value) -> bool:
    """Whether a condition holds: false, 0, nil and everything of length 0 do not."""
    if isinstance(value, bool):
        return value
    if value is None or isinstance(value, int | float | str | list | dict):
        return bool(value)
    return True


@add("a", "not")
def _not(value: Value) -> bool:
    return not truth(value)


def _kind(value: Value) -> str:
    if value is None:
        return "invalid"
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float", str: "string"}.get(type(value), "")


def _equal(left: Value, right: Value) -> bool:
    kinds = _kind(left), _kind(right)
    if kinds[0] != kinds[1]:
        if "invalid" in kinds:
            return False
        raise FunctionError(f"incompatible types for comparison: {go_type(left)} and {go_type(right)}")
    if not kinds[0]:
        raise FunctionError(f"non-comparable type {go_string(left)}: {go_type(left)}")
    return bool(left == right)


@add("aa*", "eq")
def _eq(first: Value, *others: Value) -> bool:
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


@add("aa", "ne")
def _ne(left: Value, right: Value) -> bool:
    return not _equal(left, right)


def _less(left: Value, right: Value) -> bool:
    if not {_kind(left), _kind(right)} <= {"int", "float", "string"}:
        raise FunctionError("invalid type for comparison")
    if _kind(left) != _kind(right):
        raise FunctionError(f"incompatible types for comparison: {go_type(left)} and {go_type(right)}")
    return bool(left < right)


@add("aa", "lt")
def _lt(left: Value, right: Value) -> bool:
    return _less(left, right)


@add("aa", "le")
def _le(left: Value, right: Value) -> bool:
    return _less(left, right) or _equal(left, right)


@add("aa", "gt")
def _gt(left: Value, right: Value) -> bool:
    return not _le(left, right)


@add("aa", "ge")
def _ge(left: Value, right: Value) -> bool:
    return not _less(left, right)


@add("a", "len")
def _len(value: Value) -> int:
    if not isinstance(value, str | list | dict):
        raise FunctionError("len of nil pointer" if value is None else f"len of type {go_type(value)}")
    return len(value.encode()) if isinstance(value, str) else len(value)


@add("aa*", "index")
def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        if value is None:
            raise FunctionError("index of nil pointer")
        if isinstance(value, dict):
            if not isinstance(key, str):
                raise FunctionError(f"value has type {go_type(key)}; should be string")
            value = value.get(key)
        elif isinstance(value, list | str):
            if not isinstance(key, int) or not 0 <= key < len(value):
                raise FunctionError(f"index out of range: {go_string(key)}")
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise FunctionError(f"can't index item of type {go_type(value)}")
    return value


@add("ai*", "slice")
def _slice(value: Value, *bounds: int) -> Value:
    start, end = (*bounds, *(0, len(value))[len(bounds) :])[:2] if bounds else (0, len(value))
    if not 0 <= start <= end <= len(value):
        raise FunctionError(f"index out of range: {end}")
    return value[start:end]


@add("a*", "print")
def _print(*values: Value) -> str:
    parts: list[str] = []
    for index, value in enumerate(values):
        # fmt.Sprint puts a space only between two operands that are both no strings.
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            parts.append(" ")
        parts.append(go_string(value))
    return "".join(parts)


@add("a*", "println")
def _println(*values: Value) -> str:
    return " ".join(go_string(value) for value in values) + "\n"


@add("sa*", "printf")
def _printf(template: str, *values: Value) -> str:
    return sprintf(template, list(values))


@add("a*", "html")
def _html(*values: Value) -> str:
    text: str = _print(*values).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&#34;").replace("'", "&#39;")


@add("a*", "urlquery")
def _urlquery(*values: Value) -> str:
    return quote_plus(_print(*values))
