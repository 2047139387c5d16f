"""The database migration as a Kubernetes Job: created once, followed to its end, never stopped from here.

It does not hang on the cockpit, on SSH or on an exec connection; a cockpit that comes later finds it and follows on.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migration_cockpit.actions.job_template import CONTAINER
from migration_cockpit.actions.log_follow import LogFollower
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError
from migration_cockpit.session.events import Command

POLL = 1.0
LOG_SOURCE = "job"
"""`source` of the Job's log lines in the journal."""
_STUCK = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}


def job_name(site: Site, attempt: int = 1) -> str:
    """`airflow-db-migrate-<session>`; a later attempt gets a name of its own, for a Job is never changed."""
    return f"airflow-db-migrate-{site.slug}" + (f"-a{attempt}" if attempt > 1 else "")


def status_of(job: Mapping[str, Any]) -> tuple[Status, str]:
    """How a Job stands, by its conditions."""
    conditions = {c["type"]: c for c in job.get("status", {}).get("conditions") or [] if c.get("status") == "True"}
    if "Complete" in conditions or "SuccessCriteriaMet" in conditions:
        return Status.DONE, "ended with 0"
    if failed := conditions.get("Failed") or conditions.get("FailureTarget"):
        return Status.FAILED, f"{failed.get('reason', 'Failed')}: {failed.get('message', '')}".rstrip(": ")
    return Status.RUNNING, "active" if job.get("status", {}).get("active") else "waits for its pod"


class MigrationJob:
    """Create the Job unless it is there, and follow it and its log to the end."""

    name = "migration-job"
    command = "airflow db migrate"
    nothing_done = "Nothing was migrated"
    source = LOG_SOURCE
    """Of its log lines in the journal."""

    def __init__(
        self,
        site: Site,
        name: str,
        *,
        manifest: Mapping[str, Any] | None = None,
        dsn: str | None = None,
        position: str = "",
        directory: Path | None = None,
    ) -> None:
        """`name` is the Job's; `manifest` and `dsn` come of job_source.build and are not needed to find the Job.

        `position` is the last position of its log in the journal; `directory` holds the manifest for the people.
        """
        self._site = site
        self.key = name
        self._manifest = manifest
        self._dsn = dsn
        self._position = position
        self._file = (directory or Path("<session>/artifacts")) / f"{name}.json"

    @property
    def _version(self) -> str:
        """The Airflow whose image it runs."""
        return self._site.settings.deployment.target_version

    def describe(self) -> tuple[Command, ...]:
        """Create and follow."""
        kubectl = self._site.kubectl
        what = f"a Job that runs {self.command} of {self._version}"
        return (
            Command(text=kubectl("create -f", str(self._file)), what=what),
            Command(text=kubectl("logs -f", f"job/{self.key}"), what="its log, followed into the journal"),
        )

    async def run(self, report: Report) -> str:
        """Create or join it. Raises OperationError when it fails, vanishes or cannot start."""
        try:
            job = await self._site.live.kube.find("jobs", self.key)
            if job is None:
                job = await self._create()
        except KubeError as error:
            raise OperationError(f"Job {self.key} cannot be created: {error}") from error
        await self._own_secret(job, report)
        return await self._follow(report)

    async def _create(self) -> dict[str, Any]:
        if self._manifest is None:
            raise OperationError(f"Job {self.key} is not there and has no manifest")
        kube = self._site.live.kube
        if self._dsn is not None:
            encoded = base64.b64encode(self._dsn.encode()).decode()
            secret = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": self.key, "labels": self._manifest["metadata"]["labels"]},
                "data": {"connection": encoded},
            }
            try:
                await kube.create("secrets", secret)
            except KubeError as error:
                if not error.conflict:
                    raise
        try:
            return await kube.create("jobs", dict(self._manifest))
        except KubeError as error:
            # An answer that was lost on the way: the Job of this name is ours.
            if not error.conflict:
                raise
            return await kube.get("jobs", self.key)

    async def _own_secret(self, job: Mapping[str, Any], report: Report) -> None:
        """Let the DSN's Secret go when the Job goes. The Job is at work by now: it does not fail for this."""
        if self._dsn is None:
            return
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self.key, "uid": job["metadata"]["uid"]}
        try:
            await self._site.live.kube.patch("secrets", self.key, {"metadata": {"ownerReferences": [owner]}})
        except KubeError as error:
            words = f"Secret {self.key} stays when the Job goes: {error}; delete it after the migration"
            report.line("cockpit", words, level="careful")

    async def _follow(self, report: Report) -> str:
        follower = LogFollower(self._site.live.kube, report, source=self.source, position=self._position)
        loop = asyncio.get_running_loop()
        waiting_since, said = loop.time(), ""
        while True:
            try:
                job = await self._site.live.kube.find("jobs", self.key)
                pod = await self._pod() if job is not None else None
            except KubeError as error:
                # The migration does not need us: it is looked for until it is found again.
                if said != str(error):
                    said = str(error)
                    report.line("cockpit", f"the Job cannot be seen: {said}; it runs on without us", level="careful")
                await asyncio.sleep(POLL)
                continue
            said = ""
            if job is None:
                raise OperationError(f"Job {self.key} was deleted by someone; look what its database session does")
            if pod is not None and _started(pod):
                waiting_since = loop.time()
                report.progress(f"Job {self.key}: its pod has started; the log stands in the log pane")
                await follower.follow(pod["metadata"]["name"], CONTAINER)
            status, detail = status_of(job)
            if status is Status.DONE:
                return f"Job {self.key} {detail}"
            if status is Status.FAILED:
                ending, code = _ending(pod, self.command)
                raise OperationError(f"Job {self.key} failed: {ending or detail}", exit_code=code)
            if pod is None or not _started(pod):
                report.progress(f"Job {self.key}: {_waiting(pod)}")
                self._patience(loop.time() - waiting_since, pod)
            await asyncio.sleep(POLL)

    async def catch_up(self, report: Report, position: str) -> None:
        """Take in what its log said since `position`: a Job may have ended while no cockpit was there."""
        pod = await self._pod()
        if pod is not None and _started(pod):
            follower = LogFollower(self._site.live.kube, report, source=self.source, position=position)
            await follower.follow(pod["metadata"]["name"], CONTAINER)

    def _patience(self, waited: float, pod: Mapping[str, Any] | None) -> None:
        """A pod that cannot start has migrated nothing; that is worth ending the step for. The Job is left alone."""
        if waited > self._site.settings.limits.helm:
            delete = self._site.kubectl("delete job", self.key)
            raise OperationError(
                f"Job {self.key} has not started in {waited:.0f} s: {_waiting(pod)}. {self.nothing_done}. "
                f"Mend the cause and run the step again, or {delete}"
            )

    async def _pod(self) -> dict[str, Any] | None:
        pods = await self._site.live.kube.list("pods", label=f"job-name={self.key}")
        return max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)

    async def observe(self) -> Observation:
        """The Job's own status."""
        job = await self._site.live.kube.find("jobs", self.key)
        if job is None:
            return Observation(Status.NOT_STARTED, f"there is no Job {self.key}")
        status, detail = status_of(job)
        return Observation(status, f"Job {self.key} {detail}")


def _container_status(pod: Mapping[str, Any] | None) -> Mapping[str, Any]:
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or []
    empty: Mapping[str, Any] = {}
    return next((each for each in statuses if each.get("name") == CONTAINER), empty)


def _started(pod: Mapping[str, Any]) -> bool:
    state = _container_status(pod).get("state") or {}
    return "running" in state or "terminated" in state


def _waiting(pod: Mapping[str, Any] | None) -> str:
    if pod is None:
        return "it has no pod yet"
    waiting = (_container_status(pod).get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason") or pod.get("status", {}).get("phase", "Pending")
    words = f": {waiting['message']}" if waiting.get("reason") in _STUCK and waiting.get("message") else ""
    return f"its pod is {reason}{words}"


def _ending(pod: Mapping[str, Any] | None, command: str) -> tuple[str, int | None]:
    """How the container ended, where the pod still tells, and its exit code where it was not ended with its pod."""
    if pod is None:
        return "", None
    status = pod.get("status", {})
    if status.get("reason"):
        return f"its pod was ended by the cluster: {status['reason']} {status.get('message', '')}".rstrip(), None
    ended = (_container_status(pod).get("state") or {}).get("terminated")
    if not ended:
        return "", None
    code, reason = ended.get("exitCode"), ended.get("reason", "")
    return f"{command} ended with {code}" + (f" ({reason})" if reason not in {"", "Error"} else ""), code
