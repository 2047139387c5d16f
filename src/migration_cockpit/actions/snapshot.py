"""An RDS snapshot as a recovery point: created once under a name of its own, then waited for until it is available."""

from __future__ import annotations

import asyncio
from typing import Any

from migration_cockpit.actions.aws_command import rds_command
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Rds
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.aws import refused
from migration_cockpit.session.events import Command

POLL = 5.0
"""Seconds between two looks at a snapshot; at a quarter of the time-out where that is shorter."""


def snapshot_name(site: Site, step: str, generation: int = 1) -> str:
    """`<prefix>-<session>-<step>`; a later stop of the writers in the same session gets a name of its own."""
    rds = site.settings.rds
    prefix = rds.snapshot_prefix if rds else "snapshot"
    return f"{prefix}-{site.slug}-{step}" + (f"-{generation}" if generation > 1 else "")


class TakeSnapshot:
    """Create an RDS snapshot and wait until it is available; a snapshot of this name that is under way is joined."""

    name = "snapshot"

    def __init__(self, site: Site, step: str, generation: int = 1) -> None:
        """`generation` counts the times that the writers were stopped in this session."""
        self._site = site
        self._step = step
        self.key = snapshot_name(site, step, generation)

    @property
    def _tags(self) -> dict[str, str]:
        return {"migration-cockpit/session": self._site.slug, "migration-cockpit/step": self._step}

    @property
    def _rds(self) -> Rds:
        rds = self._site.settings.rds
        if rds is None:
            raise OperationError("there is no [rds] in the config: a snapshot cannot be taken")
        return rds

    def describe(self) -> tuple[Command, ...]:
        """Create and wait."""
        rds = self._site.settings.rds
        if rds is None:
            return ()
        named = f"--db-snapshot-identifier {self.key}"
        tags = "--tags " + " ".join(f"Key={key},Value={value}" for key, value in self._tags.items())
        create = rds_command(self._site, f"create-db-snapshot --db-instance-identifier {rds.instance} {named} {tags}")
        wait = rds_command(self._site, f"wait db-snapshot-available {named}")
        return (
            Command(text=create, what="a recovery point of the database as it is now"),
            Command(text=wait, what="it counts only when available"),
        )

    async def _look(self) -> dict[str, Any] | None:
        """The snapshot as RDS describes it, or None. Raises Unreachable, for a refusal too: it may be a passing one."""
        from botocore.exceptions import ClientError

        try:
            return await describe(self._site, self.key)
        except ClientError as error:
            raise refused(error) from error

    async def run(self, report: Report) -> str:
        """Create it unless it is there, then wait. Raises OperationError."""
        from botocore.exceptions import ClientError

        rds = self._rds
        try:
            found = await self._look()
            if found is None:
                found = await self._create(rds)
            return await self._wait(found, report)
        except (ClientError, WorldError) as error:
            raise OperationError(f"snapshot {self.key}: {error}") from error

    async def _create(self, rds: Rds) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        tags = [{"Key": key, "Value": value} for key, value in self._tags.items()]
        try:
            answer = await self._site.live.aws_call(
                "rds",
                "create_db_snapshot",
                DBInstanceIdentifier=rds.instance,
                DBSnapshotIdentifier=self.key,
                Tags=tags,
            )
        except ClientError as error:
            # botocore repeats a call whose answer was lost; then the first one had made it.
            if error.response["Error"]["Code"] != "DBSnapshotAlreadyExists":
                raise
            return await self._look()
        snapshot: dict[str, Any] = answer["DBSnapshot"]
        return snapshot

    async def _wait(self, found: dict[str, Any] | None, report: Report) -> str:
        loop = asyncio.get_running_loop()
        timeout = self._rds.snapshot_timeout
        deadline = loop.time() + timeout
        every = min(POLL, max(0.2, timeout / 60))
        while True:
            status = found.get("Status", "") if found else "unknown"
            if found and status == "available":
                return f"{self.key} is available"
            if status == "failed" or found is None:
                raise OperationError(
                    f"snapshot {self.key} is {'gone' if found is None else status}; delete it (aws rds "
                    f"delete-db-snapshot --db-snapshot-identifier {self.key}) and run the step again"
                )
            percent = int(found.get("PercentProgress") or 0)
            report.progress(f"snapshot {self.key} {status} {percent} %", percent, 100)
            if loop.time() >= deadline:
                raise OperationError(
                    f"snapshot {self.key} is still {status} after {timeout:.0f} s (rds.snapshot_timeout); it goes on "
                    "by itself: run the step again to wait on"
                )
            await asyncio.sleep(every)
            try:
                found = await self._look()
            except WorldError as error:
                report.line("cockpit", f"snapshot cannot be read: {error}", level="careful")

    async def observe(self) -> Observation:
        """The snapshot's status."""
        found = await self._look()
        if found is None:
            return Observation(Status.NOT_STARTED, f"there is no snapshot {self.key}")
        status = found.get("Status", "")
        kind = {"available": Status.DONE, "failed": Status.FAILED}.get(status, Status.RUNNING)
        return Observation(kind, f"{self.key} is {status}")


async def describe(site: Site, name: str) -> dict[str, Any] | None:
    """A snapshot as RDS describes it; None when there is none.

    Raises Unreachable, and botocore's ClientError for any other answer.
    """
    from botocore.exceptions import ClientError

    try:
        answer = await site.live.aws_call("rds", "describe_db_snapshots", DBSnapshotIdentifier=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"DBSnapshotNotFound", "DBSnapshotNotFoundFault"}:
            return None
        raise
    found = answer.get("DBSnapshots") or []
    return found[0] if found else None
