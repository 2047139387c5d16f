"""The two messages of a way back."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions.messages import SendMessage
from migration_cockpit.actions.operation import Operation
from migration_cockpit.config import Settings
from migration_cockpit.playbook.rollback.plan import ABORT, DOWNGRADE, HELM
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session.events import Check

BEGUN, DONE = "rollback", "rolled-back"


class Begun:
    """A message goes out beside the stages and never holds one up."""

    id = "announce"
    title = "announce"
    purpose = "Tell everybody that Airflow goes back and is down meanwhile."
    leaves = "The message is queued; it is sent beside the stages."
    stands = "Nothing was told yet"

    def expected(self, settings: Settings) -> float:
        """It waits for nothing."""
        return 0.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """The message."""
        return (SendMessage(trip.site, BEGUN, begun(trip)),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Queue it."""
        trip.tell(BEGUN, begun(trip))
        return (Check(name="message", holds=True, found="queued"),)


class Done:
    """The message that Airflow is back."""

    id = "announce-done"
    title = "announce the end"
    purpose = "Tell everybody that Airflow is back, and what is lost."
    leaves = "The message is queued; it is sent beside the stages."
    stands = "Airflow is back and nobody was told"

    def expected(self, settings: Settings) -> float:
        """It waits for nothing."""
        return 0.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """The message."""
        return (SendMessage(trip.site, DONE, done(trip)),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Queue it."""
        trip.tell(DONE, done(trip))
        return (Check(name="message", holds=True, found="queued"),)


def begun(trip: Trip) -> str:
    """That it begins."""
    deployment = trip.settings.deployment
    return (
        f"Airflow {deployment.name} goes back to {deployment.source_version}. It is down until that is done. "
        f"On call: {deployment.on_call}."
    )


def done(trip: Trip) -> str:
    """That it is over."""
    deployment = trip.settings.deployment
    if trip.way == ABORT:
        return (
            f"The Airflow migration of {deployment.name} was aborted before anything was upgraded. "
            f"{deployment.source_version} runs as before. On call: {deployment.on_call}."
        )
    lost = {
        HELM: "The database was not changed.",
        DOWNGRADE: f"Runs since the migration were kept, as far as {deployment.source_version} can carry them.",
    }.get(trip.way, f"Everything that Airflow wrote since {trip.point} is not in it any more.")
    return f"Airflow {deployment.name} is back at {deployment.source_version}. {lost} On call: {deployment.on_call}."
