"""moto's RDS made honest: states take time, and behind each instance stands a real server.

moto keeps the API's shapes, validation and error codes. What it lacks is added here: a snapshot is ``creating`` with
progress until its copy is finished, a restore is ``creating`` until its server takes connections, an identifier
changes with an outage, a call that does not fit the state is refused. Defaults of a restore are AWS's: what is not
asked for (subnet group, security groups, parameter group, Multi-AZ) is *not* taken over from the original.

Runs in the child process of the emulated AWS only, where patching moto disturbs nobody.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import string
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.rds import models
from moto.rds.exceptions import DBInstanceAlreadyExists, RDSClientError
from moto.rds.responses import RDSResponse

from migration_cockpit.rehearsal import faults

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from migration_cockpit.rehearsal.aws.fleet import Base, Fleet

log = logging.getLogger(__name__)
TICK_SECONDS = 0.1
DEFAULT_SUBNET_GROUP = "default"


@dataclass(frozen=True)
class Pace:
    """How long the emulated RDS takes at least, in seconds."""

    snapshot: float = 2.0
    restore: float = 2.0
    rename: float = 1.0
    restorable_lag: float = 1.0
    """How far LatestRestorableTime is behind now; up to five minutes on the real RDS."""


@dataclass
class Region:
    """What the backend needs of the process around it; set once before the server starts."""

    world: Path
    fleet: Fleet
    loop: asyncio.AbstractEventLoop
    pace: Pace
    tasks: set[asyncio.Task[None]]

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` on the main loop without waiting for it."""
        self.loop.call_soon_threadsafe(self._begin, work)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run ``work`` on the main loop and return what it gives; called from the API's threads."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


class Instance(models.DBInstance):  # type: ignore[misc]  # moto has no type hints that mypy follows here
    """An instance whose endpoint is the loopback port of its identifier."""

    region_state: Region

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        alphabet = string.ascii_uppercase + string.digits
        self.dbi_resource_id = "db-" + "".join(secrets.choice(alphabet) for _ in range(26))
        self.pending_modified_values: dict[str, Any] = {}
        self.restored_at: datetime | None = None

    def save_automated_backup(self) -> None:
        """moto's pretended first backup: ours is a real one and comes once the server is there."""

    @property
    def address(self) -> str:
        return "127.0.0.1"

    @property
    def endpoint(self) -> dict[str, Any] | None:
        """No endpoint before the instance is there, as on AWS."""
        if self.status == "creating":
            return None
        state = self.region_state
        return {"Address": self.address, "Port": state.wait(state.fleet.endpoint(self.db_instance_identifier))}

    @property
    def latest_restorable_time(self) -> datetime | None:
        if self.restored_at is None and not self.region_state.fleet.machines.get(self.dbi_resource_id):
            return None
        now: datetime = utcnow()
        return now - timedelta(seconds=self.region_state.pace.restorable_lag)


class Backend(models.RDSBackend):  # type: ignore[misc]  # moto has no type hints that mypy follows here
    """The RDS of one region."""

    state: Region

    def adopt(self, parameters: dict[str, Any], key_of: str) -> Any:
        """Register an instance whose server (``key_of`` in the fleet) runs already."""
        instance = models.RDSBackend.create_db_instance(self, parameters)
        self.state.fleet.machines[instance.dbi_resource_id] = self.state.fleet.machines.pop(key_of)
        self.state.fleet.machines[instance.dbi_resource_id].key = instance.dbi_resource_id
        self.state.fleet.routes[instance.db_instance_identifier] = instance.dbi_resource_id
        return instance

    def create_db_instance(self, db_kwargs: Any) -> Any:
        """Create the record only for a restore (which brings the data); an empty instance is not offered."""
        if "origin" not in db_kwargs:
            raise RDSClientError("InvalidParameterCombination", "This rehearsal creates instances by a restore only.")
        return super().create_db_instance(db_kwargs)

    # -- snapshots

    def create_db_snapshot(self, db_instance_identifier: str, db_snapshot_identifier: str, **named: Any) -> Any:
        instance = self.databases.get(db_instance_identifier)
        automated = named.get("snapshot_type") == "automated"
        if instance is not None and db_snapshot_identifier not in self.database_snapshots and not automated:
            _must_be_available(instance, "create a snapshot")
        snapshot = super().create_db_snapshot(db_instance_identifier, db_snapshot_identifier, **named)
        snapshot.status = "creating"
        snapshot.percent_progress = 0
        snapshot.base = None
        instance.status = "backing-up"
        self.note(instance, "DB_INSTANCE_BACKUP_START")
        self.state.begin(self._take(snapshot, instance))
        return snapshot

    async def _take(self, snapshot: Any, instance: Any) -> None:
        name = snapshot.db_snapshot_identifier.replace(":", "-")
        copying = asyncio.create_task(self.state.fleet.back_up(instance.dbi_resource_id, name))
        began = time.monotonic()
        seconds = self.state.pace.snapshot if snapshot.snapshot_type == "manual" else TICK_SECONDS
        while True:
            stuck = faults.active(self.state.world, "snapshot-stuck") if snapshot.snapshot_type == "manual" else None
            share = min(1.0, (time.monotonic() - began) / seconds)
            if copying.done() and share >= 1.0 and stuck is None:
                break
            if stuck is None:
                snapshot.percent_progress = max(snapshot.percent_progress, min(99, int(share * 100)))
            await asyncio.sleep(TICK_SECONDS)
        instance.status = "available"
        if (error := copying.exception()) is not None:
            log.error("snapshot %s failed: %s", name, error)
            snapshot.status = "failed"
            return
        snapshot.base = copying.result()
        snapshot.percent_progress = 100
        snapshot.status = "available"
        self.note(instance, "DB_INSTANCE_BACKUP_FINISH")
        if snapshot.snapshot_type == "manual":
            self.note(snapshot, "DB_SNAPSHOT_CREATE_MANUAL_FINISH")

    def delete_db_snapshot(self, db_snapshot_identifier: str) -> Any:
        snapshot = self.database_snapshots.get(db_snapshot_identifier)
        if snapshot is not None and snapshot.status == "creating":
            raise RDSClientError(
                "InvalidDBSnapshotState", f"Cannot delete the snapshot {db_snapshot_identifier} while it is creating."
            )
        deleted = super().delete_db_snapshot(db_snapshot_identifier)
        if deleted.base is not None:
            self.state.begin(self.state.fleet.forget(deleted.base))
        deleted.status = "deleted"
        return deleted

    def copy_db_snapshot(self, *_: Any, **__: Any) -> Any:
        """Not offered: moto would snapshot the database as it is now and call it a copy."""
        raise RDSClientError("InvalidParameterCombination", "This rehearsal does not copy snapshots.")

    def stop_db_instance(self, *_: Any, **__: Any) -> Any:
        """Not offered: moto would say stopped while the server runs."""
        raise RDSClientError("InvalidParameterCombination", "This rehearsal does not stop instances.")

    # -- restores

    def restore_db_instance_from_db_snapshot(self, from_snapshot_id: str, overrides: Any) -> Any:
        if from_snapshot_id.startswith("arn:"):
            from_snapshot_id = from_snapshot_id.split(":snapshot:", 1)[-1]
        snapshot = self.describe_db_snapshots(None, db_snapshot_identifier=from_snapshot_id)[0]
        if snapshot.status != "available":
            raise RDSClientError(
                "InvalidDBSnapshotState", f"The snapshot {from_snapshot_id} is {snapshot.status}, not available."
            )
        overrides["origin"] = from_snapshot_id
        instance = super().restore_db_instance_from_db_snapshot(from_snapshot_id, overrides)
        return self._restored(instance, overrides, self._fill(instance, snapshot.base, None, None))

    def restore_db_instance_to_point_in_time(self, source_db_identifier: str, target: str, overrides: Any) -> Any:
        source = self.describe_db_instances(source_db_identifier)[0]
        until = overrides.get("restore_time")
        until = until.replace(tzinfo=until.tzinfo or UTC) if until is not None else None
        if (until is None) == (not overrides.get("use_latest_restorable_time")):
            raise RDSClientError(
                "InvalidParameterCombination", "Give either RestoreTime or UseLatestRestorableTime, and not both."
            )
        machine = self.state.fleet.machines[source.dbi_resource_id]
        bases = [base for base in machine.bases if until is None or base.finished <= until]
        latest = source.latest_restorable_time.replace(tzinfo=UTC)
        if not bases or (until is not None and until > latest):
            raise RDSClientError(
                "InvalidRestoreFault",
                f"The instance {source_db_identifier} cannot be restored to {until}: it is not between the earliest "
                f"restorable time and the latest, {latest:%Y-%m-%dT%H:%M:%SZ}.",
            )
        overrides["origin"] = source_db_identifier
        instance = super().restore_db_instance_to_point_in_time(source_db_identifier, target, overrides)
        newest = max(bases, key=lambda base: base.finished)
        return self._restored(instance, overrides, self._fill(instance, newest, machine, until))

    def _restored(self, instance: Any, asked: Any, filling: Coroutine[Any, Any, None]) -> Any:
        """Give a restored instance AWS's defaults for what was not asked for, and start to fill it."""
        instance.status = "creating"
        instance.multi_az = bool(asked.get("multi_az"))
        instance.deletion_protection = bool(asked.get("deletion_protection"))
        instance.tags = asked.get("tags") or []
        instance.db_subnet_group_name = asked.get("db_subnet_group_name") or DEFAULT_SUBNET_GROUP
        instance.created = instance.instance_create_time = utcnow()
        self.state.begin(filling)
        return instance

    async def _fill(self, instance: Any, base: Base, source: Any, until: datetime | None) -> None:
        key = instance.dbi_resource_id
        try:
            minimum = asyncio.create_task(asyncio.sleep(self.state.pace.restore))
            await self._copied(key, base, source, until)
            await minimum
        except Exception:
            log.exception("the restore of %s failed", instance.db_instance_identifier)
            instance.status = "incompatible-restore"
            self.note(instance, "RESTORE_FAILED")
            return
        self.state.fleet.routes[instance.db_instance_identifier] = key
        instance.restored_at = utcnow()
        self.note(instance, "RESTORED")
        self.automated_backup(instance)

    async def _copied(self, key: str, base: Base, source: Any, until: datetime | None) -> None:
        if faults.active(self.state.world, "restore-fails") is not None:
            raise RuntimeError("the fault restore-fails is switched on")
        await self.state.fleet.restore(key, base, source, until)

    def automated_backup(self, instance: Any) -> None:
        """Take the backup that RDS takes of a new instance before it calls it available.

        Point-in-time recovery begins with it.
        """
        name = f"rds:{instance.db_instance_identifier}-{utcnow():%Y-%m-%d-%H-%M-%S}"
        self.create_auto_snapshot(instance.db_instance_identifier, name)

    # -- changes

    def modify_db_instance(self, db_instance_identifier: str, db_kwargs: Any) -> Any:
        new = db_kwargs.pop("new_db_instance_identifier", None)
        if not new or new.lower() == db_instance_identifier:
            return super().modify_db_instance(db_instance_identifier, db_kwargs)
        new = new.lower()
        instance = self.describe_db_instances(db_instance_identifier)[0]
        if new in self.databases:
            raise DBInstanceAlreadyExists
        self._validate_db_identifier(new)
        _must_be_available(instance, "rename it")
        instance = super().modify_db_instance(db_instance_identifier, db_kwargs)
        instance.pending_modified_values = {"DBInstanceIdentifier": new}
        if db_kwargs.get("apply_immediately"):
            instance.status = "renaming"
            self.state.begin(self._rename(instance, new))
        return instance

    async def _rename(self, instance: Any, new: str) -> None:
        """Move the identifier, and the endpoint with it; the instance reboots, so its sessions end."""
        old = instance.db_instance_identifier
        await asyncio.sleep(self.state.pace.rename)
        routes = self.state.fleet.routes
        routes.pop(old, None)
        self.databases[new] = self.databases.pop(old)
        instance.db_instance_identifier = new
        instance.pending_modified_values = {}
        await self.state.fleet.end_sessions(instance.dbi_resource_id)
        routes[new] = instance.dbi_resource_id
        instance.status = "available"
        self.note(instance, "RENAMED")
        self.note(instance, "RESTARTED")

    def reboot_db_instance(self, db_instance_identifier: str) -> Any:
        instance = self.describe_db_instances(db_instance_identifier)[0]
        _must_be_available(instance, "reboot it")
        instance.status = "rebooting"
        self.state.begin(self._reboot(instance))
        return instance

    async def _reboot(self, instance: Any) -> None:
        await self.state.fleet.end_sessions(instance.dbi_resource_id)
        await asyncio.sleep(self.state.pace.rename)
        instance.status = "available"
        self.note(instance, "RESTARTED")

    def delete_db_instance(self, db_instance_identifier: str, **named: Any) -> Any:
        named.setdefault("delete_automated_backups", False)
        instance = super().delete_db_instance(db_instance_identifier, **named)
        self.state.fleet.routes.pop(db_instance_identifier, None)
        if instance.dbi_resource_id in self.state.fleet.machines:
            self.state.begin(self.state.fleet.remove(instance.dbi_resource_id))
        return instance

    # -- events

    def note(self, resource: Any, event_type: str) -> None:
        """Write an event that describe_events shows."""
        self.add_event(event_type, resource)

    def describe_events(self, **named: Any) -> list[Any]:
        """Return events of the time asked for: by default, as on AWS, of the last 60 minutes."""
        minutes = int(named.get("duration") or 60)
        end = _naive(named.get("end_time")) or utcnow()
        start = _naive(named.get("start_time")) or utcnow() - timedelta(minutes=minutes)
        events = super().describe_events(named.get("source_identifier"), named.get("source_type"))
        return [event for event in events if start <= event.date <= end]


def _naive(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment


def _must_be_available(instance: Any, purpose: str) -> None:
    if instance.status != "available":
        raise RDSClientError(
            "InvalidDBInstanceState",
            f"Cannot {purpose} because the database instance {instance.db_instance_identifier} is not currently in "
            f"the available state (it is {instance.status}).",
        )


def _describe_pending_maintenance_actions(response: Any) -> Any:
    """moto answers 500 here. Nothing is pending unless the world said so."""
    wanted = response.params.get("ResourceIdentifier")
    pending = [
        {"ResourceIdentifier": instance.arn, "PendingMaintenanceActionDetails": actions}
        for instance in response.backend.databases.values()
        if (actions := getattr(instance, "pending_maintenance", None)) and wanted in (None, instance.arn)
    ]
    return ActionResult({"PendingMaintenanceActions": pending})


def install(state: Region) -> None:
    """Put the honest RDS in the place of moto's, in this process."""
    Instance.region_state = state
    Backend.state = state
    Backend.__module__ = models.__name__  # moto finds a backend's URLs by the name of its module
    models.DBInstance = Instance
    models.rds_backends.backend = Backend
    RDSResponse.describe_pending_maintenance_actions = _describe_pending_maintenance_actions
    models.Event.EVENT_MAP |= {
        "RESTORED": {"Categories": ["restoration"], "Message": "Restored from snapshot or backup"},
        "RESTORE_FAILED": {"Categories": ["failure"], "Message": "The instance could not be restored"},
        "RENAMED": {"Categories": ["configuration change"], "Message": "Renamed DB instance"},
        "RESTARTED": {"Categories": ["availability"], "Message": "DB instance restarted"},
    }
