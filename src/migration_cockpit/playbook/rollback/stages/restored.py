"""The recovery point back, beside the old database: as a new RDS instance, or as a fresh database from a dump."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from migration_cockpit.actions import databases, direct, instances, job_source, own_connection
from migration_cockpit.actions.databases import RestoreDump
from migration_cockpit.actions.instances import MatchInstance, RestoreInstance
from migration_cockpit.actions.job_template import printable
from migration_cockpit.actions.operation import Operation, OperationError
from migration_cockpit.actions.rollback_jobs import ProbeJob
from migration_cockpit.advice import revisions
from migration_cockpit.config import Settings
from migration_cockpit.playbook import standstill
from migration_cockpit.playbook.flight import StepFailed, StepReport
from migration_cockpit.playbook.gates import checked
from migration_cockpit.playbook.rollback import fingerprint
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session.events import ROLLBACK, Check

SETTLE_SECONDS = 20.0
"""How long a restored server gets to show what it holds."""


class RestoreRds:
    """A new instance from the recovery point, with every setting of the old one."""

    id = "restore"
    title = "restore the recovery point"
    purpose = (
        "Restore the recovery point to a new instance with the old one's settings, and wait until it is available."
    )
    leaves = "The restored instance runs beside the old one; the old one is untouched, and nothing of Airflow runs."
    stands = "Nothing of Airflow runs; the old instance is untouched and has the database as 3.x left it"

    def expected(self, settings: Settings) -> float:
        """What a rehearsal of it took."""
        return settings.rollback.restore_expected

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Restore, then what a restore does not take."""
        old = _old(trip)
        snapshot = trip.point if trip.method == "snapshot" else ""
        number = int(trip.fact("restore") or 1)
        restore = RestoreInstance(trip.site, snapshot=snapshot, moment=trip.moment, old=old, number=number)
        return (restore, MatchInstance(trip.site, old, number=number))

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Write down what the old instance is like, restore, compare the settings."""
        if _old(trip) is None:
            # Twice told of dates: JSON keeps what the comparison needs.
            described = await trip.flight.connections.rds_instance()
            trip.write_fact("instance", json.loads(json.dumps(described, default=str)))
        name = await self._name(trip)
        for operation in self.operations(trip):
            await trip.do(operation)
        restored = await instances.find(trip.site, identifier=name)
        if restored is None:
            raise StepFailed(f"instance {name} was restored and is gone: look who deletes instances, then try again")
        host, port = instances.endpoint_of(restored)
        found = {"resource": restored["DbiResourceId"], "name": "", "identifier": name, "host": host, "port": port}
        trip.write_fact("restored", found)

        async def look() -> Sequence[Check]:
            mend = "modify the restored instance so that it is as the old one, then try again"
            return (await checked("settings as before", mend, _settings(trip)),)

        return await trip.verify(look, timeout=SETTLE_SECONDS)

    async def _name(self, trip: Trip) -> str:
        """The identifier to restore under: another one when an earlier restore is broken for good."""
        number = int(trip.fact("restore") or 1)
        found = await instances.find(trip.site, identifier=instances.restored_name(trip.site, number))
        if found is not None and instances.broken(found):
            number += 1
            trip.write_fact("restore", number)
        return instances.restored_name(trip.site, number)


def _old(trip: Trip) -> dict[str, Any] | None:
    found: dict[str, Any] | None = trip.fact("instance")
    return found


async def _settings(trip: Trip) -> tuple[bool, str]:
    restored = await instances.find(trip.site, resource=str(trip.fact("restored")["resource"]))
    found = instances.differences(_old(trip) or {}, restored or {})
    count = len(instances.SETTINGS) + len(instances.AFTERWARDS)
    return not found, "; ".join(found) or f"{count} settings are the old instance's"


class RestoreFromDump:
    """A fresh database beside the old one, on the same server."""

    id = "restore"
    title = "restore the dump"
    purpose = "Restore the verified dump into a fresh database beside the old one."
    leaves = "The restored database is there beside the old one; the old one is untouched, and nothing of Airflow runs."
    stands = "Nothing of Airflow runs; the old database is untouched and as 3.x left it"

    def expected(self, settings: Settings) -> float:
        """What a rehearsal of it took."""
        return settings.rollback.restore_expected

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Create and restore."""
        dump = trip.given.recorder.artifacts / trip.point if trip.given else None
        return (RestoreDump(trip.site, dump, database_name(trip)),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Write down which database is which, restore, see that it is Airflow's."""
        dsn = await admin_dsn(trip)
        if trip.fact("database") is None:
            name = str((await _rows(trip, "select current_database()"))[0][0])
            trip.write_fact("database", {"name": name, "oid": await databases.oid_of(trip.site, dsn, name)})
        dump = trip.flight.recorder.artifacts / trip.point
        owner = str(trip.flight.fact(standstill.STEP, "database-user") or "")
        await trip.do(RestoreDump(trip.site, dump, database_name(trip), dsn, owner=owner))
        name = databases.restored_database(trip.site, database_name(trip))
        trip.write_fact("restored", {"name": name, "oid": await databases.oid_of(trip.site, dsn, name)})
        return (Check(name="restored database", holds=True, found=name),)


def database_name(trip: Trip) -> str:
    """The name of Airflow's database."""
    found = trip.fact("database")
    return str(found["name"]) if found else "<database>"


async def admin_dsn(trip: Trip) -> str:
    """The connection of the role that may create and rename databases. Raises WorldError."""
    given = trip.settings.rollback.admin_dsn
    if given is not None:
        return await trip.flight.connections.secret(given)
    return await trip.airflow_dsn()


async def _rows(trip: Trip, sql: str) -> list[tuple[Any, ...]]:
    from migration_cockpit.actions import database

    return await database.rows(trip.site, sql)


class Compare:
    """Nothing of Airflow starts before the restored database is what the recovery point was."""

    id = "compare"
    title = "compare with the recovery point"
    purpose = (
        "Prove that the restored database is the recovery point: every table's rows and hash, and the schema's head."
    )
    leaves = "What was restored is proved, table by table; nothing of Airflow has touched it."
    stands = "The restored database is not proved yet; nothing of Airflow runs"

    def expected(self, settings: Settings) -> float:
        """A pass over every table."""
        return 120.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """It changes nothing."""
        return ()

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Read the restored database as the recovery point was read."""
        at, database = target_of(trip)
        limit = trip.settings.rollback.fingerprint_timeout
        found = await fingerprint.read(trip.flight, at=at, database=database, step=ROLLBACK, seconds=limit)
        kept = json.loads(msgspec.json.encode(found))
        trip.write_fact("compared", {"rows": found.rows, "tables": len(found.tables), "hashed": found.hashed})
        trip.flight.recorder.write_artifact(
            f"fingerprint-restored-{trip.point.replace(':', '')}.json", msgspec.json.format(json.dumps(kept).encode())
        )

        async def look() -> Sequence[Check]:
            mend = "do not start Airflow on it: restore another recovery point"
            return (await checked("schema head", mend, _head(trip)), self._same(trip, found))

        return await trip.verify(look, timeout=SETTLE_SECONDS)

    def _same(self, trip: Trip, found: fingerprint.Fingerprint) -> Check:
        before, point = recorded_fingerprint(trip), trip.recovery_point
        if before is None and point is not None and point.fingerprint:
            lost = f"{point.fingerprint}, by which it would be compared, cannot be read"
            mend = "bring the file back into the session's artifacts, or compare by hand and go on with a reason"
            return Check(name="tables", holds=False, known=False, found=lost, mend=mend)
        if before is None:
            rows = (
                f"{len(found.tables)} tables, {found.rows} rows; the recovery point has no fingerprint to compare with"
            )
            return Check(name="tables", holds=True, found=rows)
        wrong = before.differences(found)
        shown = "; ".join(wrong[: fingerprint.SHOWN]) + (" …" if len(wrong) > fingerprint.SHOWN else "")
        how = "equal row for row" if before.hashed and found.hashed else "with equal row counts"
        same = f"{len(found.tables)} tables {how}, {found.rows} rows"
        mend = "do not start Airflow on it: restore another recovery point" if wrong else ""
        return Check(name="tables", holds=not wrong, found=shown or same, mend=mend)


def recorded_fingerprint(trip: Trip) -> fingerprint.Fingerprint | None:
    """What the database held at the recovery point; of a moment, what it held at the snapshot before it."""
    points = trip.flight.state.recovery_points
    source = revisions.head(trip.settings.deployment.source_version)
    point = trip.recovery_point or next(
        (each for each in reversed(points) if each.head == source and each.fingerprint), None
    )
    return fingerprint.load(trip.flight, point.fingerprint) if point else None


def target_of(trip: Trip) -> tuple[tuple[str, int] | None, str]:
    """Where the restored database is before Airflow finds it: server and database name, as connections take them."""
    restored = trip.fact("restored") or {}
    if restored.get("name"):
        return None, str(restored["name"])
    return (str(restored["host"]), int(restored["port"])), ""


async def _head(trip: Trip) -> tuple[bool, str]:
    at, database = target_of(trip)
    expected = revisions.head(trip.settings.deployment.source_version)
    async with trip.flight.connections.postgres(at=at, database=database) as session:
        cursor = await session.execute("select version_num from alembic_version")
        found = [str(row[0]) for row in await cursor.fetchall()]
    return found == [
        expected
    ], f"{', '.join(found) or 'no row'}, {trip.settings.deployment.source_version} has {expected}"


class Probe:
    """A pod of 2.x proves that the database can be reached from where Airflow runs."""

    id = "probe"
    title = "probe from the cluster"
    purpose = "Let a pod of the source's image reach the restored database before Airflow rests on it."
    leaves = "The restored database is reached from the cluster, and the image of 2.x finds its own schema there."
    stands = "The restored database is proved; whether the cluster reaches it is not known; nothing of Airflow runs"

    def expected(self, settings: Settings) -> float:
        """A pod's start and one command."""
        return 60.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """One Job."""
        directory = trip.given.recorder.artifacts if trip.given else None
        return (ProbeJob(trip.site, directory=directory),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Make the Job from the recorded revision's scheduler, with a connection to the restored database."""
        site, attempt = trip.site, trip.stage.attempt
        probe = ProbeJob(site, attempt)
        objects = await trip.old_objects()
        revision = f"revision {trip.recorded_revision}"
        manifest = await job_source.build_from(site, probe.key, objects, ProbeJob.command, where=revision)
        artifacts = trip.flight.recorder.artifacts
        trip.flight.recorder.write_artifact(f"{probe.key}.json", printable(manifest))
        dsn = trip.flight.connections.redactor.register(await _restored_dsn(trip, objects))
        job = ProbeJob(site, attempt, manifest=manifest, dsn=dsn, directory=artifacts)
        try:
            detail = await trip.do(job, StepReport(trip.flight, ROLLBACK))
        except OperationError as error:
            raise OperationError(
                f"{error}. Its log is in the log pane: a security group or a network policy between the cluster and "
                "the restored database is the usual cause"
            ) from error
        return (Check(name="reached from the cluster", holds=True, found=detail),)


async def _restored_dsn(trip: Trip, objects: Sequence[Any]) -> str:
    dsn = await direct.airflow_dsn(trip.site, objects)
    at, database = target_of(trip)
    host, port = at or own_connection.place_of(dsn)
    return own_connection.moved(dsn, host, port, database)
