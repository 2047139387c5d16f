"""Step 11: tell everybody that it is done."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions.messages import SendMessage
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.playbook.delivery import announced
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check


class Success:
    """The message that ends the migration."""

    id = "success"
    title = "success"
    key = "-"
    purpose = "Tell everybody that the migration is complete and whom to page."
    undo = "A sent message cannot be taken back; send a correction with m."
    differs = ""

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 10.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """None but the steps before it."""
        return ()

    def operations(self, settings: Settings, session: str) -> Sequence[Operation]:
        """The message."""
        return (SendMessage(Site(settings, session), "success", text(settings)),)

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return ("the message was accepted by Slack",)

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Queue the message and see it accepted."""
        return await announced(flight, self.id, "success", text(flight.settings))


def text(settings: Settings) -> str:
    """The message."""
    deployment = settings.deployment
    return (
        f"Airflow migration complete: {deployment.name} runs {deployment.target_version} and is stable. "
        f"All DAGs that were active are active again. Issues? Page {deployment.on_call}."
    )
