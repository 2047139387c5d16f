"""Step 1: say that it starts, name who is on call, and note what Airflow was like before."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions.messages import SendMessage
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.playbook import baseline
from migration_cockpit.playbook.delivery import announced
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import gate, release_free, source_answers, source_head, window_open, world_errors
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check


async def _on_call(flight: Flight) -> tuple[bool, str]:
    name = flight.settings.deployment.on_call.strip()
    return bool(name), name or "nobody"


class Announce:
    """The message that opens the window."""

    id = "announce"
    title = "announce"
    key = "1"
    purpose = "Tell everybody that the migration starts and who is on call; note metrics and DAG count from before."
    undo = "A sent message cannot be taken back; send a correction with m. Nothing else was changed."
    differs = "The baseline is taken here: after the next step nothing schedules and there is nothing left to measure."

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 10.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """What would make starting pointless."""
        mend = "name who is on call: deployment.on_call"
        return (
            window_open(),
            gate("on call", "somebody is named as on call", mend, _on_call),
            source_answers(),
            source_head(),
            release_free(),
        )

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """The message."""
        return (SendMessage(Site(settings, session), "start", text(settings)),)

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return (
            "the message was accepted by Slack",
            f"on call is {settings.deployment.on_call}",
            "the baseline has a DAG count above zero",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Queue the message, take the baseline, see the message accepted."""
        flight.queue_message(self.id, "start", text(flight.settings))
        async with world_errors("the baseline cannot be taken"):
            taken = await baseline.take(flight)
        sent = await announced(flight, self.id, "start", text(flight.settings))
        holds, found = await _on_call(flight)
        measured = f"{taken.dags} DAGs, {len(taken.values)} metrics"
        mend = "an Airflow without DAGs, or the wrong database: check postgres.dsn"
        return (
            *sent,
            Check(name="on call", holds=holds, found=found),
            Check(name="baseline", holds=taken.dags > 0, found=measured, mend="" if taken.dags else mend),
        )


def text(settings: Settings) -> str:
    """The message."""
    deployment, schedule = settings.deployment, settings.schedule
    return (
        f"Airflow migration started: {deployment.name} {deployment.source_version} → {deployment.target_version}. "
        f"All DAGs will be paused now; the window ends at {schedule.window_end:%H:%M} UTC. "
        f"On call: {deployment.on_call}."
    )
