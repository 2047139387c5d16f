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

LOG_LINES = 400
"""Lines of the log that State keeps; the journal keeps all."""
TREND_POINTS = 180
"""Points of each trend that State keeps."""
PODS_LOOKED_AT = 4
"""Pods whose events and log State keeps, the newest that were looked at."""
PAST_ATTEMPTS = 8
"""Earlier attempts of a step that State keeps."""

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


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the parts of State."""


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


class StepState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One step of the timeline."""

    id: str
    planned: datetime
    started: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""
    """Empty: not flown or still running; else verified, overridden, skipped, failed or aborted."""
    operator: str = ""
    why: str = ""
    gates: tuple[ev.Check, ...] = ()
    checks: tuple[ev.Check, ...] = ()
    progress: str = ""
    done: int = 0
    total: int = 0
    attempt: int = 0
    overridden: bool = False
    """The operator went past something while it ran."""

    @property
    def running(self) -> bool:
        """Started and not ended."""
        return self.started is not None and self.ended is None

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


class StageState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One stage of the way back."""

    id: str
    title: str
    expected: float = 0.0
    """Seconds, as it was planned."""
    started: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""
    """Empty: not begun or still running; else verified, skipped or failed."""
    operator: str = ""
    why: str = ""
    """Why it failed, in what state everything is and what to do; or the typed reason for which it was skipped."""
    checks: tuple[ev.Check, ...] = ()
    progress: str = ""
    done: int = 0
    total: int = 0
    attempt: int = 0

    @property
    def running(self) -> bool:
        """Started and not ended."""
        return self.started is not None and self.ended is None

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


class SourceState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How a source does: when it last read, and since when and why it fails."""

    read: datetime | None = None
    failing_since: datetime | None = None
    why: str = ""


class LogEntry(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the log pane."""

    t: datetime
    source: str
    text: str
    level: str = "info"


class PodLook(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What was read of a pod on demand."""

    asked: datetime | None = None
    """Since when it is being read; None when it is not."""
    read: datetime | None = None
    event: ev.PodLooked | None = None


class AnnotationState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """An annotation on Grafana's dashboards: written, or why it was not."""

    made: datetime | None = None
    tries: int = 0
    detail: str = ""


class MessageState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A message of the playbook: queued, sent, or failing and to be tried again."""

    step: str
    text: str
    queued: datetime
    sent: datetime | None = None
    tries: int = 0
    detail: str = ""


class FailureState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A known failure that shows, or has shown."""

    since: datetime
    event: ev.FailureShown
    ended: datetime | None = None
    why: str = ""
    """Why it is over."""


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


class WayBack(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a rollback would rest on."""

    marks: dict[str, ev.RecoveryMarked] = {}
    """By recovery point."""
    counted: dict[str, CostReading] = {}
    """By recovery point: what came since, counted when that point was chosen in the dialog."""
    expected: ev.WayBackExpected | None = None
    code: str = ""
    """What a second person reads out while a rollback waits for one."""


class Updates(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The updates for the channel: the one that is prepared, and when the last one went out."""

    number: int = 0
    """How many were prepared."""
    text: str = ""
    prepared: datetime | None = None
    """When the one that waits was prepared; None while none does."""
    queued: datetime | None = None
    """Since when it is on its way."""
    sent: datetime | None = None
    failed: str = ""
    """Why the last attempt was not taken."""


class PrerequisiteState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A prerequisite of migration day as it was seen last."""

    at: datetime
    event: ev.PrerequisiteSeen


class PrepareState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The prerequisites, as this session looked at them last."""

    started: datetime
    operator: str
    looks: int = 1
    """How often they were looked at."""
    ended: datetime | None = None
    why: str = ""
    """Why they could not be looked at."""
    seen: dict[str, PrerequisiteState] = {}


class GuideState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A guided page: what was gathered when it was opened last."""

    started: datetime
    title: str
    operator: str
    ended: datetime | None = None
    found: tuple[ev.GuideFound, ...] = ()


class Trends(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Recent courses for the small charts; one point a reading."""

    running: tuple[float, ...] = ()
    queued: tuple[float, ...] = ()
    wal: tuple[float, ...] = ()
    """Bytes per second."""
    blocks: tuple[float, ...] = ()
    """Blocks read and written per second."""
    iops: tuple[float, ...] = ()


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
