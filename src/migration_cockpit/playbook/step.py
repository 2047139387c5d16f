"""The shape of a step of the playbook."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from migration_cockpit.actions.operation import Operation
from migration_cockpit.config import Settings
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.session.events import Check


@dataclass(frozen=True)
class Gate:
    """A condition that must hold before a step may run. `look` reads it live and never raises for a failing source."""

    name: str
    asks: str
    """What must be true, in words, for `plan` and the sheet."""
    look: Callable[[Flight], Awaitable[Check]]


class Step(Protocol):
    """One step of migration day."""

    id: str
    title: str
    key: str
    """The key that opens its sheet: 1 to 9, 0, -."""
    purpose: str
    """One sentence: what it is for."""
    undo: str
    """One sentence: what undoes it."""
    differs: str
    """Where it differs from the source playbook and why; empty when it does not."""

    def expected(self, settings: Settings) -> float:
        """How long it should take, seconds."""

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """What must hold before it, beside the steps before it having passed."""

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """Its operations in order, for the sheet and for `plan`: built without any connection.

        Values known only in the flight (replica counts, revisions) stand as <words in angle brackets>. `attempt` is the
        one that would start now: what is not repeatable has another name in each.
        """

    def verification(self, settings: Settings) -> Sequence[str]:
        """What its verification will read from the world, in words, for the sheet and for `plan`."""

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Run it: operations through `flight.do`, questions through `flight.decide`, then `flight.verify`.

        Returns the last verification. Must be able to be entered again after a crash at any point: operations that are
        done are found, decisions that were made are kept. Raises OperationError, StepFailed or StepAborted.
        """
