"""The small controllers: default service accounts, claims that bind at once, disruption budgets, quota usage."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

from ..kinds import NAMESPACES, PDBS, PODS, PVCS, RESOURCEQUOTAS, SERVICEACCOUNTS
from ..objects import is_terminating, is_true, labels_of, name_of, namespace_of, pod_finished, uid_of
from ..selectors import match_labels
from .base import Controller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..store import Change
    from .base import Key

Obj = dict[str, Any]


class Accounts(Controller):
    """Gives each namespace its `default` service account."""

    kind = NAMESPACES
    name = "serviceaccount-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        """Namespaces, and the accounts in them."""
        if change.kind is NAMESPACES:
            return [("", name_of(change.object))]
        return [("", namespace_of(change.object))] if change.kind is SERVICEACCOUNTS else []

    def sync(self, obj: Obj) -> float | None:
        """Makes the account when it is missing."""
        if not is_terminating(obj) and self.store.find(SERVICEACCOUNTS, name_of(obj), "default") is None:
            self.registry.create(SERVICEACCOUNTS, {"metadata": {"name": "default"}}, name_of(obj))
        return None


class Claims(Controller):
    """Binds every claim: the one node has room for all."""

    kind = PVCS
    name = "persistentvolume-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        """Claims only."""
        return [(namespace_of(change.object), name_of(change.object))] if change.kind is PVCS else []

    def sync(self, obj: Obj) -> float | None:
        """Binds to a volume of the claim's own name."""
        if (obj.get("status") or {}).get("phase") == "Bound":
            return None
        spec = obj["spec"]
        if not spec.get("volumeName"):

            def bind(fresh: Obj) -> None:
                fresh["spec"]["volumeName"] = f"pvc-{uid_of(obj)}"
                fresh["spec"].setdefault("storageClassName", "standard")

            obj = self.change(PVCS, obj, bind)
        capacity = (spec.get("resources") or {}).get("requests") or {}
        status = {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": capacity}
        self.set_status(obj, status)
        return None


class Budgets(Controller):
    """Reports how many disruptions each PodDisruptionBudget allows now."""

    kind = PDBS
    name = "disruption-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        """A pod concerns every budget of its namespace."""
        if change.kind is PDBS:
            return [(namespace_of(change.object), name_of(change.object))]
        if change.kind is not PODS:
            return []
        return [(namespace_of(item), name_of(item)) for item in self.store.list(PDBS, namespace_of(change.object))]

    def sync(self, obj: Obj) -> float | None:
        """Counts healthy pods against what the budget wants."""
        pods = [
            pod
            for pod in self.store.list(PODS, namespace_of(obj))
            if match_labels(obj["spec"].get("selector"), labels_of(pod)) and not pod_finished(pod)
        ]
        healthy = sum(is_true(pod, "Ready") and not is_terminating(pod) for pod in pods)
        if "maxUnavailable" in obj["spec"]:
            desired = len(pods) - _share(obj["spec"]["maxUnavailable"], len(pods))
        else:
            desired = _share(obj["spec"].get("minAvailable", 1), len(pods))
        status = copy.deepcopy(obj.get("status") or {})
        status.update(
            currentHealthy=healthy,
            desiredHealthy=max(desired, 0),
            expectedPods=len(pods),
            disruptionsAllowed=max(healthy - max(desired, 0), 0),
            observedGeneration=obj["metadata"]["generation"],
        )
        self.set_status(obj, status)
        return None


class Quotas(Controller):
    """Reports how many objects a ResourceQuota's namespace uses (counts only; cpu and memory are not metered)."""

    kind = RESOURCEQUOTAS
    name = "resourcequota-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        """A pod concerns every quota of its namespace."""
        if change.kind is RESOURCEQUOTAS:
            return [(namespace_of(change.object), name_of(change.object))]
        if change.kind is not PODS:
            return []
        quotas = self.store.list(RESOURCEQUOTAS, namespace_of(change.object))
        return [(namespace_of(item), name_of(item)) for item in quotas]

    def sync(self, obj: Obj) -> float | None:
        """Writes hard limits and present use."""
        hard = obj["spec"].get("hard") or {}
        pods = [pod for pod in self.store.list(PODS, namespace_of(obj)) if not pod_finished(pod)]
        used = {key: str(len(pods)) if key in ("pods", "count/pods") else "0" for key in hard}
        self.set_status(obj, {"hard": dict(hard), "used": used})
        return None


def _share(value: int | str, total: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(int(value[:-1]) * total / 100)
    return int(value)
