"""Identifiers change hands: the restored instance takes over the old one's, and with it the endpoint."""

from __future__ import annotations

import asyncio

from migration_cockpit.actions.aws_command import rds_command
from migration_cockpit.actions.instances.found import find
from migration_cockpit.actions.instances.settings import Instance
from migration_cockpit.actions.instances.waiting import available, pause
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.aws import refused
from migration_cockpit.session.events import Command


class RenameInstance:
    """Give an instance another identifier; its endpoint goes with it, and its sessions end."""

    def __init__(self, site: Site, name: str, resource: str | None, before: str, after: str, *, what: str) -> None:
        """`resource` is the instance's resource id, by which it is told whatever it is called; None when describing."""
        self._site = site
        self.name = name
        self._resource = resource
        self._before = before
        self._after = after
        self._what = what
        self.key = f"{before} to {after}"

    def describe(self) -> tuple[Command, ...]:
        """Rename and wait."""
        call = f"modify-db-instance --db-instance-identifier {self._before} --new-db-instance-identifier {self._after}"
        rename = rds_command(self._site, f"{call} --apply-immediately")
        wait = rds_command(self._site, f"wait db-instance-available --db-instance-identifier {self._after}")
        return (Command(text=rename, what=self._what), Command(text=wait))

    async def run(self, report: Report) -> str:
        """Rename it unless that is under way, then wait. Raises OperationError."""
        from botocore.exceptions import ClientError

        resource = self._resource or ""
        try:
            found = await find(self._site, resource=resource)
            if found is None:
                raise OperationError(f"instance {self._before} ({resource}) is gone: look who deletes instances")
            if found["DBInstanceIdentifier"] == self._before and not _renaming(found):
                await available(self._site, report, f"instance {self._before}", resource=resource)
                await self._site.live.aws_call(
                    "rds",
                    "modify_db_instance",
                    DBInstanceIdentifier=self._before,
                    NewDBInstanceIdentifier=self._after,
                    ApplyImmediately=True,
                )
            await self._renamed(report, resource)
        except ClientError as error:
            raise OperationError(f"{self._before} cannot be renamed to {self._after}: {refused(error)}") from error
        except WorldError as error:
            raise OperationError(f"{self._before} cannot be renamed to {self._after}: {error}") from error
        return f"{self._before} is {self._after} now"

    async def _renamed(self, report: Report, resource: str) -> None:
        """Wait for the new name: the instance is `available` under the old one for a moment more."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._site.settings.rollback.restore_timeout
        while (await self.observe()).status is not Status.DONE:
            if loop.time() > deadline:
                raise OperationError(f"{self._before} is not yet {self._after}; try the stage again to wait on")
            report.progress(f"renaming {self._before} to {self._after}")
            await pause(self._site)
        await available(self._site, report, f"instance {self._after}", resource=resource)

    async def observe(self) -> Observation:
        """What the instance of this resource id is called."""
        found = await find(self._site, resource=self._resource or "")
        if found is None:
            return Observation(Status.NOT_STARTED, f"instance {self._resource} is not to be seen")
        name, status = found["DBInstanceIdentifier"], found.get("DBInstanceStatus", "")
        if name == self._after and status == "available":
            return Observation(Status.DONE, f"{self._before} is {name} now")
        running = name == self._after or _renaming(found)
        return Observation(Status.RUNNING if running else Status.NOT_STARTED, f"{name} is {status}")


def _renaming(instance: Instance) -> bool:
    pending = (instance.get("PendingModifiedValues") or {}).get("DBInstanceIdentifier")
    return bool(pending) or instance.get("DBInstanceStatus") == "renaming"
