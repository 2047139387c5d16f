"""Events that later steps and people rest on: ledger, recovery points, baseline, messages, log, verdict."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from migration_cockpit.session.events.base import Event


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
    fingerprint: str = ""
    """Artifact with rows and hash of every table as it was then; empty where they were not read."""


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
    subject: str = ""
    """What it is about, such as the blocker: the same word about something else is recorded again."""
