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
from migration_cockpit.session.state import STEP_TITLES, State


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

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """The message."""
        return (SendMessage(Site(settings, session), "success", text(settings)),)

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return ("the message was accepted by Slack",)

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Queue the message and see it accepted."""
        return await announced(flight, self.id, "success", text(flight.settings, gaps(flight.state)))


def gaps(state: State) -> list[str]:
    """The steps before the last that are not verified, in words."""
    before = [step for step in state.steps.values() if step.id != Success.id]
    return [f"{STEP_TITLES[step.id]} {step.outcome or 'not flown'}" for step in before if step.outcome != "verified"]


def text(settings: Settings, missing: Sequence[str] = ()) -> str:
    """The message; what was not verified is not told as if it were."""
    deployment = settings.deployment
    page = f"Issues? Page {deployment.on_call}."
    if missing:
        return (
            f"Airflow migration ended: {deployment.name} is to run {deployment.target_version}. "
            f"Not verified: {', '.join(missing)}. {page}"
        )
    return (
        f"Airflow migration complete: {deployment.name} runs {deployment.target_version} and is stable. "
        f"All DAGs that were active are active again. {page}"
    )
