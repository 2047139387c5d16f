"""The schema back in place: `airflow db downgrade` with the target's image, while nothing of Airflow runs."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions import database, job_source
from migration_cockpit.actions.job_template import printable
from migration_cockpit.actions.operation import Operation, OperationError
from migration_cockpit.actions.rollback_jobs import DowngradeJob, downgrade_command
from migration_cockpit.config import Settings
from migration_cockpit.playbook.flight import StepReport
from migration_cockpit.playbook.gates import checked, judge_source_head
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session.events import ROLLBACK, Check

SETTLE_SECONDS = 10.0


class Downgrade:
    """Only the target's image knows the revisions: it must run before the manifests go back."""

    id = "downgrade"
    title = "downgrade the schema"
    purpose = "Take the schema back to the source's head in place, one transaction a revision, keeping what ran since."
    leaves = "The database has the source's schema with the runs since; what it cannot carry is gone."
    stands = (
        "Nothing of Airflow runs; the schema is at the last revision that was undone, and trying again goes on there"
    )

    def expected(self, settings: Settings) -> float:
        """About a minute for each million task instances."""
        return 300.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """One Job."""
        directory = trip.given.recorder.artifacts if trip.given else None
        return (DowngradeJob(trip.site, directory=directory),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Make the Job as the migration's was made, with another command."""
        site, attempt = trip.site, trip.stage.attempt
        name = DowngradeJob(site, attempt).key
        manifest, dsn = await job_source.build(site, name, downgrade_command(site))
        recorder = trip.flight.recorder
        recorder.write_artifact(f"{name}.json", printable(manifest))
        position = trip.flight.state.log_positions.get(DowngradeJob.source, "") if attempt == 1 else ""
        given = {"manifest": manifest, "dsn": dsn, "position": position, "directory": recorder.artifacts}
        try:
            await trip.do(DowngradeJob(site, attempt, **given), StepReport(trip.flight, ROLLBACK))
        except OperationError as error:
            heads = await database.heads(site)
            if not judge_source_head(heads, trip.settings.deployment.source_version)[0]:
                raise
            trip.flight.say(f"{error}; the schema is at the source's head all the same", level="careful")

        async def look() -> Sequence[Check]:
            return (
                await checked("schema head", "try again: it goes on from the revision that is committed", _head(trip)),
                await checked("migration sessions", "wait: a backend ends its statement by itself", _sessions(trip)),
            )

        return await trip.verify(look, timeout=SETTLE_SECONDS)


async def _head(trip: Trip) -> tuple[bool, str]:
    return judge_source_head(await database.heads(trip.site), trip.settings.deployment.source_version)


async def _sessions(trip: Trip) -> tuple[bool, str]:
    now = trip.flight.clock.now()
    left = [each.words(now) for each in await database.sessions(trip.site) if each.migration]
    return not left, "; ".join(left) or "none"
