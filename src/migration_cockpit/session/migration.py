"""What is known of the database migration that runs or ran: the part of State on which verdict and progress rest."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the parts."""


class Revision(msgspec.Struct, frozen=True):
    """One revision of a schema: what it follows, the version that brought it, and its message."""

    revision: str
    down_revision: str | None
    version: str
    message: str


class Chains(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The revisions that an image told of itself, in order: Airflow's from the source's head on, and FAB's."""

    core: tuple[Revision, ...] = ()
    fab: tuple[Revision, ...] = ()


class RevisionRun(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A revision that the migration began, by the time of the log line that says so."""

    revision: str
    message: str = ""
    started: datetime
    committed: datetime | None = None
    """When the next one began, or when alembic_version showed it."""
    rows: int = 0
    """Rows done in it, where it prints batches."""
    rows_at: datetime | None = None
    """When it last printed a batch."""
    marks: tuple[tuple[datetime, int], ...] = ()
    """Some of the batches, when and at which row, from the first to the last: how steady its speed is."""
    waited: float = 0.0
    """Seconds for which it waited for locks, once the wait was over."""
    looks: int = 0
    """Readings in which its backend was at work."""
    stalled: int = 0
    """Those of them in which it waited for the disk and did nothing else."""


class LockWait(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The migration's backend waits for a lock."""

    pid: int
    relation: str = ""
    mode: str = ""
    blockers: tuple[int, ...] = ()
    since: datetime
    """As the server tells, else when it was first seen."""
    seen: datetime
    """When it was first seen, by the cockpit's clock."""


class TableSize(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A table that the migration rewrites, before it did."""

    rows: int = 0
    """By the catalogue's estimate, or counted."""
    size: int = 0
    """Bytes of the heap with its indexes and TOAST."""


class Measured(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What was measured before the Job began: what the estimate rests on."""

    tables: dict[str, TableSize] = {}
    """By table name."""
    conf: int | None = None
    """DAG runs whose conf is converted row by row; None when they could not be counted in time."""
    round_trip: float = 0.0
    """Seconds that an empty query takes from the cockpit to the database and back."""


class MigrationState(Part, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt at the migration. `job` is empty until its Job is intended."""

    job: str = ""
    attempt: int = 0
    created: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""
    """Of the operation: empty while it is in flight, `done`, `found` or `failed`."""
    detail: str = ""
    exit_code: int | None = None
    """Of the program, where it ended by itself with an error; None where it was ended, or is gone."""
    measured: Measured | None = None
    chains: Chains | None = None
    """The way between the versions as the target's image told it; None where the shipped one is known."""
    idle_wal: float = 0.0
    """Bytes of WAL per second before the Job: nine tenths of the readings were at or below it."""
    idle_iops: float = 0.0
    revisions: tuple[RevisionRun, ...] = ()
    finished: datetime | None = None
    """When its log said that the migration is done."""
    signs: dict[str, datetime] = {}
    """Last sign of life by kind: `log`, `revision`, `statement`, `view`, `backend`, `io`, `wal`, `iops`."""
    sessions: tuple[int, ...] = ()
    """Pids of its database sessions as last seen; a reading without any leaves them empty."""
    sessions_seen: datetime | None = None
    sessions_gone: datetime | None = None
    """First reading without its sessions after one with them."""
    pod: str = ""
    pod_phase: str = ""
    pod_gone: datetime | None = None
    waiting: LockWait | None = None
    heads: tuple[str, ...] = ()
    """Rows of alembic_version when it last had any: should it be emptied, this is what belongs there."""

    @property
    def running(self) -> RevisionRun | None:
        """The revision that was begun last and is not committed."""
        last = self.revisions[-1] if self.revisions else None
        return last if last is not None and last.committed is None else None

    @property
    def last_sign(self) -> tuple[str, datetime] | None:
        """The newest sign of life, kind and time."""
        return max(self.signs.items(), key=lambda item: item[1], default=None)
