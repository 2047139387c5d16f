"""CronJobs: a Job at each scheduled minute, unless suspended."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from ..cron import last_time, next_time
from ..kinds import CRONJOBS, JOBS
from ..objects import (
    is_terminating,
    is_true,
    name_of,
    namespace_of,
    owner_reference,
    parse_time,
    stamp,
    uid_of,
    utc_now,
)
from .base import Controller
from .jobs import finished

Obj = dict[str, Any]


class CronJobs(Controller):
    """The CronJob controller. Schedules are read in UTC; `timeZone` is not looked at."""

    kind = CRONJOBS
    name = "cronjob-controller"

    def sync(self, obj: Obj) -> float | None:
        """Starts the Job that is due, keeps the list of active ones and the history short."""
        if is_terminating(obj):
            return None
        jobs = self.owned(JOBS, obj)
        active = [job for job in jobs if not finished(job)]
        status = copy.deepcopy(obj.get("status") or {})
        now = utc_now()
        if not obj["spec"].get("suspend"):
            active = self._start_due(obj, active, status, now)
        self._forget_old(obj, jobs)
        status.pop("active", None)
        if active:
            status["active"] = [_reference(job) for job in active]
        self.set_status(obj, status)
        if obj["spec"].get("suspend"):
            return None
        following = next_time(obj["spec"]["schedule"], now)
        return (following - utc_now()).total_seconds() if following else None

    def _start_due(self, obj: Obj, active: list[Obj], status: Obj, now: datetime) -> list[Obj]:
        since = parse_time(status.get("lastScheduleTime") or obj["metadata"]["creationTimestamp"])
        due = last_time(obj["spec"]["schedule"], since, now)
        if due is None:
            return active
        status["lastScheduleTime"] = stamp(due)
        policy = obj["spec"]["concurrencyPolicy"]
        if active and policy == "Forbid":
            return active
        if policy == "Replace":
            for job in active:
                self.registry.delete(JOBS, namespace_of(job), name_of(job), propagation="Background")
            active = []
        template = copy.deepcopy(obj["spec"]["jobTemplate"])
        body = {
            "metadata": {
                **{key: template["metadata"][key] for key in ("labels", "annotations") if key in template["metadata"]},
                "name": f"{name_of(obj)}-{int(due.timestamp()) // 60}",
                "ownerReferences": [owner_reference(obj)],
            },
            "spec": template["spec"],
        }
        job = self.registry.create(JOBS, body, namespace_of(obj))
        self.events.normal(obj, "SuccessfulCreate", f"Created job {name_of(job)}")
        return [*active, job]

    def _forget_old(self, obj: Obj, jobs: list[Obj]) -> None:
        for condition, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            done = sorted(
                (job for job in jobs if is_true(job, condition)), key=lambda j: int(j["metadata"]["resourceVersion"])
            )
            for job in done[: max(len(done) - int(obj["spec"][limit]), 0)]:
                self.registry.delete(JOBS, namespace_of(job), name_of(job), propagation="Background")


def _reference(job: Obj) -> Obj:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": name_of(job),
        "namespace": namespace_of(job),
        "uid": uid_of(job),
    }
