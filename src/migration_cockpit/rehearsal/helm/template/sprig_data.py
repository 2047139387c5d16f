"""Sprig's functions on lists, maps, numbers and types, and the conversions to and from JSON and YAML."""

from __future__ import annotations

import copy
import json
import math
import re
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.helm.template import yamlish
from migration_cockpit.rehearsal.helm.template.builtins import truth
from migration_cockpit.rehearsal.helm.template.errors import FunctionError
from migration_cockpit.rehearsal.helm.template.registry import Registry, go_type
from migration_cockpit.rehearsal.helm.template.sprig_text import strval

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration_cockpit.rehearsal.helm.template.nodes import Value

registry = Registry()
add = registry.add


def _simple(signature: str, call: Callable[..., Value], *names: str) -> None:
    add(signature, *names)(call)


# -- defaults and choice


def _default(fallback: Value, *given: Value) -> Value:
    return given[0] if given and truth(given[0]) else fallback


_simple("aa*", _default, "default")
_simple("a", lambda value: not truth(value), "empty")
_simple("a*", lambda *values: next((value for value in values if truth(value)), None), "coalesce")
_simple("aab", lambda yes, no, test: yes if test else no, "ternary")
_simple("a*", lambda *values: all(truth(value) for value in values), "all")
_simple("a*", lambda *values: any(truth(value) for value in values), "any")

# -- numbers


def to_int(value: Value) -> int:
    """Sprig's lenient conversion to a whole number: what is none becomes 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value, 0) if not re.fullmatch(r"0\d+", value) else int(value)
        except ValueError:
            return int(to_float(value))
    return 0


def to_float(value: Value) -> float:
    """Sprig's lenient conversion to a float: what is none becomes 0."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _fold(call: Callable[[int, int], int]) -> Callable[..., int]:
    def fold(*values: Value) -> int:
        total = to_int(values[0])
        for value in values[1:]:
            total = call(total, to_int(value))
        return total

    return fold


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise FunctionError("runtime error: integer divide by zero")
    return math.trunc(left / right) if abs(left) < 2**52 else abs(left) // abs(right) * (1 if left * right > 0 else -1)


_simple("a", to_int, "int", "int64", "atoi")
_simple("a", to_float, "float64")
_simple("aa*", _fold(lambda a, b: a + b), "add")
_simple("aa*", _fold(lambda a, b: a * b), "mul")
_simple("aa*", _fold(max), "max", "biggest")
_simple("aa*", _fold(min), "min")
_simple("a", lambda a: to_int(a) + 1, "add1")
_simple("aa", lambda a, b: to_int(a) - to_int(b), "sub")
_simple("aa", lambda a, b: _divide(to_int(a), to_int(b)), "div")
_simple("aa", lambda a, b: to_int(a) - _divide(to_int(a), to_int(b)) * to_int(b), "mod")
_simple("aa", lambda a, b: to_float(a) + to_float(b), "addf")
_simple("aa", lambda a, b: to_float(a) * to_float(b), "mulf")
_simple("a", lambda a: float(math.floor(to_float(a))), "floor")
_simple("a", lambda a: float(math.ceil(to_float(a))), "ceil")
_simple("ai", lambda a, digits: math.floor(to_float(a) * 10**digits + 0.5) / 10**digits, "round")
_simple("i", lambda count: list(range(count)), "until")
_simple("iii", lambda start, stop, step: list(range(start, stop, step)) if step else [], "untilStep")

# -- lists


def _as_list(name: str, value: Value) -> list[Value]:
    if not isinstance(value, list):
        kind = "<nil>" if value is None else go_type(value)
        raise FunctionError(f"Cannot {name} on type {kind}")
    return value


def _unique(values: list[Value]) -> list[Value]:
    seen: list[Value] = []
    for value in values:
        if value not in seen:
            seen.append(value)
    return seen


def _has(item: Value, values: Value) -> bool:
    return values is not None and any(type(item) is type(value) and item == value for value in _as_list("find", values))


_simple("a*", lambda *values: list(values), "list", "tuple")
_simple("a", lambda values: next(iter(_as_list("find first", values)), None), "first", "mustFirst")
_simple("a", lambda values: _as_list("find rest", values)[1:], "rest", "mustRest")
_simple("a", lambda values: next(reversed(_as_list("find last", values)), None), "last", "mustLast")
_simple("a", lambda values: _as_list("find initial", values)[:-1], "initial", "mustInitial")
_simple("aa", lambda values, item: [*_as_list("push", values), item], "append", "push", "mustAppend", "mustPush")
_simple("aa", lambda values, item: [item, *_as_list("prepend", values)], "prepend", "mustPrepend")
_simple("a*", lambda *lists: [item for values in lists for item in _as_list("concat", values)], "concat")
_simple("a", lambda values: list(reversed(_as_list("find reverse", values))), "reverse", "mustReverse")
_simple("a", lambda values: _unique(_as_list("find uniq", values)), "uniq", "mustUniq")
_simple("a", lambda values: [item for item in _as_list("compact", values) if truth(item)], "compact", "mustCompact")
_simple("aa*", lambda values, *drop: [item for item in _as_list("find without", values) if item not in drop], "without")
_simple("aa", _has, "has", "mustHas")

# -- maps


@add("a*", "dict")
def _dict(*pairs: Value) -> dict[str, Value]:
    padded = [*pairs, ""] if len(pairs) % 2 else list(pairs)
    return {strval(padded[i]): padded[i + 1] for i in range(0, len(padded), 2)}


@add("msa", "set")
def _set(target: dict[str, Value], key: str, value: Value) -> dict[str, Value]:
    target[key] = value
    return target


@add("ms", "unset")
def _unset(target: dict[str, Value], key: str) -> dict[str, Value]:
    target.pop(key, None)
    return target


@add("a*", "dig")
def _dig(*args: Value) -> Value:
    *path, fallback, target = args
    for key in path:
        if not isinstance(target, dict) or key not in target:
            return fallback
        target = target[key]
    return target


def _merge_into(target: dict[str, Value], source: dict[str, Value], overwrite: bool) -> None:
    """mergo's rule: an empty value of the target counts as missing."""
    for key, value in source.items():
        present = target.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge_into(present, value, overwrite)
        elif overwrite or key not in target or not truth(present):
            target[key] = copy.deepcopy(value)


def _merge(overwrite: bool) -> Callable[..., dict[str, Value]]:
    def merge(target: dict[str, Value], *sources: Value) -> dict[str, Value]:
        for source in sources:
            _merge_into(target, source or {}, overwrite)
        return target

    return merge


_simple("ms", lambda target, key: target.get(key, ""), "get")
_simple("ms", lambda target, key: key in target, "hasKey")
_simple("m*", lambda *maps: [key for target in maps for key in target], "keys")
_simple("m", lambda target: list(target.values()), "values")
_simple("mm*", _merge(overwrite=False), "merge", "mustMerge")
_simple("mm*", _merge(overwrite=True), "mergeOverwrite", "mustMergeOverwrite")
_simple("sm*", lambda key, *maps: [target[key] for target in maps if key in target], "pluck")
_simple("a", copy.deepcopy, "deepCopy", "mustDeepCopy")
_simple("aa", lambda left, right: bool(left == right and go_type(left) == go_type(right)), "deepEqual")


@add("ms*", "pick")
def _pick(target: dict[str, Value], *keys: str) -> dict[str, Value]:
    return {key: target[key] for key in keys if key in target}


@add("ms*", "omit")
def _omit(target: dict[str, Value], *keys: str) -> dict[str, Value]:
    return {key: value for key, value in target.items() if key not in keys}


# -- types

_KINDS = {dict: "map", list: "slice", str: "string", bool: "bool", int: "int", float: "float64", type(None): "invalid"}


def _kind(value: Value) -> str:
    return _KINDS.get(type(value), "struct")


_simple("a", _kind, "kindOf")
_simple("sa", lambda kind, value: _kind(value) == kind, "kindIs")
_simple("a", lambda value: "<nil>" if value is None else go_type(value), "typeOf")
_simple("sa", lambda name, value: ("<nil>" if value is None else go_type(value)) == name, "typeIs", "typeIsLike")

# -- conversions


def _json(value: Value, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(yamlish.plain(value), sort_keys=True, ensure_ascii=False, separators=separators, indent=indent)


def _html_safe(text: str) -> str:
    """Go's encoder escapes what a browser could take for markup."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _from_json(text: str, wanted: type) -> Value:
    try:
        value = yamlish.floats(json.loads(text))
    except ValueError as error:
        return {"Error": str(error)} if wanted is dict else [str(error)]
    return value


def _from_yaml(text: str, wanted: type) -> Value:
    try:
        value = yamlish.load_values(text)
    except yamlish.YamlError as error:
        message = f"error converting YAML to JSON: {error}"
        return {"Error": message} if wanted is dict else [message]
    return wanted() if value is None else value


_simple("a", lambda value: _html_safe(_json(value)), "toJson", "mustToJson")
_simple("a", _json, "toRawJson", "mustToRawJson")
_simple("a", lambda value: _html_safe(_json(value, 2)), "toPrettyJson", "mustToPrettyJson")
_simple("s", lambda text: _from_json(text, dict), "fromJson")
_simple("s", lambda text: _from_json(text, list), "fromJsonArray")
_simple("a", lambda value: yamlish.dump(value).removesuffix("\n"), "toYaml", "toYamlPretty", "mustToYaml")
_simple("s", lambda text: _from_yaml(text, dict), "fromYaml")
_simple("s", lambda text: _from_yaml(text, list), "fromYamlArray")
