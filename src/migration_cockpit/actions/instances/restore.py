"""A restore beside the old instance, with the old one's settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration_cockpit.actions.aws_command import option, rds_command
from migration_cockpit.actions.instances.found import broken, find, restored_name
from migration_cockpit.actions.instances.settings import AFTERWARDS, SETTINGS, Instance
from migration_cockpit.actions.instances.waiting import available
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.aws import refused
from migration_cockpit.session.events import Command


class RestoreInstance:
    """Restore a snapshot, or the server as it was at a moment, to a new instance with the old one's settings."""

    name = "restore-instance"

    def __init__(
        self,
        site: Site,
        *,
        snapshot: str = "",
        moment: datetime | None = None,
        old: Instance | None = None,
        number: int = 1,
    ) -> None:
        """`number` counts restores, see restored_name.

        `old` is the instance as it was described before; None where that is only known in the flight.
        """
        self._site = site
        self._snapshot = snapshot
        self._moment = moment
        self._old = old
        self.key = restored_name(site, number)

    @property
    def _source(self) -> dict[str, Any]:
        """What names the source and the new instance."""
        if self._moment is not None:
            source = str((self._old or {}).get("DBInstanceIdentifier", "<instance>"))
            given = {"SourceDBInstanceIdentifier": source, "TargetDBInstanceIdentifier": self.key}
            return {**given, "RestoreTime": self._moment}
        return {"DBInstanceIdentifier": self.key, "DBSnapshotIdentifier": self._snapshot or "<snapshot>"}

    def _asked(self) -> dict[str, Any]:
        if self._old is None:
            return {argument: f"<{words}>" for words, (argument, _) in SETTINGS.items()}
        given = {argument: value(self._old) for argument, value in SETTINGS.values()}
        # False must be asked for too: the default of a boolean is AWS's, not the old instance's.
        asked = {argument: value for argument, value in given.items() if value not in (None, [], "")}
        if str(asked.get("OptionGroupName", "")).startswith("default:"):
            del asked["OptionGroupName"]  # the engine's own, which it gets by itself
        return asked

    def describe(self) -> tuple[Command, ...]:
        """Restore and wait."""
        to_a_moment = self._moment is not None
        words = ["restore-db-instance-to-point-in-time" if to_a_moment else "restore-db-instance-from-db-snapshot"]
        for name, value in {**self._source, **self._asked()}.items():
            words += option(name, value)
        what = "every setting of the old instance is asked for: what is not asked for gets AWS's default"
        wait = rds_command(self._site, f"wait db-instance-available --db-instance-identifier {self.key}")
        return (Command(text=rds_command(self._site, " ".join(words)), what=what), Command(text=wait))

    async def run(self, report: Report) -> str:
        """Restore it unless it is there, then wait. Raises OperationError."""
        from botocore.exceptions import ClientError

        old = self._old
        if old is None:
            raise OperationError("the old instance's settings are not known: a restore would get AWS's defaults")
        try:
            if await find(self._site, identifier=self.key) is None:
                try:
                    await self._restore(old)
                except ClientError as error:
                    # botocore repeats a call whose answer was lost; then the first one had made it.
                    if error.response["Error"]["Code"] != "DBInstanceAlreadyExists":
                        raise refused(error) from error
            await available(self._site, report, f"instance {self.key}", identifier=self.key)
        except WorldError as error:
            raise OperationError(f"restore to {self.key}: {error}") from error
        return f"{self.key} is available"

    async def _restore(self, old: Instance) -> None:
        kept = [tag for tag in old.get("TagList") or [] if not tag["Key"].startswith("aws:")]
        tags = [*kept, {"Key": "migration-cockpit/session", "Value": self._site.slug}]
        asked = {**self._source, **self._asked(), "Tags": tags}
        if self._moment is not None:
            await self._site.live.aws_call("rds", "restore_db_instance_to_point_in_time", **asked)
        else:
            await self._site.live.aws_call("rds", "restore_db_instance_from_db_snapshot", **asked)

    async def observe(self) -> Observation:
        """The new instance's status."""
        found = await find(self._site, identifier=self.key)
        if found is None:
            return Observation(Status.NOT_STARTED, f"there is no instance {self.key}")
        status = str(found.get("DBInstanceStatus", ""))
        kind = Status.DONE if status == "available" else Status.RUNNING
        return Observation(Status.FAILED if broken(found) else kind, f"{self.key} is {status}")


class MatchInstance:
    """Set on the restored instance what a restore does not take."""

    name = "match-instance"

    def __init__(self, site: Site, old: Instance | None = None, *, number: int = 1) -> None:
        """`old` is the instance as it was described before; None where that is only known in the flight."""
        self._site = site
        self._old = old
        self._name = restored_name(site, number)
        self.key = f"{self._name} as before"

    def _asked(self) -> dict[str, Any]:
        if self._old is None:
            return {argument: f"<{words}>" for words, (argument, _) in AFTERWARDS.items()}
        given = {argument: value(self._old) for argument, value in AFTERWARDS.values()}
        return {argument: value for argument, value in given.items() if value not in (None, 0, "")}

    def describe(self) -> tuple[Command, ...]:
        """One modify."""
        words = ["modify-db-instance", "--apply-immediately", "--db-instance-identifier", self._name]
        for name, value in self._asked().items():
            words += option(name, value)
        return (Command(text=rds_command(self._site, " ".join(words)), what="what a restore does not take"),)

    async def run(self, report: Report) -> str:
        """Modify it and wait. Raises OperationError."""
        from botocore.exceptions import ClientError

        name = self._name
        try:
            await self._site.live.aws_call(
                "rds", "modify_db_instance", DBInstanceIdentifier=name, ApplyImmediately=True, **self._asked()
            )
            await available(self._site, report, f"instance {name}", identifier=name)
        except ClientError as error:
            raise OperationError(f"{name}: {refused(error)}") from error
        except WorldError as error:
            raise OperationError(f"{name}: {error}") from error
        return f"{name} is set as the old one"

    async def observe(self) -> Observation:
        """Whether anything differs that can be set afterwards."""
        found = await find(self._site, identifier=self._name)
        if found is None or self._old is None:
            return Observation(Status.NOT_STARTED, "the instance is not there")
        wrong = [words for words, (_, value) in AFTERWARDS.items() if value(found) != value(self._old)]
        return Observation(Status.NOT_STARTED if wrong else Status.DONE, ", ".join(wrong) or "as the old one")
