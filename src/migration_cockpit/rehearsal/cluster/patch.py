"""JSON patch (RFC 6902), JSON merge patch (RFC 7386) and Kubernetes' strategic merge patch."""

from __future__ import annotations

import copy
from typing import Any

from migration_cockpit.rehearsal.merge_keys import merge_key

from .errors import ApiError

Obj = dict[str, Any]

_PRIMITIVE_MERGE = {"finalizers"}


def json_patch(target: Any, operations: list[Obj]) -> Any:
    """RFC 6902. Raises ApiError 422 for a path that is not there or a test that does not hold."""
    document = copy.deepcopy(target)
    for operation in operations:
        document = _operate(document, operation)
    return document


def _steps(pointer: str) -> list[str]:
    if pointer == "":
        return []
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _refuse(message: str) -> ApiError:
    # The real server keeps the cause to itself; it is in the exception for whoever reads the rehearsal's log.
    refusal = ApiError(422, "the server rejected our request due to an error in our request", "Invalid")
    refusal.add_note(message)
    return refusal


def _read(document: Any, pointer: str) -> Any:
    value = document
    for step in _steps(pointer):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise _refuse(f"missing path: {pointer}") from None
    return value


def _operate(document: Any, operation: Obj) -> Any:
    kind, path = operation.get("op"), str(operation.get("path", ""))
    if kind == "test":
        if _read(document, path) != operation.get("value"):
            raise _refuse(f"testing value {path} failed")
        return document
    if kind == "add":
        return _insert(document, path, copy.deepcopy(operation["value"]))
    if kind == "remove":
        return _drop(document, path)
    if kind == "replace":
        _read(document, path)
        return _insert(document, path, copy.deepcopy(operation["value"]), replace=True)
    if kind in ("move", "copy"):
        value = copy.deepcopy(_read(document, operation["from"]))
        document = _drop(document, operation["from"]) if kind == "move" else document
        return _insert(document, path, value)
    raise _refuse(f"unexpected kind: {kind}")


def _insert(document: Any, path: str, value: Any, *, replace: bool = False) -> Any:
    steps = _steps(path)
    if not steps:
        return value
    parent = _read(document, "/" + "/".join(path.split("/")[1:-1]) if len(steps) > 1 else "")
    last = steps[-1]
    if isinstance(parent, list):
        index = len(parent) if last == "-" else int(last)
        if index > len(parent):
            raise _refuse(f"index out of bounds: {path}")
        if replace:
            parent[index] = value
        else:
            parent.insert(index, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise _refuse(f"missing path: {path}")
    return document


def _drop(document: Any, path: str) -> Any:
    _read(document, path)
    steps = _steps(path)
    parent = _read(document, "/" + "/".join(path.split("/")[1:-1]) if len(steps) > 1 else "")
    if isinstance(parent, list):
        parent.pop(int(steps[-1]))
    else:
        parent.pop(steps[-1])
    return document


def merge_patch(target: Any, change: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_patch(target: Any, change: Any, path: tuple[str, ...] = ()) -> Any:
    """Strategic merge: like merge patch, but the lists of the API types merge by their key.

    Knows the directives `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/x` and
    `$setElementOrder/x`.
    """
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    if change.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in change.items() if key != "$patch"}
    if change.get("$patch") == "delete":
        return {}
    result: Obj = dict(target) if isinstance(target, dict) else {}
    if (kept := change.get("$retainKeys")) is not None:
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in change.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [item for item in result.get(field) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            order = change.get(f"$setElementOrder/{key}")
            result[key] = _merge_list(result.get(key) or [], value, order, (*path, key))
        else:
            result[key] = strategic_patch(result.get(key), value, (*path, key))
    for key, order in change.items():
        field = key.partition("/")[2]
        if key.startswith("$setElementOrder/") and field not in change and isinstance(result.get(field), list):
            result[field] = _ordered(result[field], order, merge_key(path, field))
    return result


def _merge_list(old: list[Any], new: list[Any], order: list[Any] | None, path: tuple[str, ...]) -> list[Any]:
    field = path[-1]
    if field in _PRIMITIVE_MERGE:
        merged = [*old, *(item for item in new if item not in old)]
        return _ordered(merged, order, None) if order else merged
    key = merge_key(path[:-1], field)
    if key is None or any(not isinstance(item, dict) for item in [*old, *new]):
        return copy.deepcopy(new)
    if any(item.get("$patch") == "replace" for item in new):
        return [copy.deepcopy(item) for item in new if item.get("$patch") != "replace"]
    result = list(old)
    fresh: list[Any] = []
    for item in new:
        wanted = item.get(key)
        if wanted is None:
            raise ApiError(400, f"map: {item} does not contain declared merge key: {key}")
        index = next((i for i, existing in enumerate(result) if existing.get(key) == wanted), None)
        if item.get("$patch") == "delete":
            result = [existing for existing in result if existing.get(key) != wanted]
        elif index is None:
            fresh.append(strategic_patch({}, item, path))
        else:
            result[index] = strategic_patch(result[index], item, path)
    result = [*result, *fresh]
    return _ordered(result, order, key) if order else result


def _ordered(items: list[Any], order: list[Any], key: str | None) -> list[Any]:
    """`items` in the order named by `$setElementOrder`, the ones it does not name behind."""
    if key is None:
        ranks = {item: index for index, item in enumerate(order)}
        return sorted(items, key=lambda item: ranks.get(item, len(ranks)))
    ranks = {item.get(key): index for index, item in enumerate(order)}
    return sorted(items, key=lambda item: ranks.get(item.get(key), len(ranks)))
