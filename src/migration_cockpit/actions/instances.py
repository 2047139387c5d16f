"""RDS instances on the way back: a restore beside the old one with the old one's settings, and swapped identifiers.

AWS gives a restored instance its own defaults (subnet group, security groups, parameter group, one zone): what is not
asked for is not as it was, so all of it is asked for and compared afterwards. An instance is told by its resource id:
identifiers change hands.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Rds
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.aws import refused
from migration_cockpit.session.events import Command

POLL = 5.0
"""Seconds between two looks at an instance; less where the time-out is short."""
LONGEST = 63
"""Longest identifier of an instance."""

Instance = Mapping[str, Any]

SETTINGS: dict[str, tuple[str, Callable[[Instance], Any]]] = {
    "subnet group": ("DBSubnetGroupName", lambda one: (one.get("DBSubnetGroup") or {}).get("DBSubnetGroupName")),
    "security groups": (
        "VpcSecurityGroupIds",
        lambda one: sorted(each["VpcSecurityGroupId"] for each in one.get("VpcSecurityGroups") or []),
    ),
    "parameter group": (
        "DBParameterGroupName",
        lambda one: next((each["DBParameterGroupName"] for each in one.get("DBParameterGroups") or []), None),
    ),
    "option group": (
        "OptionGroupName",
        lambda one: next((each["OptionGroupName"] for each in one.get("OptionGroupMemberships") or []), None),
    ),
    "class": ("DBInstanceClass", lambda one: one.get("DBInstanceClass")),
    "Multi-AZ": ("MultiAZ", lambda one: bool(one.get("MultiAZ"))),
    "storage type": ("StorageType", lambda one: one.get("StorageType")),
    "IOPS": ("Iops", lambda one: one.get("Iops")),
    "storage throughput": ("StorageThroughput", lambda one: one.get("StorageThroughput") or None),
    "public": ("PubliclyAccessible", lambda one: bool(one.get("PubliclyAccessible"))),
    "minor upgrades": ("AutoMinorVersionUpgrade", lambda one: bool(one.get("AutoMinorVersionUpgrade"))),
    "deletion protection": ("DeletionProtection", lambda one: bool(one.get("DeletionProtection"))),
    "tags to snapshots": ("CopyTagsToSnapshot", lambda one: bool(one.get("CopyTagsToSnapshot"))),
    "IAM authentication": (
        "EnableIAMDatabaseAuthentication",
        lambda one: bool(one.get("IAMDatabaseAuthenticationEnabled")),
    ),
    "log exports": ("EnableCloudwatchLogsExports", lambda one: sorted(one.get("EnabledCloudwatchLogsExports") or [])),
    "CA": ("CACertificateIdentifier", lambda one: one.get("CACertificateIdentifier")),
}
"""What a restore is asked for, so that the new instance is as the old one: words, the argument, the old one's value."""

AFTERWARDS: dict[str, tuple[str, Callable[[Instance], Any]]] = {
    "storage limit": ("MaxAllocatedStorage", lambda one: one.get("MaxAllocatedStorage")),
    "backup days": ("BackupRetentionPeriod", lambda one: one.get("BackupRetentionPeriod")),
    "backup window": ("PreferredBackupWindow", lambda one: one.get("PreferredBackupWindow")),
    "maintenance window": ("PreferredMaintenanceWindow", lambda one: one.get("PreferredMaintenanceWindow")),
    "monitoring": ("MonitoringInterval", lambda one: one.get("MonitoringInterval") or 0),
    "monitoring role": ("MonitoringRoleArn", lambda one: one.get("MonitoringRoleArn")),
}
"""What no restore from a snapshot takes: it is set once the instance is available."""


BROKEN = ("incompatible", "failed", "storage-full", "inaccessible", "restore-error")
"""How the status of an instance begins that never becomes available by itself."""


def restored_name(site: Site, number: int = 1) -> str:
    """The identifier that the restored instance has until it takes over the old one's.

    `number` counts restores: one that failed cannot be mended, and another gets a name of its own.
    """
    return _joined(site, "restored" if number == 1 else f"restored{number}")


def broken(instance: Instance) -> bool:
    """Whether an instance never becomes available by itself."""
    return str(instance.get("DBInstanceStatus", "")).startswith(BROKEN)


def old_name(site: Site) -> str:
    """The identifier that the old instance is set aside under; it is kept until somebody deletes it."""
    return _joined(site, "before")


def _joined(site: Site, word: str) -> str:
    rds = site.settings.rds
    name = rds.instance if rds else "<instance>"
    return f"{name[: LONGEST - len(word) - len(site.slug) - 2].rstrip('-')}-{word}-{site.slug}"[:LONGEST].rstrip("-")


def differences(old: Instance, new: Instance) -> list[str]:
    """Where a restored instance is not as the old one, in words."""
    both = {**SETTINGS, **AFTERWARDS}
    pairs = [(words, value(old), value(new)) for words, (_, value) in both.items()]
    found = [f"{words} is {_words(have)}, was {_words(want)}" for words, want, have in pairs if want != have]
    return found + [
        f"parameter group is {each.get('ParameterApplyStatus')}"
        for each in new.get("DBParameterGroups") or []
        if each.get("ParameterApplyStatus") == "pending-reboot"
    ]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


async def find(site: Site, *, identifier: str = "", resource: str = "") -> dict[str, Any] | None:
    """An instance by its identifier or its resource id, or None. Raises Unreachable, for a refusal too."""
    from botocore.exceptions import ClientError

    by = {"db-instance-id": identifier} if identifier else {"dbi-resource-id": resource}
    filters = [{"Name": name, "Values": [value]} for name, value in by.items()]
    try:
        answer = await site.live.aws_call("rds", "describe_db_instances", Filters=filters)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"DBInstanceNotFound", "DBInstanceNotFoundFault"}:
            return None
        raise refused(error) from error
    found: list[dict[str, Any]] = answer.get("DBInstances") or []
    return found[0] if found else None


def endpoint_of(instance: Instance) -> tuple[str, int]:
    """Where an instance is reached. Raises OperationError before it has an endpoint."""
    endpoint = instance.get("Endpoint") or {}
    if not endpoint.get("Address"):
        raise OperationError(f"instance {instance.get('DBInstanceIdentifier')} has no endpoint yet")
    return str(endpoint["Address"]), int(endpoint["Port"])


class _OnInstance:
    """What operations on instances share."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def _rds(self) -> Rds:
        rds = self._site.settings.rds
        if rds is None:
            raise OperationError("there is no [rds] in the config: nothing can be restored there")
        return rds

    def _aws(self, call: str) -> str:
        rds = self._site.settings.rds
        where = "" if rds is None else f" --region {rds.region}" + (f" --profile {rds.profile}" if rds.profile else "")
        where += f" --endpoint-url {rds.endpoint_url}" if rds and rds.endpoint_url else ""
        return f"aws rds {call}{where}"

    async def _available(self, report: Report, what: str, **by: str) -> dict[str, Any]:
        """Wait until the instance is available. Raises OperationError."""
        loop = asyncio.get_running_loop()
        timeout = self._site.settings.rollback.restore_timeout
        began = loop.time()
        every = min(POLL, max(0.2, timeout / 120))
        while True:
            try:
                found = await find(self._site, **by)
                status = str(found["DBInstanceStatus"]) if found else "not there"
            except WorldError as error:
                found, status = None, f"not to be seen: {error}"
            if found is not None and status == "available":
                return found
            if status.startswith(BROKEN):
                raise OperationError(
                    f"{what} is {status}; its events say why: {self._aws('describe-events')}. It cannot be mended: "
                    "delete it when you have read them; trying again restores under another name"
                )
            waited = loop.time() - began
            if waited >= timeout:
                raise OperationError(
                    f"{what} is still {status} after {waited:.0f} s (rollback.restore_timeout); it goes on by itself: "
                    "try the stage again to wait on"
                )
            guess = self._site.settings.rollback.restore_expected
            percent = int(found.get("PercentProgress") or 0) if found else 0
            percent = percent or min(99, int(100 * waited / guess) if guess else 0)
            report.progress(f"{what} {status}", percent, 100)
            await asyncio.sleep(every)


class RestoreInstance(_OnInstance):
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
        super().__init__(site)
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
            words += _option(name, value)
        what = "every setting of the old instance is asked for: what is not asked for gets AWS's default"
        wait = self._aws(f"wait db-instance-available --db-instance-identifier {self.key}")
        return (Command(text=self._aws(" ".join(words)), what=what), Command(text=wait))

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
            await self._available(report, f"instance {self.key}", identifier=self.key)
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


class MatchInstance(_OnInstance):
    """Set on the restored instance what a restore does not take."""

    name = "match-instance"

    def __init__(self, site: Site, old: Instance | None = None, *, number: int = 1) -> None:
        """`old` is the instance as it was described before; None where that is only known in the flight."""
        super().__init__(site)
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
            words += _option(name, value)
        return (Command(text=self._aws(" ".join(words)), what="what a restore does not take"),)

    async def run(self, report: Report) -> str:
        """Modify it and wait. Raises OperationError."""
        from botocore.exceptions import ClientError

        name = self._name
        try:
            await self._site.live.aws_call(
                "rds", "modify_db_instance", DBInstanceIdentifier=name, ApplyImmediately=True, **self._asked()
            )
            await self._available(report, f"instance {name}", identifier=name)
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


class RenameInstance(_OnInstance):
    """Give an instance another identifier; its endpoint goes with it, and its sessions end."""

    def __init__(self, site: Site, name: str, resource: str | None, before: str, after: str, *, what: str) -> None:
        """`resource` is the instance's resource id, by which it is told whatever it is called; None when describing."""
        super().__init__(site)
        self.name = name
        self._resource = resource
        self._before = before
        self._after = after
        self._what = what
        self.key = f"{before} to {after}"

    def describe(self) -> tuple[Command, ...]:
        """Rename and wait."""
        call = f"modify-db-instance --db-instance-identifier {self._before} --new-db-instance-identifier {self._after}"
        wait = self._aws(f"wait db-instance-available --db-instance-identifier {self._after}")
        return (Command(text=self._aws(f"{call} --apply-immediately"), what=self._what), Command(text=wait))

    async def run(self, report: Report) -> str:
        """Rename it unless that is under way, then wait. Raises OperationError."""
        from botocore.exceptions import ClientError

        resource = self._resource or ""
        try:
            found = await find(self._site, resource=resource)
            if found is None:
                raise OperationError(f"instance {self._before} ({resource}) is gone: look who deletes instances")
            if found["DBInstanceIdentifier"] == self._before and not _renaming(found):
                await self._available(report, f"instance {self._before}", resource=resource)
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
            await asyncio.sleep(min(POLL, max(0.2, self._site.settings.rollback.restore_timeout / 120)))
        await self._available(report, f"instance {self._after}", resource=resource)

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


def _option(name: str, value: Any) -> list[str]:
    """An argument of an API call as the aws command takes it."""
    letters = "".join(f"-{each.lower()}" if each.isupper() else each for each in name)
    flag = "-" + _SPELLED.get(name, letters)
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, list):
        return [flag, *map(str, value)]
    text = value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
    return [flag, text if text.startswith("<") else shlex.quote(text)]


_SPELLED = {
    "DBSubnetGroupName": "-db-subnet-group-name",
    "DBParameterGroupName": "-db-parameter-group-name",
    "DBInstanceClass": "-db-instance-class",
    "DBInstanceIdentifier": "-db-instance-identifier",
    "DBSnapshotIdentifier": "-db-snapshot-identifier",
    "SourceDBInstanceIdentifier": "-source-db-instance-identifier",
    "TargetDBInstanceIdentifier": "-target-db-instance-identifier",
    "MultiAZ": "-multi-az",
    "EnableIAMDatabaseAuthentication": "-enable-iam-database-authentication",
    "CACertificateIdentifier": "-ca-certificate-identifier",
}
"""Names that do not fall apart at their capitals."""
