"""Field ownership in the form of `metadata.managedFields` (`fieldsV1` sets), as server-side apply needs it.

A path is a tuple of steps as they are written there: `f:<field>` into an object, `k:{"name":"x"}` to a list item by its
merge key, `v:<json>` to a value of a set. A field set is the set of the paths of its leaves.
"""

from __future__ import annotations

import json
from typing import Any

from migration_cockpit.rehearsal.merge_keys import merge_key

from .kinds import Kind
from .objects import stamp

Obj = dict[str, Any]
Path = tuple[str, ...]

# What the server writes itself is nobody's.
_UNOWNED_METADATA = {
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "managedFields", "selfLink", "generateName",
}  # fmt: skip


def leaves(kind: Kind, obj: Obj) -> dict[Path, Any]:
    """Every owned leaf of an object with its value."""
    found: dict[Path, Any] = {}
    for key, value in obj.items():
        if key in ("apiVersion", "kind"):
            continue
        if key == "metadata":
            owned = {name: item for name, item in value.items() if name not in _UNOWNED_METADATA}
            if owned:
                _walk(owned, ("f:metadata",), ("metadata",), found, custom=kind.custom)
        else:
            _walk(value, (f"f:{key}",), (key,), found, custom=kind.custom)
    return found


def _walk(value: Any, path: Path, fields: tuple[str, ...], found: dict[Path, Any], *, custom: bool) -> None:
    if isinstance(value, dict) and value and not _is_atomic(fields):
        for key, item in value.items():
            _walk(item, (*path, f"f:{key}"), (*fields, key), found, custom=custom)
        return
    key = None if custom else merge_key(fields[:-1], fields[-1])
    if isinstance(value, list) and value and key and all(isinstance(item, dict) and key in item for item in value):
        for item in value:
            step = "k:" + json.dumps({key: item[key]}, separators=(",", ":"))
            # The item itself is a leaf too: an applier that names only the key owns the item's being there.
            found[(*path, step)] = item[key]
            for name, inner in item.items():
                _walk(inner, (*path, step, f"f:{name}"), (*fields, name), found, custom=custom)
        return
    if isinstance(value, list) and fields[-1] == "finalizers" and not custom:
        for item in value:
            found[(*path, "v:" + json.dumps(item))] = item
        return
    found[path] = value


def _is_atomic(fields: tuple[str, ...]) -> bool:
    """Maps that are replaced as a whole: selectors of labels are one value."""
    return (
        fields[-1] in ("selector", "nodeSelector", "fieldRef", "secretKeyRef", "configMapKeyRef")
        and "matchLabels" not in fields
    )


def encode(paths: set[Path]) -> Obj:
    """A field set as `fieldsV1`."""
    tree: Obj = {}
    for path in sorted(paths):
        here = tree
        for step in path:
            here = here.setdefault(step, {})
        if path[-1].startswith("k:"):
            here.setdefault(".", {})
    return tree


def decode(tree: Obj) -> set[Path]:
    """The paths in a `fieldsV1`."""
    found: set[Path] = set()

    def walk(here: Obj, path: Path) -> None:
        if path and (not here or "." in here):
            found.add(path)
        for step, inner in here.items():
            if step != ".":
                walk(inner, (*path, step))

    walk(tree, ())
    return found


def entries(obj: Obj) -> list[Obj]:
    """The managedFields entries of an object."""
    return list(obj.get("metadata", {}).get("managedFields") or [])


def entry(kind: Kind, manager: str, operation: str, subresource: str, paths: set[Path]) -> Obj:
    """One managedFields entry."""
    body: Obj = {
        "manager": manager,
        "operation": operation,
        "apiVersion": kind.api_version,
        "time": stamp(),
        "fieldsType": "FieldsV1",
        "fieldsV1": encode(paths),
    }
    if subresource:
        body["subresource"] = subresource
    return body


def is_entry(item: Obj, manager: str, operation: str, subresource: str) -> bool:
    """Whether an entry is the one of this manager, operation and subresource."""
    return (item["manager"], item["operation"], item.get("subresource", "")) == (manager, operation, subresource)


def spoken(path: Path) -> str:
    """A path as conflict messages name it: `.spec.replicas`, `.spec.template.spec.containers[name="x"].image`."""
    text = ""
    for step in path:
        kind, _, rest = step.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            pairs = ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items())
            text += f"[{pairs}]"
        else:
            text += f"[={rest}]"
    return text


def remove(obj: Obj, path: Path) -> None:
    """Takes a leaf out of an object, in place; empty parents stay. A leaf that is not there is no error."""
    here: Any = obj
    for index, step in enumerate(path):
        kind, _, rest = step.partition(":")
        last = index == len(path) - 1
        if kind == "f":
            if not isinstance(here, dict) or rest not in here:
                return
            if last:
                del here[rest]
                return
            here = here[rest]
        elif isinstance(here, list):
            wanted = json.loads(rest)
            found = next((item for item in here if _is_item(item, wanted)), None)
            if found is None:
                return
            if last:
                here.remove(found)
                return
            here = found
        else:
            return


def _is_item(item: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(item, dict):
        return all(item.get(key) == value for key, value in wanted.items())
    return bool(item == wanted)
