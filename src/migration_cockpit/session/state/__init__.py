"""State: all that is known of a session, folded from its events and from nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.cost import CostReading
from migration_cockpit.session.migration import MigrationState
from migration_cockpit.session.readings import (
    DatabaseReading,
    HealthReading,
    MetricsReading,
    PodsReading,
    StorageReading,
    TasksReading,
)
from migration_cockpit.session.state.base import Value
from migration_cockpit.session.state.preparation import GuideState, PrepareState, PrerequisiteState
from migration_cockpit.session.state.records import AnnotationState, FailureState, MessageState, Updates
from migration_cockpit.session.state.rollback import RollbackState, StageState, WayBack
from migration_cockpit.session.state.run import RunState
from migration_cockpit.session.state.sources import (
    LEFT_ALONE,
    LOG_LINES,
    PODS_LOOKED_AT,
    TREND_POINTS,
    LogEntry,
    PodLook,
    SourceState,
    Trends,
)
from migration_cockpit.session.state.steps import (
    PAST_ATTEMPTS,
    STEP_TITLES,
    AttemptState,
    Decision,
    InFlight,
    OperationState,
    Postponement,
    Resumption,
    StepState,
)

__all__ = [
    "LEFT_ALONE",
    "LOG_LINES",
    "PAST_ATTEMPTS",
    "PODS_LOOKED_AT",
    "STEP_TITLES",
    "TREND_POINTS",
    "AnnotationState",
    "AttemptState",
    "Decision",
    "FailureState",
    "GuideState",
    "InFlight",
    "LogEntry",
    "MessageState",
    "OperationState",
    "PodLook",
    "Postponement",
    "PrepareState",
    "PrerequisiteState",
    "Resumption",
    "RollbackState",
    "RunState",
    "SourceState",
    "StageState",
    "State",
    "StepState",
    "Trends",
    "Updates",
    "WayBack",
]


class State(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that the screen draws and the runner rests on."""

    seq: int = 0
    t: datetime | None = None
    """Time of the last event."""
    session: ev.SessionOpened | None = None
    opened: datetime | None = None
    driver: ev.DriverChanged | None = None
    driver_since: datetime | None = None
    resumption: Resumption | None = None
    """None in a session's first cockpit."""
    rules: ev.RulesSet | None = None
    closed: str = ""
    outcome: str = ""
    window_end: datetime | None = None
    steps: dict[str, StepState] = {}
    operations: dict[str, OperationState] = {}
    """By `<step>/<operation>`."""
    facts: dict[str, msgspec.Raw] = {}
    """By `<step>/<name>`, JSON."""
    decision: Decision | None = None
    decisions: dict[str, ev.DecisionMade] = {}
    """By `<step>/<decision>#<attempt of the step>`."""
    overrides: tuple[ev.GateOverridden, ...] = ()
    rollback: RollbackState | None = None
    postponement: Postponement | None = None
    ledger: ev.LedgerWritten | None = None
    recovery_points: tuple[ev.RecoveryPoint, ...] = ()
    baseline: ev.BaselineTaken | None = None
    messages: dict[str, MessageState] = {}
    notes: tuple[tuple[datetime, ev.Note], ...] = ()
    migration: MigrationState = MigrationState()
    verdict: ev.VerdictChanged | None = None
    verdict_since: datetime | None = None
    failures: dict[str, FailureState] = {}
    """Known failures by their id, those that are over too."""
    credentials: dict[str, datetime] = {}
    log: tuple[LogEntry, ...] = ()
    log_positions: dict[str, str] = {}
    """Last position recorded of each log source, from which following goes on."""
    sources: dict[str, SourceState] = {}
    pods: PodsReading | None = None
    tasks: TasksReading | None = None
    database: DatabaseReading | None = None
    storage: StorageReading | None = None
    metrics: MetricsReading | None = None
    health: HealthReading | None = None
    cost: CostReading | None = None
    way_back: WayBack = WayBack()
    looks: dict[str, PodLook] = {}
    """By pod: what was read of it on demand, the newest last."""
    annotations: dict[str, AnnotationState] = {}
    """By their tag."""
    attempts: dict[str, tuple[AttemptState, ...]] = {}
    """By step: its attempts before the one that `steps` tells of."""
    trends: Trends = Trends()
    updates: Updates = Updates()
    days: dict[str, ev.DayState] = {}
    """Days before and after the migration, by their names such as D-7."""
    guides: dict[str, GuideState] = {}
    """The guided pages, by their families such as migration."""
    prepare: PrepareState | None = None
    """The prerequisites of migration day."""
    database_read: datetime | None = None

    @property
    def running_step(self) -> StepState | None:
        """The step that runs now."""
        return next((step for step in self.steps.values() if step.running), None)

    @property
    def next_step(self) -> StepState | None:
        """The first step that has not passed."""
        return next((step for step in self.steps.values() if not step.passed), None)

    def step(self, step_id: str) -> StepState:
        """The step of this id. Raises KeyError before the session is opened."""
        return self.steps[step_id]

    def attempt(self, step_id: str) -> int:
        """Which attempt of a step it is.

        The way back counts on with each start of a stage, so that one that is tried again looks anew at what it did.
        """
        if step_id == ev.ROLLBACK:
            back = self.rollback
            return back.number * 1000 + sum(each.attempt for each in back.stages) if back else 0
        if step_id == ev.POSTPONE:
            return self.postponement.attempt if self.postponement else 0
        if step_id == ev.PREPARE:
            return self.prepare.looks if self.prepare else 0
        if step_id in self.days:
            return self.days[step_id].attempt
        return self.steps[step_id].attempt if step_id in self.steps else 0

    def progress(self, step_id: str) -> tuple[str, int, int]:
        """How far a step is, or the stage of the way back that runs: in words, and so much of so much."""
        at = (self.rollback.stage if self.rollback else None) if step_id == ev.ROLLBACK else self.steps.get(step_id)
        return ("", 0, 0) if at is None else (at.progress, at.done, at.total)

    def fact(self, step: str, name: str) -> Any:
        """A fact found by a step, decoded from JSON; None when it was not found."""
        raw = self.facts.get(f"{step}/{name}")
        return None if raw is None else msgspec.json.decode(raw)
