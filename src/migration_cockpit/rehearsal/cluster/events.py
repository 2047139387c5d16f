"""The events that kubelet and controllers record, counted up when they repeat."""

from __future__ import annotations

import time
from typing import Any

from .errors import ApiError
from .kinds import EVENTS
from .objects import name_of, namespace_of, stamp, uid_of
from .registry import Registry

Obj = dict[str, Any]


class Recorder:
    """Writes `v1.Event` objects for one component (`kubelet`, `deployment-controller`, ...)."""

    def __init__(self, registry: Registry, component: str, host: str = "") -> None:
        self._registry = registry
        self._component = component
        self._host = host
        self._known: dict[tuple[str, ...], str] = {}

    def normal(self, obj: Obj, reason: str, message: str, field: str = "") -> None:
        """Records a Normal event about `obj` (`field` names the container, as kubelet does)."""
        self._record(obj, "Normal", reason, message, field)

    def warning(self, obj: Obj, reason: str, message: str, field: str = "") -> None:
        """Records a Warning event about `obj`."""
        self._record(obj, "Warning", reason, message, field)

    def _record(self, obj: Obj, type_: str, reason: str, message: str, field: str) -> None:
        namespace = namespace_of(obj) or "default"
        key = (namespace, uid_of(obj), type_, reason, message, field)
        try:
            if not self._count_up(namespace, key):
                self._create(obj, namespace, key)
        except ApiError:
            # An event about something whose namespace is going away is lost on a real cluster too.
            self._known.pop(key, None)

    def _count_up(self, namespace: str, key: tuple[str, ...]) -> bool:
        name = self._known.get(key)
        if name is None or self._registry.store.find(EVENTS, namespace, name) is None:
            return False

        def edit(event: Obj) -> None:
            event["count"] = int(event.get("count", 1)) + 1
            event["lastTimestamp"] = stamp()

        self._registry.change(EVENTS, namespace, name, edit)
        return True

    def _create(self, obj: Obj, namespace: str, key: tuple[str, ...]) -> None:
        _, _, type_, reason, message, field = key
        involved: Obj = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": name_of(obj),
            "uid": uid_of(obj),
            "resourceVersion": obj["metadata"].get("resourceVersion", ""),
        }
        if namespace_of(obj):
            involved["namespace"] = namespace_of(obj)
        if field:
            involved["fieldPath"] = field
        source = {"component": self._component, **({"host": self._host} if self._host else {})}
        now = stamp()
        event = {
            "metadata": {"name": f"{name_of(obj)}.{time.time_ns():x}"},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type_,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
        stored = self._registry.create(EVENTS, event, namespace)
        self._known[key] = name_of(stored)
