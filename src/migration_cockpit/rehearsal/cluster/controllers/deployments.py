"""Deployments: one ReplicaSet per template, rolled by maxSurge and maxUnavailable, or recreated."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

from ..kinds import DEPLOYMENTS, PODS, REPLICASETS
from ..objects import (
    annotations_of,
    controller_of,
    is_terminating,
    name_of,
    namespace_of,
    owner_reference,
    parse_time,
    short_hash,
    stamp,
    utc_now,
)
from .base import Controller
from .replicasets import put_counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..store import Change
    from .base import Key

Obj = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"


class Deployments(Controller):
    """The Deployment controller."""

    kind = DEPLOYMENTS
    name = "deployment-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        """Besides its sets, a pod's end concerns a Deployment: Recreate waits for it."""
        if change.kind is PODS and change.type == "DELETED":
            owner = controller_of(change.object)
            parent = self.store.find(REPLICASETS, namespace_of(change.object), owner["name"]) if owner else None
            key = self._owner(parent) if parent else None
            return [key] if key else []
        return super().keys(change)

    def sync(self, obj: Obj) -> float | None:
        """One step of the roll-out, then the report."""
        if is_terminating(obj):
            return None
        sets = sorted(self.owned(REPLICASETS, obj), key=_revision)
        new = next((item for item in sets if same_template(item, obj)), None)
        old = [item for item in sets if new is None or name_of(item) != name_of(new)]
        if not obj["spec"].get("paused"):
            if not self._is_resized(obj, sets):
                new = self._roll(obj, new, old)
            else:
                self._resize(obj, new, old)
            self._forget_old(obj, old)
        elif self._is_resized(obj, sets):
            self._resize(obj, new, old)
        fresh = self.store.get(DEPLOYMENTS, namespace_of(obj), name_of(obj))
        return self._report(fresh, name_of(new) if new else "")

    def _roll(self, obj: Obj, new: Obj | None, old: list[Obj]) -> Obj | None:
        if obj["spec"]["strategy"]["type"] == "Recreate":
            for item in old:
                self._scale(obj, item, 0)
            old_pods = [pod for item in old for pod in self.owned(PODS, item)]
            if any(pod.get("status", {}).get("phase") not in ("Succeeded", "Failed") for pod in old_pods):
                return new
            return self._ensure(obj, new, old, int(obj["spec"]["replicas"]))
        new = self._ensure(obj, new, old, 0)
        grown = self._grow(obj, new, [new, *old])
        if grown is not None:
            return grown
        self._shrink(obj, new, old)
        return new

    def _grow(self, obj: Obj, new: Obj, sets: list[Obj]) -> Obj | None:
        """Scales the new set towards its size; None when nothing was left to do."""
        want, have = int(obj["spec"]["replicas"]), _size(new)
        if have > want:
            return self._scale(obj, new, want)
        room = want + max_surge(obj) - sum(_size(item) for item in sets)
        step = min(room, want - have)
        return self._scale(obj, new, have + step) if step > 0 else None

    def _shrink(self, obj: Obj, new: Obj, old: list[Obj]) -> None:
        """Takes old pods away as far as enough available ones remain: unhealthy ones first, then the oldest sets."""
        least = int(obj["spec"]["replicas"]) - max_unavailable(obj)
        spare = _size(new) + sum(_size(item) for item in old) - least - (_size(new) - _available(new))
        cleaned = []
        for item in old:
            sick = min(spare, _size(item) - _available(item))
            if spare > 0 and sick > 0:
                item = self._scale(obj, item, _size(item) - sick)
                spare -= sick
            cleaned.append(item)
        extra = min(spare, _available(new) + sum(_available(item) for item in cleaned) - least)
        for item in cleaned:
            step = min(extra, _size(item))
            if step > 0:
                self._scale(obj, item, _size(item) - step)
                extra -= step

    def _is_resized(self, obj: Obj, sets: list[Obj]) -> bool:
        """Whether somebody changed the Deployment's size since the sets were last fitted to it."""
        wanted = str(obj["spec"]["replicas"])
        return any(_size(item) > 0 and annotations_of(item).get(DESIRED, wanted) != wanted for item in sets)

    def _resize(self, obj: Obj, new: Obj | None, old: list[Obj]) -> None:
        want = int(obj["spec"]["replicas"])
        active = [item for item in [*old, *([new] if new else [])] if _size(item) > 0]
        if len(active) <= 1:
            target = active[0] if active else new
            if target is not None:
                self._scale(obj, target, want)
            return
        if new is not None and _size(new) == want == _available(new):
            for item in old:
                self._scale(obj, item, 0)
            return
        # In the middle of a roll every set takes its share, the surge included; to zero means all to zero.
        allowed = want + max_surge(obj) if want else 0
        total = sum(_size(item) for item in active)
        left = allowed
        for index, item in enumerate(sorted(active, key=_size, reverse=True)):
            share = left if index == len(active) - 1 else min(left, round(_size(item) * allowed / total))
            self._scale(obj, item, share)
            left -= share

    def _ensure(self, obj: Obj, new: Obj | None, old: list[Obj], size: int) -> Obj:
        """The set of the present template, made when missing, carrying the newest revision."""
        newest = str(max((_revision(item) for item in old), default=0) + 1)
        if new is None:
            new = self._make(obj, newest, size)
        elif int(newest) > _revision(new):

            def renumber(fresh: Obj) -> None:
                fresh["metadata"].setdefault("annotations", {})[REVISION] = newest

            new = self.change(REPLICASETS, new, renumber)
        number = str(_revision(new))
        if annotations_of(obj).get(REVISION) != number:

            def note(fresh: Obj) -> None:
                fresh["metadata"].setdefault("annotations", {})[REVISION] = number

            self.change(DEPLOYMENTS, obj, note)
        return self._scale(obj, new, size) if _size(new) < size else new

    def _make(self, obj: Obj, revision: str, size: int) -> Obj:
        template = copy.deepcopy(obj["spec"]["template"])
        tag = short_hash(template)
        template["metadata"].setdefault("labels", {})[HASH] = tag
        selector = copy.deepcopy(obj["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH] = tag
        want = int(obj["spec"]["replicas"])
        if size == 0:
            size = min(want, max(want + max_surge(obj) - self._total(obj), 0))
        body = {
            "metadata": {
                "name": f"{name_of(obj)}-{tag}",
                "labels": dict(template["metadata"]["labels"]),
                "annotations": {**_passed_on(obj), REVISION: revision, **_fitted(obj)},
                "ownerReferences": [owner_reference(obj)],
            },
            "spec": {"replicas": size, "selector": selector, "template": template},
        }
        if obj["spec"].get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = obj["spec"]["minReadySeconds"]
        made = self.registry.create(REPLICASETS, body, namespace_of(obj))
        if size:
            self.events.normal(obj, "ScalingReplicaSet", f"Scaled up replica set {name_of(made)} from 0 to {size}")
        return made

    def _total(self, obj: Obj) -> int:
        return sum(_size(item) for item in self.owned(REPLICASETS, obj))

    def _scale(self, obj: Obj, item: Obj, size: int) -> Obj:
        before = _size(item)

        def edit(fresh: Obj) -> None:
            fresh["spec"]["replicas"] = size
            fresh["metadata"].setdefault("annotations", {}).update(_fitted(obj))

        result = self.change(REPLICASETS, item, edit)
        if before != size:
            way = "up" if size > before else "down"
            text = f"Scaled {way} replica set {name_of(item)} from {before} to {size}"
            self.events.normal(obj, "ScalingReplicaSet", text)
        return result

    def _forget_old(self, obj: Obj, old: list[Obj]) -> None:
        idle = [item for item in old if _size(item) == 0 and not (item.get("status") or {}).get("replicas")]
        for item in idle[: max(len(idle) - int(obj["spec"]["revisionHistoryLimit"]), 0)]:
            self.registry.delete(REPLICASETS, namespace_of(item), name_of(item))

    def _report(self, obj: Obj, new_name: str) -> float | None:
        sets = self.owned(REPLICASETS, obj)
        new = next((item for item in sets if name_of(item) == new_name), None)
        want = int(obj["spec"]["replicas"])
        available = sum(_available(item) for item in sets)
        status = copy.deepcopy(obj.get("status") or {})
        before = copy.deepcopy(status)
        total = sum(_count(item, "replicas") for item in sets)
        put_counts(
            status,
            {
                "replicas": total,
                "updatedReplicas": _count(new, "replicas") if new else 0,
                "readyReplicas": sum(_count(item, "readyReplicas") for item in sets),
                "availableReplicas": available,
                "unavailableReplicas": max(sum(_size(item) for item in sets) - available, 0),
            },
        )
        status["observedGeneration"] = obj["metadata"]["generation"]
        conditions = [item for item in status.get("conditions") or [] if item["type"] != "ReplicaFailure"]
        if available >= want - max_unavailable(obj):
            said = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        else:
            said = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        conditions = _put(conditions, "Available", *said)
        conditions, wait = _progress(obj, new, before, status, conditions)
        for item in sets:
            for failure in (item.get("status") or {}).get("conditions") or []:
                if failure["type"] == "ReplicaFailure":
                    conditions = _put(conditions, "ReplicaFailure", "True", failure["reason"], failure["message"])
        status["conditions"] = conditions
        self.set_status(obj, status)
        return wait


def _progress(
    obj: Obj, new: Obj | None, before: Obj, status: Obj, conditions: list[Obj]
) -> tuple[list[Obj], float | None]:
    """The Progressing condition, and the seconds until its deadline when it is still open."""
    want = int(obj["spec"]["replicas"])
    if new is None:
        return conditions, None
    name = f'ReplicaSet "{name_of(new)}"'
    old = next((item for item in conditions if item["type"] == "Progressing"), None)
    done = (
        status.get("updatedReplicas", 0) == want
        and status.get("replicas", 0) == want
        and status.get("availableReplicas", 0) == want
    )
    if done:
        text = f"{name} has successfully progressed."
        return _put(conditions, "Progressing", "True", "NewReplicaSetAvailable", text), None

    def stale(counts: Obj) -> int:
        return int(counts.get("replicas", 0)) - int(counts.get("updatedReplicas", 0))

    moved = (
        status.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or stale(status) < stale(before)
        or status.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or status.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )
    limit = float(obj["spec"].get("progressDeadlineSeconds") or 600)
    rolled = before.get("observedGeneration") != obj["metadata"]["generation"]
    if old is None:
        text = f'Created new replica set "{name_of(new)}"'
        return _put(conditions, "Progressing", "True", "NewReplicaSetCreated", text), limit
    if old["reason"] == "NewReplicaSetAvailable" and not rolled and not moved:
        # A finished roll-out whose pods fail later is not "progressing" again: the real controller leaves it too.
        return conditions, None
    if moved or rolled:
        others = [item for item in conditions if item["type"] != "Progressing"]
        fresh = {**old, "status": "True", "reason": "ReplicaSetUpdated", "message": f"{name} is progressing."}
        fresh["lastUpdateTime"] = stamp()
        if old["status"] != "True":
            fresh["lastTransitionTime"] = stamp()
        return [*others, fresh], limit
    left = limit - (utc_now() - parse_time(old["lastUpdateTime"])).total_seconds()
    if left > 0 or old["reason"] == "ProgressDeadlineExceeded":
        return conditions, left if left > 0 else None
    text = f"{name} has timed out progressing."
    return _put(conditions, "Progressing", "False", "ProgressDeadlineExceeded", text), None


def _put(conditions: list[Obj], kind: str, status: str, reason: str, message: str) -> list[Obj]:
    old = next((item for item in conditions if item["type"] == kind), None)
    if old is not None and (old["status"], old["reason"], old["message"]) == (status, reason, message):
        return conditions
    now = stamp()
    fresh = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": old["lastTransitionTime"] if old and old["status"] == status else now,
    }
    return [*(item for item in conditions if item["type"] != kind), fresh]


def same_template(replica_set: Obj, deployment: Obj) -> bool:
    """Whether a ReplicaSet carries the Deployment's present template."""
    template = copy.deepcopy(replica_set["spec"]["template"])
    (template["metadata"].get("labels") or {}).pop(HASH, None)
    return bool(template == deployment["spec"]["template"])


def _count(item: Obj | None, field: str) -> int:
    return int(((item or {}).get("status") or {}).get(field, 0))


def _available(item: Obj) -> int:
    return _count(item, "availableReplicas")


def _size(item: Obj) -> int:
    return int(item["spec"]["replicas"])


def _revision(item: Obj) -> int:
    return int(annotations_of(item).get(REVISION, 0))


def _fitted(obj: Obj) -> dict[str, str]:
    want = int(obj["spec"]["replicas"])
    return {DESIRED: str(want), MAXIMUM: str(want + max_surge(obj))}


def _passed_on(obj: Obj) -> dict[str, str]:
    skip = ("kubectl.kubernetes.io/last-applied-configuration", REVISION, DESIRED, MAXIMUM)
    return {key: value for key, value in annotations_of(obj).items() if key not in skip}


def _rolling(obj: Obj) -> Obj:
    return obj["spec"]["strategy"].get("rollingUpdate") or {}


def _resolve(value: int | str, total: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value)


def max_surge(obj: Obj) -> int:
    """How many pods a roll-out may have above the wanted number (a percentage rounds up)."""
    if obj["spec"]["strategy"]["type"] == "Recreate":
        return 0
    return _resolve(_rolling(obj).get("maxSurge", "25%"), int(obj["spec"]["replicas"]), up=True)


def max_unavailable(obj: Obj) -> int:
    """How many pods may be missing (a percentage rounds down; with no surge at least one, or nothing would move)."""
    want = int(obj["spec"]["replicas"])
    if obj["spec"]["strategy"]["type"] == "Recreate" or want == 0:
        return 0
    missing = _resolve(_rolling(obj).get("maxUnavailable", "25%"), want, up=False)
    if missing == 0 and max_surge(obj) == 0:
        missing = 1
    return min(missing, want)
