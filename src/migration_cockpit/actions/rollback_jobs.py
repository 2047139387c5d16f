"""The Jobs of the way back: one that takes the schema back, one that proves that 2.x reaches the restored database, and
the end of a migration Job that is still at work."""

from __future__ import annotations

from typing import Any

from migration_cockpit.actions.migration_job import MigrationJob, status_of
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError
from migration_cockpit.session.events import Command


class DowngradeJob(MigrationJob):
    """`airflow db downgrade` with the target's image: only that one knows the revisions that are to be undone."""

    name = "downgrade-job"
    nothing_done = "Nothing was taken back"
    source = "downgrade"

    def __init__(self, site: Site, attempt: int = 1, **given: Any) -> None:
        super().__init__(site, _name(site, "airflow-db-downgrade", attempt), **given)
        self.command = downgrade_command(site)


def downgrade_command(site: Site) -> str:
    """The whole command; one transaction a revision, so that it can be run again."""
    return f"airflow db downgrade --to-version {site.settings.deployment.source_version} -y"


class ProbeJob(MigrationJob):
    """A pod of the source's image asks the restored database whether its schema is the image's."""

    name = "probe-job"
    command = "airflow db check-migrations --migration-wait-timeout 5"
    nothing_done = "Nothing was changed"
    source = "probe"

    def __init__(self, site: Site, attempt: int = 1, **given: Any) -> None:
        super().__init__(site, _name(site, "airflow-db-probe", attempt), **given)

    @property
    def _version(self) -> str:
        return self._site.settings.deployment.source_version


def _name(site: Site, what: str, attempt: int) -> str:
    return f"{what}-{site.slug}" + (f"-a{attempt}" if attempt > 1 else "")


class EndJob:
    """Delete a migration Job that is at work; its pod gets its grace and Postgres undoes the current revision."""

    name = "end-migration-job"

    def __init__(self, site: Site, job: str | None) -> None:
        """`job` is the Job's name; None where it is known only in the flight."""
        self._site = site
        self._job = job
        self.key = job or "<migration Job>"

    def describe(self) -> tuple[Command, ...]:
        """One delete."""
        text = self._site.kubectl("delete job", self.key, "--cascade=foreground")
        return (Command(text=text, what="the revision it is at is undone; those before it stay"),)

    async def run(self, report: Report) -> str:
        """Delete it. Raises OperationError."""
        try:
            await self._site.live.kube.delete("jobs", self.key, propagation="Foreground")
        except KubeError as error:
            if not error.missing:
                raise OperationError(f"Job {self.key} cannot be deleted: {error}") from error
        return f"Job {self.key} is deleted"

    async def observe(self) -> Observation:
        """Whether it is still at work."""
        job = await self._site.live.kube.find("jobs", self.key) if self._job else None
        if job is None or job["metadata"].get("deletionTimestamp"):
            return Observation(Status.DONE, f"there is no Job {self.key} at work")
        status, detail = status_of(job)
        return Observation(Status.NOT_STARTED if status is Status.RUNNING else Status.DONE, f"Job {self.key} {detail}")
