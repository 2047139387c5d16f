"""The cluster's memory: objects, one rising resourceVersion, and a window of changes that watches replay.

Stored objects are never changed in place: every write stores a new dict. So whoever holds one holds a snapshot.
Everything runs on one event loop; there are no locks.
"""

from __future__ import annotations

import copy
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from . import errors
from .kinds import Kind
from .objects import name_of, namespace_of, stamp

Obj = dict[str, Any]
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the object after it (for DELETED: its last state, at the version of the deletion) and before it."""

    rv: int
    type: ChangeType
    kind: Kind
    object: Obj
    previous: Obj | None


# Inside the class `list` is the method.
Objs = list[Obj]
Changes = list[Change]


class Store:
    """Objects by kind, namespace and name, with optimistic concurrency.

    `window` is how many changes per kind stay replayable; an older resourceVersion is Expired (410), as on a server
    whose watch cache has moved on.
    """

    def __init__(self, window: int = 4000) -> None:
        self._objects: dict[Kind, dict[tuple[str, str], Obj]] = {}
        self._history: dict[Kind, deque[Change]] = {}
        self._floor: dict[Kind, int] = {}
        self._compacted = 0
        self._watchable = 0
        self._listeners: list[Callable[[Change], None]] = []
        self._window = window
        # A real cluster is never young: clients must treat versions as opaque and not count from 1.
        self._rv = 1000

    @property
    def version(self) -> int:
        """The newest resourceVersion."""
        return self._rv

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Calls `listener` after each write, in order; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def find(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """The object, or None. Read only: copy before changing."""
        return self._objects.get(kind, {}).get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Obj:
        """The object. Raises ApiError 404."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise errors.not_found(kind.group, kind.plural, name)
        return found

    def list(self, kind: Kind, namespace: str | None = None) -> list[Obj]:
        """Objects of a kind in key order (namespace, name); None means all namespaces."""
        items = self._objects.get(kind, {})
        return [items[key] for key in sorted(items) if namespace in (None, "", key[0])]

    def snapshot(self, kind: Kind, namespace: str | None, rv: int) -> Objs:
        """The list as it was at `rv`, for the pages of one list. Raises ApiError 410 when `rv` is too old."""
        state = dict(self._objects.get(kind, {}))
        self._check_window(kind, rv)
        for change in reversed(self._history.get(kind, ())):
            if change.rv <= rv:
                break
            key = (namespace_of(change.object), name_of(change.object))
            if change.previous is None:
                state.pop(key, None)
            else:
                state[key] = change.previous
        return [state[key] for key in sorted(state) if namespace in (None, "", key[0])]

    def changes_since(self, kind: Kind, rv: int) -> Changes:
        """Changes after `rv`, oldest first. Raises ApiError 410 when some of them are forgotten."""
        self._check_window(kind, rv)
        if rv < self._watchable:
            raise errors.expired(f"too old resource version: {rv} ({self._watchable})")
        return [change for change in self._history.get(kind, ()) if change.rv > rv]

    def compact(self) -> None:
        """Forgets all history: every resourceVersion before the present one is Expired from now on."""
        self._history.clear()
        self._floor.clear()
        self._compacted = self._rv

    def forget_watches(self) -> None:
        """What a restart of the server does: watches replay from now on; the pages of a list go on."""
        self._watchable = self._rv

    def create(self, kind: Kind, obj: Obj) -> Obj:
        """Stores a new object with its creationTimestamp and version. Raises ApiError 409 for a taken name."""
        key = (namespace_of(obj), name_of(obj))
        if key in self._objects.get(kind, {}):
            raise errors.already_exists(kind.group, kind.plural, key[1])
        fresh = copy.deepcopy(obj)
        fresh["apiVersion"], fresh["kind"] = kind.api_version, kind.kind
        metadata = fresh["metadata"]
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata["creationTimestamp"] = stamp()
        for absent in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
            metadata.pop(absent, None)
        if kind.generation:
            metadata["generation"] = 1
        return self._commit(kind, key, "ADDED", fresh, None)

    def replace(self, kind: Kind, obj: Obj, *, dry_run: bool = False) -> Obj:
        """Stores the next state of an object; one that says nothing new changes nothing, not even the version.

        A `metadata.resourceVersion` in `obj` must be the stored one, else ApiError 409; without one the write is
        unconditional. With `dry_run` the next state is only returned. Raises ApiError 404.
        """
        key = (namespace_of(obj), name_of(obj))
        old = self.get(kind, *key)
        fresh = copy.deepcopy(obj)
        claimed = fresh["metadata"].get("resourceVersion")
        if claimed and claimed != old["metadata"]["resourceVersion"]:
            raise errors.conflict(kind.group, kind.plural, key[1])
        fresh["apiVersion"], fresh["kind"] = kind.api_version, kind.kind
        metadata = fresh["metadata"]
        for fixed in ("uid", "creationTimestamp", "generation", "resourceVersion"):
            if fixed in old["metadata"]:
                metadata[fixed] = old["metadata"][fixed]
        if fresh == old:
            return old
        if kind.generation and fresh.get("spec") != old.get("spec"):
            metadata["generation"] = int(old["metadata"].get("generation", 0)) + 1
        if dry_run:
            return fresh
        return self._commit(kind, key, "MODIFIED", fresh, old)

    def remove(self, kind: Kind, namespace: str, name: str) -> Obj:
        """Takes an object out. Raises ApiError 404."""
        old = self.get(kind, namespace, name)
        return self._commit(kind, (namespace, name), "DELETED", copy.deepcopy(old), old)

    def _check_window(self, kind: Kind, rv: int) -> None:
        floor = max(self._floor.get(kind, 0), self._compacted)
        if rv < floor:
            raise errors.expired(f"too old resource version: {rv} ({floor})")

    def _commit(self, kind: Kind, key: tuple[str, str], type_: ChangeType, obj: Obj, previous: Obj | None) -> Obj:
        self._rv += 1
        obj["metadata"]["resourceVersion"] = str(self._rv)
        if type_ == "DELETED":
            del self._objects[kind][key]
        else:
            self._objects.setdefault(kind, {})[key] = obj
        history = self._history.setdefault(kind, deque())
        change = Change(self._rv, type_, kind, obj, previous)
        history.append(change)
        if len(history) > self._window:
            self._floor[kind] = history.popleft().rv
        for listener in tuple(self._listeners):
            listener(change)
        return obj
