"""What is shown of a step before it is confirmed. Light to import: the screen needs it before it has painted."""

from __future__ import annotations

from dataclasses import dataclass

from migration_cockpit.session.events import Check, Command


class Refused(Exception):
    """A step may not run now; the message says why."""


@dataclass(frozen=True)
class Sheet:
    """What is shown of a step before it is confirmed."""

    step: str
    title: str
    purpose: str
    differs: str
    undo: str
    expected: float
    gates: tuple[Check, ...]
    commands: tuple[Command, ...]
    verification: tuple[str, ...]

    @property
    def failing(self) -> tuple[Check, ...]:
        """Gates that do not hold: going on needs a typed reason."""
        return tuple(gate for gate in self.gates if not (gate.holds and gate.known))
