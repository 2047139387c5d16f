"""Step 5: the database migration as a Kubernetes Job, behind the gate that nobody else writes."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions import database, direct, job_source
from migration_cockpit.actions.job_template import printable
from migration_cockpit.actions.migration_job import LOG_SOURCE, MigrationJob, job_name, status_of
from migration_cockpit.actions.operation import Operation, OperationError, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import revisions
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import measuring, migrate_gates, migrated, recovery_points, reference
from migration_cockpit.playbook.flight import Flight, StepFailed, StepReport
from migration_cockpit.playbook.gates import emptied, site_of, world_errors
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check

SETTLE_SECONDS = 10.0
"""How long the verification may take to read the same twice after the Job's end."""


class Migrate:
    """Snapshot, Job, verification of the schema itself."""

    id = "migrate"
    title = "database migration"
    key = "5"
    purpose = (
        "Bring the schema to the target version with a Job of its own, after a snapshot, while nobody else writes."
    )
    undo = "Restore the recovery point, or airflow db downgrade with the 3.x image; never DELETE FROM alembic_version."
    differs = (
        "Not by kubectl exec: the scheduler waits in Init, an old pod's `airflow db migrate` does nothing with exit "
        "code 0, and an exec dies with the laptop. On PostgreSQL every revision is one transaction: what breaks is "
        "undone to the last revision and goes on from there; deleting alembic_version destroys the migration."
    )

    def expected(self, settings: Settings) -> float:
        """The playbook's 15 to 30 minutes; the estimate from row counts is the screen's."""
        return 1800.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """Nobody else writes, the way back is there, and nothing stands in the way."""
        return migrate_gates.gates(settings)

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """Snapshot and Job."""
        site = Site(settings, session)
        points = recovery_points.operations(site, self.id, dump=not settings.rds)
        return (*points, *reference.operations(site, attempt), MigrationJob(site, job_name(site, attempt)))

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        target = settings.deployment.target_version
        head = revisions.head(target) or "the head the image has"
        return (
            "the Job ended with 0, or the schema is complete all the same",
            f"alembic_version has one row, {head}, the head of {target}",
            "the FAB provider's tables are at a head of theirs",
            f"every column is as in a fresh database of {target}",
            "no session of the migration is left",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Take the snapshot, run the Job or find it, read the schema."""
        async with world_errors("step 5"):
            name = await self._name(flight)
            ended = await self._ended(flight, name)
            if not ended:
                flight.queue_message(self.id, "migrating", text(flight))
                await self._snapshot(flight)
                await reference.take(flight)
                await self._alone(flight, name)
                await self._job(flight, name)
            return await flight.verify(
                self.id, lambda: migrated.checks(flight, name), timeout=SETTLE_SECONDS, every=0.5
            )

    async def _name(self, flight: Flight) -> str:
        """The Job's name in this attempt: the last one while it runs or where it reached the target, else a new one.

        Written down before the Job is made, so that a resumed flight looks for the same.
        """
        attempt = flight.state.step(self.id).attempt
        known = flight.fact(self.id, "job") or {}
        if known.get("attempt") == attempt:
            return str(known["name"])
        site = site_of(flight)
        name = job_name(site, attempt)
        if known:
            job = await flight.connections.kube.find("jobs", known["name"])
            status = status_of(job)[0] if job is not None else Status.NOT_STARTED
            # One that ended with 0 and migrated nothing (an image of the old version does) is not found again.
            if status is Status.RUNNING or (status is Status.DONE and await self._reached(flight)):
                name = known["name"]
        flight.write_fact(self.id, "job", {"attempt": attempt, "name": name})
        return name

    async def _ended(self, flight: Flight, name: str) -> bool:
        """Whether the schema is at the target and no Job of this name is at work: then there is nothing to run.

        A Job that reached the head and failed afterwards (its lock session was ended, say) has done its work.
        """
        if not await self._reached(flight):
            return False
        seen = await MigrationJob(site_of(flight), name).observe()
        return seen.status in {Status.NOT_STARTED, Status.FAILED}

    async def _reached(self, flight: Flight) -> bool:
        """Whether the schema is at the target's head, the FAB provider's tables too."""
        head = reference.head(flight)
        heads = await database.heads(site_of(flight))
        return head is not None and heads.revisions == (head,) and await migrated.fab_done(flight)

    async def _alone(self, flight: Flight, name: str) -> None:
        """Look once more that nobody else writes: the recovery point may have taken longer than the gates are true.

        What the operator went past at the start is not asked again. Raises StepFailed.
        """
        if await flight.connections.kube.find("jobs", name) is not None:
            return
        past = {gate.name for each in flight.state.overrides if each.step == self.id for gate in each.gates}
        gates = [gate for gate in (*migrate_gates.alone(), migrate_gates.directly()) if gate.name not in past]

        async def look() -> Sequence[Check]:
            return [await gate.look(flight) for gate in gates]

        failing = [each for each in await flight.verify(self.id, look, timeout=SETTLE_SECONDS) if not each.holds]
        if failing:
            found = "; ".join(f"{each.name}: {each.found} → {each.mend}" for each in failing)
            raise StepFailed(f"it is not as it was before the recovery point, so no Job was made. {found}")

    async def _versioned(self, flight: Flight) -> None:
        """Make no Job over a full schema whose version row is gone, whatever was overridden. Raises StepFailed."""
        heads = await database.heads(site_of(flight))
        if heads.airflow and not heads.revisions:
            source = flight.settings.deployment.source_version
            raise StepFailed(f"no Job was made: {emptied(heads, source, flight.state.migration.heads)}")

    async def _snapshot(self, flight: Flight) -> None:
        """A recovery point of its own before the first attempt, and before a later one where the schema has moved."""
        if flight.state.operations.get(f"{self.id}/migration-job") and self._job_intended(flight):
            return
        heads = await database.heads(site_of(flight))
        head = heads.revisions[0] if len(heads.revisions) == 1 else ""
        own = [point for point in flight.state.recovery_points if point.step == self.id]
        if own and own[-1].head == head:
            return
        generation = len(own) + 1
        flight.progress(self.id, "taking the recovery point before the migration")
        await recovery_points.take(flight, self.id, generation, dump=not flight.settings.rds)

    def _job_intended(self, flight: Flight) -> bool:
        operation = flight.state.operations[f"{self.id}/migration-job"]
        return operation.attempt == flight.state.step(self.id).attempt

    async def _job(self, flight: Flight, name: str) -> None:
        site = site_of(flight)
        manifest, dsn = None, None
        if await flight.connections.kube.find("jobs", name) is None:
            await self._versioned(flight)
            way = await direct.tried(site)
            manifest, dsn = await job_source.build(site, name, way=way)
            shown = flight.recorder.redactor.clean(printable(manifest).decode())
            flight.recorder.write_artifact(f"{name}.json", shown.encode())
            words = manifest["metadata"]["annotations"]["migration-cockpit/made-from"]
            image = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
            flight.say(f"Job {name} is made from {words}, image {image}; to the database: {way.words}")
            if flight.state.migration.job != name:  # one that was intended before is weighed as it was then
                await measuring.measure(flight)
        operation = MigrationJob(
            site,
            name,
            manifest=manifest,
            dsn=dsn,
            position=flight.state.log_positions.get(LOG_SOURCE, ""),
            directory=flight.recorder.artifacts,
        )
        try:
            report = StepReport(flight, self.id)
            await flight.do(self.id, operation, report)
            await operation.catch_up(report, flight.state.log_positions.get(LOG_SOURCE, ""))
        except OperationError as error:
            try:
                if await self._ended(flight, name):
                    flight.say(f"{error}; the schema is at the target's head all the same", level="careful")
                    return
                left = await migrated.after_failure(flight, name)
            except WorldError as unread:
                left = f"In what state it left the schema cannot be read: {unread}"
            raise StepFailed(f"{str(error).rstrip('.')}. {left}") from error


def text(flight: Flight) -> str:
    """The message that the point of no quick return is passed."""
    deployment = flight.settings.deployment
    return (
        f"Airflow migration of {deployment.name}: the database migration to {deployment.target_version} starts. "
        f"Airflow is down until it is done. On call: {deployment.on_call}."
    )
