"""The patch that brings a live object to what a chart says now, leaving alone what others added.

This is Kubernetes' three-way strategic merge: what the last manifest had and the new one has not is removed, what the
new one says and the cluster does not is set, everything else stays. It is why an upgrade puts `replicas` back to the
chart's number, and why a foreign annotation survives.
"""

from __future__ import annotations

from migration_cockpit.rehearsal.helm.template.nodes import Value
from migration_cockpit.rehearsal.merge_keys import merge_key

Object = dict[str, Value]

# Unions: setting one member drops the others, so the patch names the keys that stay (patchStrategy retainKeys).
_RETAIN_KEYS = frozenset({"strategy", "volumes"})


def three_way(original: Object, modified: Object, current: Object) -> Object:
    """The strategic merge patch from `current`, given the manifest before (`original`) and now (`modified`).

    An empty patch means that nothing is to be done.
    """
    return _maps(_clean(original), _clean(modified), current, ())


def json_merge(original: Object, modified: Object) -> Object:
    """The JSON merge patch from one manifest to the next: what helm sends for kinds it has no types of."""
    change: Object = {key: None for key in original if key not in modified}
    for key, value in modified.items():
        before = original.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = json_merge(before, value)
            if inner:
                change[key] = inner
        elif key not in original or before != value:
            change[key] = value
    return change


def _clean(value: Value) -> Value:
    """Without keys that are null: a template that rendered nothing below a key does not mean to delete it."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _maps(original: Object, modified: Object, current: Object, path: tuple[str, ...]) -> Object:
    change: Object = {key: None for key in original if key not in modified and key in current}
    for key, value in modified.items():
        if key not in current:
            change[key] = value
            continue
        live, before = current[key], original.get(key)
        merged_by = merge_key(path, key)
        if isinstance(value, dict) and isinstance(live, dict):
            inner = _maps(before if isinstance(before, dict) else {}, value, live, (*path, key))
            if inner:
                change[key] = inner | ({"$retainKeys": sorted(value)} if key in _RETAIN_KEYS else {})
        elif isinstance(value, list) and isinstance(live, list) and merged_by:
            before_list = before if isinstance(before, list) else []
            change |= _lists(key, merged_by, (before_list, value, live), path)
        elif value != live:
            change[key] = value
    return change


def _lists(
    field: str, merged_by: str, lists: tuple[list[Object], list[Object], list[Object]], path: tuple[str, ...]
) -> Object:
    original, modified, current = (_by_key(items, merged_by) for items in lists)
    if original is None or modified is None or current is None:
        # Two elements share the key (one port as TCP and UDP): only the whole list says what is meant.
        return {field: [{"$patch": "replace"}, *lists[1]]} if lists[1] != lists[2] else {}
    items: list[Object] = []
    for key, value in modified.items():
        if key not in current:
            items.append(value)
            continue
        inner = _maps(original.get(key, {}), value, current[key], (*path, field))
        if inner:
            retain = {"$retainKeys": sorted(value)} if field in _RETAIN_KEYS else {}
            items.append({merged_by: key, **inner, **retain})
    items += [{"$patch": "delete", merged_by: key} for key in original if key not in modified and key in current]
    order = [{merged_by: key} for key in modified]
    live_order = [{merged_by: key} for key in current if key in modified]
    if not items and order == live_order:
        return {}
    change: Object = {f"$setElementOrder/{field}": order}
    return change | ({field: items} if items else {})


def _by_key(items: list[Object], merged_by: str) -> dict[Value, Object] | None:
    keyed = {item.get(merged_by): item for item in items if isinstance(item, dict)}
    return keyed if len(keyed) == len(items) and None not in keyed else None
