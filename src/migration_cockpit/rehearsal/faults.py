"""The faults of the rehearsal world: at least one for each step, switched on and off while it runs.

The switches live in ``faults.json`` of the world's directory and are read fresh by whatever acts on them, so a fault
can be set before the world starts, in the middle of a flight, or taken back again.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILE_NAME = "faults.json"
STORAGE_FULL = "storage-full"
"""File in the world's directory that is there while the database's disk has no room."""


@dataclass(frozen=True)
class Fault:
    """``name`` as typed after ``--fault``, the ``step`` it makes end not verified, and what it does in a sentence.

    The step ``rollback`` is the way back: a stage of it fails. ``verdict`` is what a fault of the migration ends with,
    ``limits`` what the config of a fast rehearsal says so that it shows within seconds.
    """

    name: str
    step: str
    sentence: str
    verdict: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)


_ALL = (
    Fault("webhook-down", "announce", "Slack's webhook refuses every message."),
    Fault("pause-noop", "pause", "Pausing reports success for every DAG, but some of them stay active."),
    Fault("zombie-task", "drain", "A task instance stays in running although no process works on it any more."),
    Fault("old-pod-survives", "helm", "A 2.x pod ignores being scaled to zero and keeps its database session."),
    Fault("helm-pending", "helm", "A killed Helm left the release in pending-upgrade: the next upgrade is refused."),
    Fault("snapshot-stuck", "helm", "The RDS snapshot stays in creating and never becomes available."),
    Fault(
        "slow-alter",
        "migrate",
        "One ALTER TABLE takes minutes: it moves, but will not be done by the decision point.",
        "SLOW",
        {"decision_at": 20},
    ),
    Fault(
        "blocked-by-idle-transaction",
        "migrate",
        "A report has read task_instance and leaves its transaction open.",
        "BLOCKED",
    ),
    Fault(
        "blocked-by-create-user-job",
        "migrate",
        "The chart's create-user Job holds ab_role while the FAB tables are migrated.",
        "BLOCKED",
    ),
    Fault(
        "quiet",
        "migrate",
        "The migration process hangs without waiting for anybody.",
        "QUIET",
        {"quiet_warning": 3, "quiet": 8},
    ),
    Fault("pod-evicted", "migrate", "The node evicts the migration's pod in the middle of a revision.", "LOST"),
    Fault("database-restart", "migrate", "The database server restarts in the middle of a revision.", "FAILED"),
    Fault("disk-filling", "migrate", "The database's disk is full in the middle of a revision.", "FAILED"),
    Fault("migration-crash", "migrate", "The migration process dies in the middle of a revision.", "FAILED"),
    Fault("alembic-version-deleted", "migrate", "Somebody empties alembic_version as the migration starts.", "FAILED"),
    Fault(
        "second-migration",
        "migrate",
        "A colleague's airflow db migrate holds the lock of all migrations already.",
        "FAILED",
    ),
    Fault(
        "statement-timeout",
        "migrate",
        "The Job's session settings are dropped, the role's time-out cuts it off.",
        "FAILED",
    ),
    Fault("xcom-bad", "migrate", "A late task leaves an XCom that the conversion to JSON fails on.", "FAILED"),
    Fault("secret-late", "healthy", "A Secret that the new pods need does not arrive: their containers cannot start."),
    Fault("api-wrong-version", "healthy", "The API answers with the version of the source, not of the target."),
    Fault("dagprocessor-stale", "healthy", "The dag-processor runs but its heartbeat never comes: it parses nothing."),
    Fault("dag-lost", "smoke", "A DAG that was there before the migration is not parsed any more."),
    Fault("import-error", "smoke", "A DAG file fails to import under the target version."),
    Fault("canary-fails", "smoke", "The canary run starts and ends failed."),
    Fault("unpause-partial", "critical", "Unpausing the critical DAGs works for some and fails for the others."),
    Fault("unpause-lost", "rest", "Unpausing the remaining DAGs reports success, but some of them stay paused."),
    Fault("scheduler-regression", "soak", "The scheduler loop takes far longer than before the migration."),
    Fault("success-webhook-down", "success", "Slack's webhook refuses the message that announces success."),
    Fault("restore-fails", "rollback", "RDS cannot restore the snapshot: the new instance is incompatible-restore."),
    Fault("secret-refused", "rollback", "An admission webhook refuses every Secret that the cockpit itself writes."),
    Fault("helm-rollback-fails", "rollback", "helm rollback ends with an error and leaves a failed revision."),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _ALL}


def active(world: Path, name: str) -> dict[str, object] | None:
    """Return the options of fault ``name`` when it is switched on in ``world``, else None.

    The file is read at every call: a fault takes effect the moment it is switched.
    """
    if name not in FAULTS:
        raise KeyError(f"there is no fault {name!r}")
    return _read(world).get(name)


def limits_of(names: Iterable[str]) -> dict[str, float]:
    """The limits that let these faults show within seconds."""
    return {key: value for name in names for key, value in FAULTS[name].limits.items()}


def switch(world: Path, name: str, options: dict[str, object] | None) -> None:
    """Switch fault ``name`` on with ``options`` (``{}`` when it takes none), or off with None."""
    if name not in FAULTS:
        raise KeyError(f"there is no fault {name!r}")
    switched = _read(world)
    if options is None:
        switched.pop(name, None)
    else:
        switched[name] = options
    _write(world, switched)


def _read(world: Path) -> dict[str, dict[str, object]]:
    try:
        text = (world / FILE_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    switched: dict[str, dict[str, object]] = json.loads(text)
    return switched


def _write(world: Path, switched: dict[str, dict[str, object]]) -> None:
    """Replace the file in one step: a reader in another process never sees half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=world, prefix=FILE_NAME)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(switched, file)
    Path(temporary).replace(world / FILE_NAME)
