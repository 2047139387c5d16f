"""The way back, as State holds it."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.session import events as ev
from migration_cockpit.session.cost import CostReading
from migration_cockpit.session.state.base import Value
from migration_cockpit.session.state.run import RunState


class StageState(RunState, frozen=True, kw_only=True, omit_defaults=True):
    """One stage of the way back. Its outcome may also be skipped.

    `why` tells why it failed, in what state everything is and what to do; or the typed reason for which it was skipped.
    """

    title: str
    expected: float = 0.0
    """Seconds, as it was planned."""

    @property
    def passed(self) -> bool:
        """Whether the next stage may follow."""
        return self.outcome in {"verified", "skipped"}


class RollbackState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The way back, once an operator has chosen it."""

    number: int
    """How many were begun in this session, this one counted."""
    way: str
    point: str = ""
    method: str = ""
    operator: str
    reason: str
    job: str = "wait"
    started: datetime
    ended: datetime | None = None
    outcome: str = ""
    """Empty while it goes on; rolled back, aborted or failed."""
    why: str = ""
    stages: tuple[StageState, ...] = ()

    @property
    def active(self) -> bool:
        """Begun and not ended: no step may run."""
        return self.ended is None

    @property
    def stage(self) -> StageState | None:
        """The first stage that has not passed: the one that runs, failed, or is next."""
        return next((each for each in self.stages if not each.passed), None)


class WayBack(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a rollback would rest on."""

    marks: dict[str, ev.RecoveryMarked] = {}
    """By recovery point."""
    counted: dict[str, CostReading] = {}
    """By recovery point: what came since, counted when that point was chosen in the dialog."""
    expected: ev.WayBackExpected | None = None
    code: str = ""
    """What a second person reads out while a rollback waits for one."""
