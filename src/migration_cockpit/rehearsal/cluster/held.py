"""Secrets that come late: kept out of the cluster for a while, whoever writes them."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

from .errors import ApiError
from .kinds import SECRETS
from .objects import name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .registry import Registry
    from .store import Change

Obj = dict[str, Any]


class HeldSecrets:
    """Takes named Secrets away, and puts the last one written back when the time is over."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._held: dict[tuple[str, str], Obj | None] = {}
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._unsubscribe: Callable[[], None] | None = None

    def hold(self, namespace: str, name: str, seconds: float | None) -> None:
        """Holds a Secret back for `seconds`, or until it is released."""
        key = (namespace, name)
        if self._unsubscribe is None:
            self._unsubscribe = self._registry.store.subscribe(self._seen)
        self._held.setdefault(key, None)
        self._take(key)
        if seconds is not None:
            self._timers[key] = asyncio.get_running_loop().call_later(seconds, self.release, namespace, name)

    def release(self, namespace: str, name: str) -> None:
        """Lets the Secret arrive."""
        key = (namespace, name)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        secret = self._held.pop(key, None)
        if secret is not None and self._registry.store.find(SECRETS, *key) is None:
            self._registry.create(SECRETS, secret, namespace)

    def stop(self) -> None:
        """Forgets everything."""
        for timer in self._timers.values():
            timer.cancel()
        if self._unsubscribe is not None:
            self._unsubscribe()

    def _seen(self, change: Change) -> None:
        key = (namespace_of(change.object), name_of(change.object))
        if change.kind is SECRETS and change.type != "DELETED" and key in self._held:
            asyncio.get_running_loop().call_soon(self._take, key)

    def _take(self, key: tuple[str, str]) -> None:
        found = self._registry.store.find(SECRETS, *key)
        if found is None or key not in self._held:
            return
        kept = copy.deepcopy(found)
        for own in ("uid", "resourceVersion", "creationTimestamp"):
            kept["metadata"].pop(own, None)
        self._held[key] = kept
        try:
            self._registry.delete(SECRETS, *key)
        except ApiError:
            self._held.pop(key)
