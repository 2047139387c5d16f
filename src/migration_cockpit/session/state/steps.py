"""The steps and what was done in them, as State holds them."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.session import events as ev
from migration_cockpit.session.state.base import Value
from migration_cockpit.session.state.run import RunState

STEP_TITLES = {
    "announce": "announce",
    "pause": "pause all DAGs",
    "drain": "drain tasks",
    "helm": "helm upgrade",
    "migrate": "database migration",
    "healthy": "healthy components",
    "smoke": "smoke tests",
    "critical": "unpause critical",
    "rest": "unpause the rest",
    "soak": "soak",
    "success": "success",
}
"""Short titles of the steps, by id, in the order of the flight."""
PAST_ATTEMPTS = 8
"""Earlier attempts of a step that State keeps."""


class OperationState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One operation of a step: intended when, and what came of it."""

    step: str
    operation: str
    key: str
    commands: tuple[ev.Command, ...] = ()
    intended: datetime
    ended: datetime | None = None
    outcome: str = ""
    """Empty while it is in flight; `done`, `found` or `failed`."""
    detail: str = ""
    attempt: int = 1


class StepState(RunState, frozen=True, kw_only=True, omit_defaults=True):
    """One step of the timeline. Its outcome may also be overridden, skipped or aborted."""

    planned: datetime
    gates: tuple[ev.Check, ...] = ()
    overridden: bool = False
    """The operator went past something while it ran."""

    @property
    def passed(self) -> bool:
        """Whether the next step may follow without an override of this one."""
        return self.outcome in {"verified", "overridden", "skipped"}


class AttemptState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt of a step that another one followed."""

    number: int
    operator: str = ""
    started: datetime
    ended: datetime | None = None
    outcome: str = ""
    why: str = ""
    operations: tuple[OperationState, ...] = ()
    """Without their commands."""


class Decision(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A question that the running step asks the operator."""

    asked: datetime
    event: ev.DecisionAsked


class InFlight(Value, frozen=True, kw_only=True, omit_defaults=True):
    """An operation that was begun and not ended when the last cockpit was, and what the world showed of it."""

    step: str
    operation: str
    begun: datetime
    found: str = ""
    """`not started`, `running`, `done` or `failed`; empty: not looked at yet."""
    detail: str = ""
    outcome: str = ""
    """What came of it in the end: `done`, `found` or `failed`; empty while that is not known."""


class Resumption(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How a session was gone on with, the last time: what was left, and what was found."""

    at: datetime
    last: datetime
    """When the cockpit before it wrote its last event."""
    before: str
    """Who flew then."""
    left: str
    """Why it ended; empty when it ended without a word."""
    step: str = ""
    """The step that was running, if one was."""
    torn: int = 0
    """Bytes of a half-written last line that were cut off."""
    operations: tuple[InFlight, ...] = ()


class Postponement(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The migration was called off before anything was upgraded."""

    started: datetime
    operator: str
    reason: str
    attempt: int = 1
    ended: datetime | None = None
    outcome: str = ""
    """Empty while the DAGs come back; `verified` or `failed`."""
    why: str = ""
    checks: tuple[ev.Check, ...] = ()
    starts_from: tuple[str, ...] = ()
    """What the next session starts from, a sentence each."""
