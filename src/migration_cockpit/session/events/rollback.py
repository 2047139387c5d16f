"""Events of the way back: which one was chosen, and what became of each of its stages.

What the stages do is told by the events of steps, under the step id `rollback`: operations, facts, progress, checks.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from migration_cockpit.session.events.base import Check, Event

ROLLBACK = "rollback"
"""Stands where a step's id stands in the events of operations, facts, progress, checks and decisions."""


class RollbackStage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stage as it was planned."""

    stage: str
    title: str
    expected: float = 0.0
    """Seconds."""


class RollbackConsidered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator was at the rollback's dialogs; those that came to nothing are part of the record too.

    `act`: opened, armed (everything was typed, the countdown runs), cancelled, refused or fired.
    """

    kind: ClassVar[str] = "rollback.considered"
    act: str
    operator: str
    way: str = ""
    point: str = ""
    reason: str = ""
    why: str = ""
    """For `refused`, what refused it."""


class RollbackStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator chose to go back, and this way; the steps of the flight end with it."""

    kind: ClassVar[str] = "rollback.started"
    way: str
    """`abort`, `helm`, `restore`, `dump` or `downgrade`."""
    operator: str
    reason: str
    stages: tuple[RollbackStage, ...]
    point: str = ""
    """Name of the recovery point that is gone back to."""
    method: str = ""
    """`snapshot`, `dump` or `time`."""
    job: str = "wait"
    """What is done about a migration Job at work: `wait` for its end, or `end` it."""


class RollbackStageStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A stage began, or is tried again."""

    kind: ClassVar[str] = "rollback.stage.started"
    stage: str
    operator: str
    attempt: int = 1


class RollbackStageEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A stage is over. `outcome`: verified, skipped (with the typed reason in `why`) or failed."""

    kind: ClassVar[str] = "rollback.stage.ended"
    stage: str
    outcome: str
    operator: str
    why: str = ""
    """For `failed` in what state everything is and what to do."""
    checks: tuple[Check, ...] = ()


class RollbackEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The way back is flown to its end, or left where it stands. `outcome`: rolled back, aborted or failed."""

    kind: ClassVar[str] = "rollback.ended"
    outcome: str
    operator: str
    why: str = ""
