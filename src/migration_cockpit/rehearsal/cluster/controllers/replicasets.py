"""ReplicaSets: keep as many pods as asked."""

from __future__ import annotations

import copy
from typing import Any

from ..errors import ApiError
from ..kinds import PODS, REPLICASETS
from ..objects import (
    condition,
    is_terminating,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    parse_time,
    put_condition,
    utc_now,
)
from ..selectors import match_labels
from .base import Controller, is_active, pod_from

Obj = dict[str, Any]


class ReplicaSets(Controller):
    """The ReplicaSet controller."""

    kind = REPLICASETS
    name = "replicaset-controller"

    def sync(self, obj: Obj) -> float | None:
        """Creates or deletes pods, then reports."""
        pods = [pod for pod in self.owned(PODS, obj) if is_active(pod)]
        failure = ""
        if not is_terminating(obj):
            missing = int(obj["spec"]["replicas"]) - len(pods)
            failure = self._create(obj, missing) if missing > 0 else self._delete(obj, pods, -missing)
            pods = [pod for pod in self.owned(PODS, obj) if is_active(pod)]
        wait = self._report(obj, pods, failure)
        return 1.0 if failure else wait

    def _create(self, owner: Obj, count: int) -> str:
        for _ in range(count):
            pod = pod_from(owner["spec"]["template"], owner, generateName=f"{name_of(owner)}-")
            try:
                made = self.registry.create(PODS, pod, namespace_of(owner))
            except ApiError as error:
                self.events.warning(owner, "FailedCreate", f"Error creating: {error.message}")
                return error.message
            self.events.normal(owner, "SuccessfulCreate", f"Created pod: {name_of(made)}")
        return ""

    def _delete(self, owner: Obj, pods: list[Obj], count: int) -> str:
        for pod in sorted(pods, key=_worth)[:count]:
            self.registry.delete(PODS, namespace_of(pod), name_of(pod))
            self.events.normal(owner, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        return ""

    def _report(self, obj: Obj, pods: list[Obj], failure: str) -> float | None:
        seconds = int(obj["spec"].get("minReadySeconds") or 0)
        ready = [pod for pod in pods if is_true(pod, "Ready")]
        waits = [available_in(pod, seconds) for pod in ready]
        status = copy.deepcopy(obj.get("status") or {})
        labels = obj["spec"]["template"]["metadata"].get("labels") or {}
        full = [pod for pod in pods if match_labels({"matchLabels": labels}, labels_of(pod))]
        counts = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(full),
            "readyReplicas": len(ready),
            "availableReplicas": sum(wait <= 0 for wait in waits),
        }
        put_counts(status, counts)
        status.setdefault("replicas", 0)
        status["observedGeneration"] = obj["metadata"]["generation"]
        conditions = status.get("conditions") or []
        if failure:
            conditions = put_condition(conditions, "ReplicaFailure", "True", "FailedCreate", failure)
        else:
            conditions = [item for item in conditions if item["type"] != "ReplicaFailure"]
        status.pop("conditions", None)
        if conditions:
            status["conditions"] = conditions
        self.set_status(obj, status)
        return min((wait for wait in waits if wait > 0), default=None)


def put_counts(status: Obj, counts: dict[str, int]) -> None:
    """Writes counts into a status as Go does: a zero is left out."""
    for key, value in counts.items():
        status.pop(key, None)
        if value:
            status[key] = value


def available_in(pod: Obj, min_ready_seconds: int) -> float:
    """Seconds until a Ready pod counts as available; 0 or less when it does."""
    if not min_ready_seconds:
        return 0.0
    since = parse_time((condition(pod, "Ready") or {})["lastTransitionTime"])
    return min_ready_seconds - (utc_now() - since).total_seconds()


def _worth(pod: Obj) -> tuple[bool, int, bool, int]:
    """What is deleted first: unscheduled, then not running, then not ready, then the most restarted."""
    status = pod.get("status") or {}
    phase = {"Pending": 0, "Unknown": 1, "Running": 2}.get(status.get("phase", "Pending"), 0)
    restarts = max((item["restartCount"] for item in status.get("containerStatuses") or []), default=0)
    return bool(pod["spec"].get("nodeName")), phase, is_true(pod, "Ready"), -restarts
