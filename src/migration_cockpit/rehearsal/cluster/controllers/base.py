"""What controllers share: a queue of keys fed by store changes, and helpers on the pods they own."""

from __future__ import annotations

import asyncio
import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ..errors import ApiError
from ..events import Recorder
from ..objects import controller_of, is_terminating, name_of, namespace_of, owner_reference, pod_finished, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..kinds import Kind
    from ..registry import Registry
    from ..store import Change

Obj = dict[str, Any]
Key = tuple[str, str]

_RETRY_SECONDS = 1.0


class Controller(ABC):
    """Brings what is towards what is asked, one object at a time."""

    kind: Kind
    name: str

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.store = registry.store
        self.events = Recorder(registry, self.name)

    def keys(self, change: Change) -> Iterable[Key]:
        """The keys of the objects of this controller that a change may concern."""
        if change.kind is self.kind:
            return [(namespace_of(change.object), name_of(change.object))]
        owners = {self._owner(change.object)} | ({self._owner(change.previous)} if change.previous else set())
        return [key for key in owners if key is not None]

    @abstractmethod
    def sync(self, obj: Obj) -> float | None:
        """One step for `obj`; the seconds after which to look again without any change, or None."""

    def gone(self, namespace: str, name: str) -> None:  # noqa: B027 - most controllers have nothing to clear up
        """The object is no longer there."""

    def _owner(self, obj: Obj) -> Key | None:
        owner = controller_of(obj)
        if owner is None or owner["kind"] != self.kind.kind:
            return None
        return namespace_of(obj), owner["name"]

    def owned(self, kind: Kind, owner: Obj) -> list[Obj]:
        """The objects of `kind` that `owner` controls."""
        uid = uid_of(owner)
        return [
            obj
            for obj in self.store.list(kind, namespace_of(owner))
            if (reference := controller_of(obj)) is not None and reference["uid"] == uid
        ]

    def set_status(self, obj: Obj, status: Obj) -> Obj:
        """Writes `status` as the whole status of `obj`; saying the same again writes nothing."""

        def edit(fresh: Obj) -> None:
            fresh["status"] = status

        return self.registry.change(self.kind, namespace_of(obj), name_of(obj), edit, status=True)

    def change(self, kind: Kind, obj: Obj, edit: Callable[[Obj], None]) -> Obj:
        """Changes anything but the status of `obj`."""
        return self.registry.change(kind, namespace_of(obj), name_of(obj), edit)


def is_active(pod: Obj) -> bool:
    """Neither finished nor going: a pod that counts."""
    return not pod_finished(pod) and not is_terminating(pod)


def pod_from(template: Obj, owner: Obj, **metadata: Any) -> Obj:
    """A pod of `template`, controlled by `owner`; `metadata` gives its name or generateName."""
    source = template.get("metadata") or {}
    body: Obj = {
        "labels": dict(source.get("labels") or {}),
        "annotations": dict(source.get("annotations") or {}),
        "ownerReferences": [owner_reference(owner)],
        **metadata,
    }
    if not body["annotations"]:
        del body["annotations"]
    return {"metadata": body, "spec": copy.deepcopy(template["spec"])}


class Manager:
    """Runs the controllers: every change puts keys into one queue that is drained on the event loop."""

    def __init__(self, registry: Registry, controllers: list[Controller]) -> None:
        self._store = registry.store
        self._controllers = controllers
        self._pending: dict[tuple[Controller, Key], None] = {}
        self._timers: dict[tuple[Controller, Key], asyncio.TimerHandle] = {}
        self._scheduled = False
        self._stopped = False
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins to follow the store, with every object that is there already."""
        self._unsubscribe = self._store.subscribe(self._seen)
        for controller in self._controllers:
            for obj in self._store.list(controller.kind):
                self._add(controller, (namespace_of(obj), name_of(obj)))

    def stop(self) -> None:
        """Stops at once; nothing is left running."""
        self._stopped = True
        if self._unsubscribe is not None:
            self._unsubscribe()
        for timer in self._timers.values():
            timer.cancel()

    def _seen(self, change: Change) -> None:
        for controller in self._controllers:
            for key in controller.keys(change):
                self._add(controller, key)

    def _add(self, controller: Controller, key: Key) -> None:
        self._pending[(controller, key)] = None
        if not self._scheduled and not self._stopped:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._drain)

    def _drain(self) -> None:
        self._scheduled = False
        if not self._pending or self._stopped:
            return
        controller, key = next(iter(self._pending))
        del self._pending[(controller, key)]
        if self._pending:
            # One key per turn of the loop: requests and pipes are served in between.
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._drain)
        self._one(controller, key)

    def _one(self, controller: Controller, key: Key) -> None:
        if (timer := self._timers.pop((controller, key), None)) is not None:
            timer.cancel()
        obj = self._store.find(controller.kind, *key)
        if obj is None:
            controller.gone(*key)
            return
        try:
            again = controller.sync(obj)
        except ApiError:
            # Refused just now (a quota, a namespace that goes, a missing account): try again, as a work queue does.
            again = _RETRY_SECONDS
        if again is not None:
            loop = asyncio.get_running_loop()
            self._timers[(controller, key)] = loop.call_later(max(again, 0.001), self._add, controller, key)
