"""Server-side apply: merge what a manager says, keep what others own, refuse what they own differently."""

from __future__ import annotations

import copy
from typing import Any

from . import ownership
from .errors import ApiError
from .kinds import Kind
from .ownership import Path
from .patch import merge_patch, strategic_patch

Obj = dict[str, Any]
_REPLICAS: Path = ("f:spec", "f:replicas")


class Applier:
    """Keeps who owns which field, and merges applied configurations."""

    def claim_new(self, kind: Kind, obj: Obj, manager: str) -> None:
        """Notes the creator of a new object as the owner of its fields, in place."""
        paths = _written(kind, set(ownership.leaves(kind, obj)), "")
        obj["metadata"]["managedFields"] = [ownership.entry(kind, manager, "Update", "", paths)]

    def claim_changed(self, kind: Kind, old: Obj, new: Obj, manager: str, subresource: str) -> Obj:
        """`new` with the fields that differ from `old` moved to `manager`; fields that are gone belong to nobody."""
        before, after = ownership.leaves(kind, old), ownership.leaves(kind, new)
        changed = {path for path, value in after.items() if path not in before or before[path] != value}
        gone = set(before) - set(after)
        changed, gone = (_written(kind, paths, subresource) for paths in (changed, gone))
        if not changed and not gone:
            result = copy.deepcopy(new)
            _keep(result, ownership.entries(old))
            return result
        items = _without(ownership.entries(old), changed | gone)
        owned = any(_REPLICAS in ownership.decode(item["fieldsV1"]) for item in ownership.entries(old))
        if subresource == "scale" and (not owned or not new["spec"].get("replicas")):
            # As the real server does: through /scale a count of zero belongs to nobody, for Go leaves a zero out; and
            # what nobody owns, /scale does not claim. The next server-side apply sets it again without a conflict.
            fresh = copy.deepcopy(new)
            _keep(fresh, items)
            return fresh
        return _with(kind, new, items, manager, "Update", subresource, changed)

    def apply(self, kind: Kind, old: Obj | None, applied: Obj, manager: str, *, force: bool, subresource: str) -> Obj:
        """The object after `manager` applied `applied`; what it applied before and leaves out now is removed.

        Raises ApiError 409 when others own a field of it with another value, unless `force`.
        """
        applied = copy.deepcopy(applied)
        applied.get("metadata", {}).pop("managedFields", None)
        wanted = ownership.leaves(kind, applied)
        if old is None:
            return _with(kind, applied, [], manager, "Apply", subresource, set(wanted))
        items = ownership.entries(old)
        mine = next((item for item in items if ownership.is_entry(item, manager, "Apply", subresource)), None)
        previous = ownership.decode(mine["fieldsV1"]) if mine else set()
        others = [item for item in items if item is not mine]
        live = ownership.leaves(kind, old)
        conflicts = {
            path: item
            for item in others
            for path in ownership.decode(item["fieldsV1"])
            if path in wanted and live.get(path) != wanted[path] and not path[-1].startswith("k:")
        }
        if conflicts and not force:
            raise _conflict(conflicts)
        fresh = copy.deepcopy(old)
        kept: set[Path] = set().union(*(ownership.decode(item["fieldsV1"]) for item in others)) if others else set()
        for path in sorted(previous - set(wanted) - kept, key=len):
            ownership.remove(fresh, path)
        merge = merge_patch if kind.custom else strategic_patch
        fresh = merge(fresh, applied)
        if conflicts:
            others = _without(others, set(conflicts))
        return _with(kind, fresh, others, manager, "Apply", subresource, set(wanted))


def _written(kind: Kind, paths: set[Path], subresource: str) -> set[Path]:
    """The paths that a request really writes: status only through its subresource, and nothing else through that."""
    if not kind.has_status:
        return paths
    return {path for path in paths if (path[0] == "f:status") == (subresource == "status")}


def _conflict(conflicts: dict[Path, Obj]) -> ApiError:
    causes = []
    by_manager: dict[str, list[str]] = {}
    for path, item in sorted(conflicts.items()):
        who = f'"{item["manager"]}"'
        if item.get("subresource"):
            who += f' with subresource "{item["subresource"]}"'
        if item["operation"] == "Update":
            who += f" using {item['apiVersion']}"
        by_manager.setdefault(who, []).append(ownership.spoken(path))
        causes.append(
            {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": ownership.spoken(path)}
        )
    total = len(conflicts)
    head = f"Apply failed with {total} conflict{'s' if total > 1 else ''}: "
    parts = [
        f"conflict with {who}: {fields[0]}" if len(fields) == 1 else
        f"conflicts with {who}:\n" + "\n".join(f"- {field}" for field in fields)
        for who, fields in by_manager.items()
    ]  # fmt: skip
    return ApiError(409, head + "\n".join(parts), details={"causes": causes})


def _keep(obj: Obj, items: list[Obj]) -> None:
    if items:
        obj["metadata"]["managedFields"] = items
    else:
        obj["metadata"].pop("managedFields", None)


def _without(items: list[Obj], paths: set[Path]) -> list[Obj]:
    """The entries without these paths; one that owns nothing any more is dropped."""
    kept = []
    for item in items:
        left = ownership.decode(item["fieldsV1"]) - paths
        if left:
            kept.append({**item, "fieldsV1": ownership.encode(left)})
    return kept


def _with(
    kind: Kind, obj: Obj, items: list[Obj], manager: str, operation: str, subresource: str, paths: set[Path]
) -> Obj:
    """A copy of `obj` whose ownership is `items` plus `paths` for this manager."""
    others = []
    for item in items:
        if ownership.is_entry(item, manager, operation, subresource):
            if operation == "Update":
                paths = paths | ownership.decode(item["fieldsV1"])
        else:
            others.append(item)
    fresh = copy.deepcopy(obj)
    mine = [ownership.entry(kind, manager, operation, subresource, paths)] if paths else []
    old = next((item for item in items if ownership.is_entry(item, manager, operation, subresource)), None)
    if old is not None and mine and old["fieldsV1"] == mine[0]["fieldsV1"]:
        mine = [old]
    _keep(fresh, [*others, *mine])
    return fresh
