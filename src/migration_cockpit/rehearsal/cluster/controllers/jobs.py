"""Jobs: pods until enough succeeded or too many failed; deadlines, suspension, time to live."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..errors import ApiError
from ..kinds import JOBS, PODS
from ..objects import (
    condition,
    controller_of,
    is_terminating,
    is_true,
    name_of,
    namespace_of,
    parse_time,
    pod_finished,
    stamp,
    uid_of,
    utc_now,
)
from .base import Controller, is_active, pod_from

if TYPE_CHECKING:
    from ..backoff import Backoff
    from ..registry import Registry

Obj = dict[str, Any]

TRACKING = "batch.kubernetes.io/job-tracking"
_MAX_POD_BACKOFF = 600.0


class Jobs(Controller):
    """The Job controller and the TTL-after-finished controller.

    A pod carries a finalizer until it has been counted, so that one deleted by hand is counted too.
    """

    kind = JOBS
    name = "job-controller"

    def __init__(self, registry: Registry, backoff: Backoff) -> None:
        super().__init__(registry)
        self._backoff = backoff

    def gone(self, namespace: str, name: str) -> None:
        """Lets go of pods that only waited to be counted."""
        for pod in self.store.list(PODS, namespace):
            owner = controller_of(pod)
            if owner and owner["kind"] == "Job" and owner["name"] == name and TRACKING in _finalizers(pod):
                job = self.store.find(JOBS, namespace, name)
                if job is None or uid_of(job) != owner["uid"]:
                    self._release(pod)

    def sync(self, obj: Obj) -> float | None:
        """Counts, decides, creates or deletes pods, reports."""
        if is_terminating(obj):
            for pod in self.owned(PODS, obj):
                self._release(pod)
            return None
        if finished(obj):
            return self._after(obj)
        status = copy.deepcopy(obj.get("status") or {})
        spec = obj["spec"]
        if not spec.get("suspend"):
            status.setdefault("startTime", stamp())
        pods = self.owned(PODS, obj)
        self._count(pods, status)
        active = [pod for pod in pods if is_active(pod)]
        verdict = self._verdict(obj, active, status)
        wait: float | None = None
        if verdict is not None:
            self._delete(obj, active)
            self._conclude(obj, verdict, status)
            active = []
        elif spec.get("suspend"):
            self._suspend(obj, active, status)
            active = []
        else:
            wait = self._fill(obj, active, pods, status)
            active = [pod for pod in self.owned(PODS, obj) if is_active(pod)]
        self._write(obj, status, active)
        # Counted and written down: only now may the pods go.
        for pod in pods:
            if pod_finished(pod) or is_terminating(pod) or verdict is not None:
                self._release(pod)
        return _sooner(wait, _deadline(spec, status))

    def _count(self, pods: list[Obj], status: Obj) -> None:
        for pod in pods:
            if TRACKING not in _finalizers(pod):
                continue
            if pod.get("status", {}).get("phase") == "Succeeded":
                status["succeeded"] = status.get("succeeded", 0) + 1
            elif pod_finished(pod) or is_terminating(pod):
                status["failed"] = status.get("failed", 0) + 1

    def _verdict(self, obj: Obj, active: list[Obj], status: Obj) -> tuple[str, str, str] | None:
        spec = obj["spec"]
        limit = int(spec["backoffLimit"])
        failed = status.get("failed", 0)
        restarts = sum(_restarts(pod) for pod in active) if _policy(spec) == "OnFailure" else 0
        if failed > limit or (restarts and restarts >= max(limit, 1)):
            return ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        left = _deadline(spec, status)
        if left is not None and left <= 0 and not spec.get("suspend"):
            return ("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
        wanted = spec.get("completions")
        succeeded = status.get("succeeded", 0)
        if (wanted is not None and succeeded >= wanted) or (wanted is None and succeeded > 0 and not active):
            return ("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        return None

    def _conclude(self, obj: Obj, verdict: tuple[str, str, str], status: Obj) -> None:
        kind, reason, message = verdict
        now = stamp()
        conditions = status.setdefault("conditions", [])
        for name in ("SuccessCriteriaMet" if kind == "Complete" else "FailureTarget", kind):
            conditions.append(
                {
                    "type": name,
                    "status": "True",
                    "lastProbeTime": now,
                    "lastTransitionTime": now,
                    "reason": reason,
                    "message": message,
                }
            )
        if kind == "Complete":
            status["completionTime"] = now
            self.events.normal(obj, "Completed", "Job completed")
        else:
            self.events.warning(obj, reason, message)

    def _suspend(self, obj: Obj, active: list[Obj], status: Obj) -> None:
        self._delete(obj, active)
        if not is_true(obj, "Suspended"):
            now = stamp()
            kept = [item for item in status.get("conditions") or [] if item["type"] != "Suspended"]
            said = {"reason": "JobSuspended", "message": "Job suspended"}
            times = {"lastProbeTime": now, "lastTransitionTime": now}
            status["conditions"] = [*kept, {"type": "Suspended", "status": "True", **times, **said}]
            status.pop("startTime", None)
            self.events.normal(obj, "Suspended", "Job suspended")

    def _fill(self, obj: Obj, active: list[Obj], pods: list[Obj], status: Obj) -> float | None:
        """Creates the pods that are missing; the seconds to wait before the next may come after a failure."""
        spec = obj["spec"]
        suspended = condition(obj, "Suspended")
        if suspended is not None and suspended["status"] == "True":
            for item in status["conditions"]:
                if item["type"] == "Suspended":
                    item.update(status="False", reason="JobResumed", message="Job resumed", lastTransitionTime=stamp())
            self.events.normal(obj, "Resumed", "Job resumed")
        completions = spec.get("completions")
        wanted = int(spec["parallelism"])
        if completions is not None:
            wanted = min(wanted, int(completions) - status.get("succeeded", 0))
        elif status.get("succeeded", 0):
            wanted = len(active)
        missing = wanted - len(active)
        if missing <= 0:
            return None
        if (wait := self._backoff_left(pods, status)) > 0:
            return wait
        for _ in range(missing):
            pod = pod_from(spec["template"], obj, generateName=f"{name_of(obj)}-", finalizers=[TRACKING])
            try:
                made = self.registry.create(PODS, pod, namespace_of(obj))
            except ApiError as error:
                self.events.warning(obj, "FailedCreate", f"Error creating: {error.message}")
                raise
            self.events.normal(obj, "SuccessfulCreate", f"Created pod: {name_of(made)}")
        return None

    def _backoff_left(self, pods: list[Obj], status: Obj) -> float:
        failures = int(status.get("failed", 0))
        if not failures or status.get("succeeded"):
            return 0.0
        ends = [end for pod in pods if (end := _ended(pod)) is not None]
        if not ends:
            return 0.0
        delay = min(self._backoff.job * 2.0 ** (failures - 1), max(_MAX_POD_BACKOFF, self._backoff.job))
        return float((max(ends) + timedelta(seconds=delay) - utc_now()).total_seconds())

    def _delete(self, obj: Obj, pods: list[Obj]) -> None:
        for pod in pods:
            self.registry.delete(PODS, namespace_of(pod), name_of(pod))
            self.events.normal(obj, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _release(self, pod: Obj) -> None:
        current = self.store.find(PODS, namespace_of(pod), name_of(pod))
        if current is None or uid_of(current) != uid_of(pod) or TRACKING not in _finalizers(current):
            return

        def edit(fresh: Obj) -> None:
            fresh["metadata"]["finalizers"] = [item for item in _finalizers(fresh) if item != TRACKING]
            if not fresh["metadata"]["finalizers"]:
                del fresh["metadata"]["finalizers"]

        self.registry.change(PODS, namespace_of(pod), name_of(pod), edit)

    def _write(self, obj: Obj, status: Obj, active: list[Obj]) -> None:
        ready = sum(is_true(pod, "Ready") for pod in active)
        terminating = sum(is_terminating(pod) and not pod_finished(pod) for pod in self.owned(PODS, obj))
        status.pop("active", None)
        if active:
            status["active"] = len(active)
        status["ready"] = ready
        status["terminating"] = terminating
        status["uncountedTerminatedPods"] = {}
        self.set_status(obj, status)

    def _after(self, obj: Obj) -> float | None:
        """What is left to do for a finished Job: let its pods go, report them, delete it when its time is up."""
        for pod in self.owned(PODS, obj):
            if pod_finished(pod) or is_terminating(pod):
                self._release(pod)
        status = copy.deepcopy(obj["status"])
        self._write(obj, status, [pod for pod in self.owned(PODS, obj) if is_active(pod)])
        ttl = obj["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return None
        done = next(item for item in obj["status"]["conditions"] if item["type"] in ("Complete", "Failed"))
        left = float(ttl) - (utc_now() - parse_time(done["lastTransitionTime"])).total_seconds()
        if left > 0:
            return left
        self.registry.delete(JOBS, namespace_of(obj), name_of(obj), propagation="Foreground")
        return None


def finished(job: Obj) -> bool:
    """Complete or Failed."""
    return is_true(job, "Complete") or is_true(job, "Failed")


def _policy(spec: Obj) -> str:
    return str(spec["template"]["spec"].get("restartPolicy"))


def _finalizers(pod: Obj) -> list[str]:
    return list(pod["metadata"].get("finalizers") or [])


def _restarts(pod: Obj) -> int:
    status = pod.get("status") or {}
    items = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return sum(int(item["restartCount"]) for item in items)


def _ended(pod: Obj) -> Any:
    times = [
        parse_time(item["state"]["terminated"]["finishedAt"])
        for item in pod.get("status", {}).get("containerStatuses") or []
        if "terminated" in item["state"]
    ]
    if pod.get("status", {}).get("phase") != "Failed" or not times:
        return None
    return max(times)


def _deadline(spec: Obj, status: Obj) -> float | None:
    limit, start = spec.get("activeDeadlineSeconds"), status.get("startTime")
    if limit is None or start is None:
        return None
    return float(limit) - (utc_now() - parse_time(start)).total_seconds()


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((item for item in (one, other) if item is not None), default=None)
