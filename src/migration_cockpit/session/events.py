"""Every kind of event: what is written to the journal and folded into State.

An event says one fact, past tense. `kind` is its name on disk; adding a kind or an optional field is a minor change,
anything else needs a new version of the journal's envelope.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from migration_cockpit.session.readings import (
    DatabaseReading,
    HealthReading,
    MetricsReading,
    PodsReading,
    StorageReading,
    TasksReading,
)

VERSION = 1
"""Version of the envelope and of the meaning of the kinds in it."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all events. `durable` events are on disk before anything follows from them."""

    kind: ClassVar[str] = ""
    durable: ClassVar[bool] = True


# --- The session ----------------------------------------------------------------------------------------------------


class SessionOpened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The first event: which migration this is."""

    kind: ClassVar[str] = "session.opened"
    session: str
    deployment: str
    production: bool
    source_version: str
    target_version: str
    context: str
    namespace: str
    release: str
    config: str
    """Digest of the config."""
    program: str
    """Version of the cockpit that wrote this."""
    planned: dict[str, datetime]
    """Planned start of each step by its id, and `window_end`."""
    rehearsal: bool = False


class DriverChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A cockpit process took the session: at its first start and at each resume."""

    kind: ClassVar[str] = "driver.changed"
    operator: str
    host: str
    pid: int
    resumed: bool = False


class SessionClosed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A cockpit process left the session; `outcome` is set when the migration itself is over."""

    kind: ClassVar[str] = "session.closed"
    reason: str
    outcome: str = ""
    """`verified`, `overridden`, `failed`, `rolled back`, or empty while the migration goes on."""


class Note(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Something a person wrote down."""

    kind: ClassVar[str] = "note"
    operator: str
    text: str
    about: datetime | None = None


class WindowMoved(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The maintenance window's end was moved, with a reason."""

    kind: ClassVar[str] = "window.moved"
    operator: str
    end: datetime
    reason: str


# --- Steps and operations --------------------------------------------------------------------------------------------


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One condition with its live value: a gate before a step, or a line of a step's verification."""

    name: str
    holds: bool
    found: str
    """The live value, in words."""
    mend: str = ""
    """What to do when it does not hold."""
    known: bool = True
    """False when the value could not be read: never counted as holding."""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operation does, as a person could type it, and what it does in words."""

    text: str
    what: str = ""


class SheetOpened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator opened a step's sheet; what it showed is part of the record."""

    kind: ClassVar[str] = "sheet.opened"
    step: str
    operator: str
    gates: tuple[Check, ...]
    commands: tuple[Command, ...]


class StepStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A step began, after its gates held or were overridden."""

    kind: ClassVar[str] = "step.started"
    step: str
    operator: str
    gates: tuple[Check, ...] = ()
    attempt: int = 1


class GateOverridden(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator went past gates that did not hold."""

    kind: ClassVar[str] = "gate.overridden"
    step: str
    operator: str
    reason: str
    gates: tuple[Check, ...]


class StepVerified(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What the verification of a step read from the world, each time that it changed."""

    kind: ClassVar[str] = "step.checked"
    step: str
    checks: tuple[Check, ...]


class StepEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A step is over. `outcome`: verified, overridden, skipped, failed or aborted."""

    kind: ClassVar[str] = "step.ended"
    step: str
    outcome: str
    operator: str
    why: str = ""
    """In one sentence; for anything but `verified` also what to do."""
    checks: tuple[Check, ...] = ()


class OperationIntended(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What is about to be done to the world. On disk before it is done."""

    kind: ClassVar[str] = "operation.intended"
    step: str
    operation: str
    key: str
    """Name derived from session and step, by which the world can be asked whether it happened."""
    commands: tuple[Command, ...]
    attempt: int = 1


class OperationEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What came of an operation: done, failed, or skipped because the world already was so."""

    kind: ClassVar[str] = "operation.ended"
    step: str
    operation: str
    key: str
    outcome: str
    """`done`, `failed` or `found` (the world shows it was done before)."""
    detail: str = ""


class OperationObserved(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What `observe()` saw of an operation in flight when the last cockpit ended."""

    kind: ClassVar[str] = "operation.observed"
    step: str
    operation: str
    key: str
    found: str
    """`not started`, `running`, `done` or `failed`."""
    detail: str = ""


class StepFact(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A fact a step found and later steps need, such as replica counts before scaling to zero."""

    kind: ClassVar[str] = "step.fact"
    step: str
    name: str
    value: msgspec.Raw
    """JSON."""


class StepProgress(Event, frozen=True, kw_only=True, omit_defaults=True):
    """How far the running step is, in words and, where it can be counted, in numbers."""

    kind: ClassVar[str] = "step.progress"
    durable: ClassVar[bool] = False
    step: str
    text: str
    done: int = 0
    total: int = 0


class DecisionAsked(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A step waits for the operator.

    `choices` maps an answer to what it means; an answer in `reasoned` needs a typed reason.
    """

    kind: ClassVar[str] = "decision.asked"
    step: str
    decision: str
    question: str
    choices: dict[str, str]
    evidence: tuple[str, ...] = ()
    reasoned: tuple[str, ...] = ()


class DecisionMade(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The operator's answer."""

    kind: ClassVar[str] = "decision.made"
    step: str
    decision: str
    answer: str
    operator: str
    reason: str = ""


class LedgerWritten(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The pause ledger: the DAGs that were active before step 2 (in the artifact), and how many there were in all."""

    kind: ClassVar[str] = "ledger.written"
    artifact: str
    active: int
    total: int


class RecoveryPoint(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A snapshot or dump that can be gone back to, with the alembic head it holds."""

    kind: ClassVar[str] = "recovery.point"
    name: str
    method: str
    """`snapshot` or `dump`."""
    step: str
    head: str
    taken: datetime
    size: int = 0
    checksum: str = ""


class BaselineTaken(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The scheduler metrics before the migration, by metric name."""

    kind: ClassVar[str] = "baseline.taken"
    values: dict[str, float]
    dags: int = 0


class MessageQueued(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A message that shall go out."""

    kind: ClassVar[str] = "message.queued"
    message: str
    """Its name: unique in the session, so that it goes out once."""
    step: str
    text: str


class MessageTried(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt to send a message."""

    kind: ClassVar[str] = "message.tried"
    message: str
    sent: bool
    detail: str = ""


class LogLine(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A line that the running step printed, or the cockpit about it."""

    kind: ClassVar[str] = "log.line"
    durable: ClassVar[bool] = False
    source: str
    """`job`, `helm`, `cockpit` ..."""
    text: str
    level: str = "info"
    """`info`, `good`, `careful` or `bad`."""
    at: str = ""
    """Position in the source's own stream (a timestamp), by which a reconnect goes on without gap or duplicate."""


class VerdictChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What the cockpit says of the running migration, when that changed, with its evidence."""

    kind: ClassVar[str] = "verdict.changed"
    verdict: str
    evidence: str


# --- Sources ------------------------------------------------------------------------------------------------------


class PodsRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the pods source."""

    kind: ClassVar[str] = "read.pods"
    durable: ClassVar[bool] = False
    reading: PodsReading


class TasksRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the tasks source."""

    kind: ClassVar[str] = "read.tasks"
    durable: ClassVar[bool] = False
    reading: TasksReading


class DatabaseRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the database source."""

    kind: ClassVar[str] = "read.database"
    durable: ClassVar[bool] = False
    reading: DatabaseReading


class StorageRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the storage source."""

    kind: ClassVar[str] = "read.storage"
    durable: ClassVar[bool] = False
    reading: StorageReading


class MetricsRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the metrics source."""

    kind: ClassVar[str] = "read.metrics"
    durable: ClassVar[bool] = False
    reading: MetricsReading


class HealthRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the health source."""

    kind: ClassVar[str] = "read.health"
    durable: ClassVar[bool] = False
    reading: HealthReading


class SourceBeat(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The source read again and found no change: "no change" and "no data" differ."""

    kind: ClassVar[str] = "source.beat"
    durable: ClassVar[bool] = False
    source: str


class SourceFailed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A source could not be read. Written when it begins to fail and when the reason changes."""

    kind: ClassVar[str] = "source.failed"
    durable: ClassVar[bool] = False
    source: str
    why: str


class SourceRecovered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A source that failed reads again."""

    kind: ClassVar[str] = "source.recovered"
    durable: ClassVar[bool] = False
    source: str


class CredentialsExpire(Event, frozen=True, kw_only=True, omit_defaults=True):
    """When a credential that the flight needs ends."""

    kind: ClassVar[str] = "credentials.expire"
    durable: ClassVar[bool] = False
    name: str
    at: datetime


class Keyframe(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A whole State, so that seeking need not fold from the beginning."""

    kind: ClassVar[str] = "keyframe"
    durable: ClassVar[bool] = False
    state: msgspec.Raw


def _kinds(base: type[Event]) -> dict[str, type[Event]]:
    return {cls.kind: cls for cls in base.__subclasses__()}


KINDS = _kinds(Event)
"""Event class by its name on disk."""
