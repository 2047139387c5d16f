"""Garbage collection: what an owner leaves behind goes, is orphaned, or goes first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..kinds import EVENTS, NAMESPACES, Kind
from ..objects import is_terminating, name_of, namespace_of, uid_of
from ..registry import FOREGROUND, ORPHAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..registry import Registry
    from ..store import Change

Obj = dict[str, Any]


class GarbageCollector:
    """Follows ownerReferences, and empties namespaces that are being deleted."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._store = registry.store
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins to follow the store."""
        self._unsubscribe = self._store.subscribe(self._seen)

    def stop(self) -> None:
        """Stops following."""
        if self._unsubscribe is not None:
            self._unsubscribe()

    def _seen(self, change: Change) -> None:
        obj = change.object
        loop = asyncio.get_running_loop()
        if change.type == "DELETED":
            loop.call_soon(self._owner_gone, change.kind, obj)
        elif is_terminating(obj):
            loop.call_soon(self._finalize, change.kind, obj)
        elif _owners(obj) and _owners(obj) != _owners(change.previous or {}):
            loop.call_soon(self._orphan_check, change.kind, obj)

    def _dependents(self, owner: Obj) -> list[tuple[Kind, Obj]]:
        uid = uid_of(owner)
        return [
            (kind, obj)
            for kind in self._registry.catalogue.kinds()
            if kind is not EVENTS
            for obj in self._store.list(kind)
            if any(reference.get("uid") == uid for reference in obj["metadata"].get("ownerReferences") or [])
        ]

    def _owner_gone(self, kind: Kind, owner: Obj) -> None:
        for dependent_kind, obj in self._dependents(owner):
            others = [r for r in obj["metadata"]["ownerReferences"] if r.get("uid") != uid_of(owner)]
            if others:
                self._drop_reference(dependent_kind, obj, uid_of(owner))
            elif not is_terminating(obj):
                self._registry.delete(dependent_kind, namespace_of(obj), name_of(obj), propagation="Background")
        for reference in owner["metadata"].get("ownerReferences") or []:
            self._recheck(reference.get("uid", ""))
        namespace = self._store.find(NAMESPACES, "", namespace_of(owner)) if kind.namespaced else None
        if namespace is not None and is_terminating(namespace):
            self._finalize(NAMESPACES, namespace)

    def _recheck(self, uid: str) -> None:
        """An owner that waits for its dependents may be able to go now."""
        for kind in self._registry.catalogue.kinds():
            for obj in self._store.list(kind):
                if uid_of(obj) == uid and is_terminating(obj):
                    self._finalize(kind, obj)

    def _orphan_check(self, kind: Kind, obj: Obj) -> None:
        """Something whose owners are all gone, or never were, goes too; an owner of a kind that nobody serves is waited
        for."""
        current = self._store.find(kind, namespace_of(obj), name_of(obj))
        if current is None or uid_of(current) != uid_of(obj) or is_terminating(current):
            return
        try:
            gone = [reference["uid"] for reference in _owners(current) if not self._lives(current, reference)]
        except KeyError:
            return
        if len(gone) == len(_owners(current)):
            self._registry.delete(kind, namespace_of(current), name_of(current), propagation="Background")
            return
        for uid in gone:
            self._drop_reference(kind, current, uid)

    def _lives(self, obj: Obj, reference: Obj) -> bool:
        """Whether an owner is there under the very name and uid. Raises KeyError for a kind that is not served."""
        owner_kind = self._registry.catalogue.by_kind(reference["kind"], reference["apiVersion"])
        owner = self._store.find(owner_kind, namespace_of(obj) if owner_kind.namespaced else "", reference["name"])
        return owner is not None and uid_of(owner) == reference["uid"]

    def _finalize(self, kind: Kind, obj: Obj) -> None:
        current = self._store.find(kind, namespace_of(obj), name_of(obj))
        if current is None or uid_of(current) != uid_of(obj) or not is_terminating(current):
            return
        if kind is NAMESPACES:
            self._empty(current)
            return
        finalizers = current["metadata"].get("finalizers") or []
        if ORPHAN in finalizers:
            for dependent_kind, dependent in self._dependents(current):
                self._drop_reference(dependent_kind, dependent, uid_of(current))
            self._unpin(kind, current, ORPHAN)
        elif FOREGROUND in finalizers:
            blocking = False
            for dependent_kind, dependent in self._dependents(current):
                blocking = True
                if not is_terminating(dependent):
                    self._registry.delete(
                        dependent_kind, namespace_of(dependent), name_of(dependent), propagation="Foreground"
                    )
            if not blocking or not self._dependents(current):
                self._unpin(kind, current, FOREGROUND)

    def _empty(self, namespace: Obj) -> None:
        left = False
        for kind in self._registry.catalogue.kinds():
            for obj in self._store.list(kind, name_of(namespace)) if kind.namespaced else []:
                if not is_terminating(obj):
                    self._registry.delete(kind, namespace_of(obj), name_of(obj), propagation="Background")
                left = left or self._store.find(kind, namespace_of(obj), name_of(obj)) is not None
        if not left:
            self._registry.finish(NAMESPACES, namespace)

    def _drop_reference(self, kind: Kind, obj: Obj, uid: str) -> None:
        def edit(fresh: Obj) -> None:
            kept = [item for item in fresh["metadata"].get("ownerReferences") or [] if item.get("uid") != uid]
            fresh["metadata"]["ownerReferences"] = kept
            if not kept:
                del fresh["metadata"]["ownerReferences"]

        self._registry.change(kind, namespace_of(obj), name_of(obj), edit)

    def _unpin(self, kind: Kind, obj: Obj, finalizer: str) -> None:
        def edit(fresh: Obj) -> None:
            kept = [item for item in fresh["metadata"].get("finalizers") or [] if item != finalizer]
            fresh["metadata"]["finalizers"] = kept
            if not kept:
                del fresh["metadata"]["finalizers"]

        current = self._store.find(kind, namespace_of(obj), name_of(obj))
        if current is not None and uid_of(current) == uid_of(obj):
            self._registry.change(kind, namespace_of(obj), name_of(obj), edit)


def _owners(obj: Obj) -> list[Obj]:
    return list(obj.get("metadata", {}).get("ownerReferences") or [])
