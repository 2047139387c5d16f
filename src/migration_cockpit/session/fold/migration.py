"""How events change what is known of the migration: its revisions, its signs of life, what it waits for.

A sign of life counts only when it is the migration's own: a line of its log, its backend's statement, progress view,
wait or I/O; what the whole server does (WAL, IOPS) only above the idle rate and while no vacuum could be the cause.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds
from migration_cockpit.session.migration import LockWait, MigrationState, RevisionRun
from migration_cockpit.session.migration_log import Batch, Begun, Finished, read
from migration_cockpit.session.readings import Backend, DatabaseReading
from migration_cockpit.session.state import State

LOG_SOURCE = "job"
"""`source` of the migration Job's log lines."""
OPERATION = "migration-job"
IDLE_POINTS = 120
"""So many of the last points before the Job are what an idle server does."""
WAL_FLOOR, IOPS_FLOOR = 32_768.0, 50.0
"""Bytes and operations per second above the idle rate that are no noise."""
MARKS = 32
"""So many batches of a revision are kept at most."""
_TOLD_CODE = re.compile(r"airflow db migrate ended with (\d+)")
"""Where journals say the exit code that have no field for it yet."""
_NO_WORK = {"Lock", "Client", "Timeout", "Activity", "BufferPin"}
"""Wait event types in which a backend does nothing itself."""
_DISK = {"WALWrite", "WALInsert"}
"""Wait events of no type of their own that end when the disk has written."""
_FOREIGN = {"autovacuum", "other", "airflow"}


def _replaced(state: State, **changes: Any) -> dict[str, Any]:
    return {"migration": msgspec.structs.replace(state.migration, **changes)} if changes else {}


def _measured(state: State, event: ev.MigrationMeasured, _: datetime) -> dict[str, Any]:
    return _replaced(state, measured=event.measured)


def _chain(state: State, event: ev.ChainTold, _: datetime) -> dict[str, Any]:
    return _replaced(state, chains=event.chains)


def _intended(state: State, event: ev.OperationIntended, t: datetime) -> dict[str, Any]:
    if (event.step, event.operation) != ("migrate", OPERATION):
        return {}
    before = state.migration
    if before.job == event.key:  # a cockpit that came later goes on with it
        return _replaced(state, attempt=event.attempt, ended=None, outcome="", detail="", exit_code=None)
    return {
        "migration": MigrationState(
            job=event.key,
            attempt=event.attempt,
            created=t,
            measured=before.measured,
            chains=before.chains,
            # A later attempt measures what the first one saw idle: in between there may be an orphan at work.
            idle_wal=before.idle_wal if before.job else _idle(state.trends.wal),
            idle_iops=before.idle_iops if before.job else _idle(state.trends.iops),
            heads=_heads(state.database, before.heads),
        )
    }


def _idle(points: tuple[float, ...]) -> float:
    """The rate at or below which nine tenths of the last points were."""
    last = sorted(points[-IDLE_POINTS:])
    return last[min(len(last) - 1, int(0.9 * len(last)))] if last else 0.0


def _ended(state: State, event: ev.OperationEnded, t: datetime) -> dict[str, Any]:
    if (event.step, event.operation) != ("migrate", OPERATION) or event.key != state.migration.job:
        return {}
    code = event.exit_code
    if code is None and (told := _TOLD_CODE.search(event.detail)):
        code = int(told[1])
    return _replaced(state, ended=t, outcome=event.outcome, detail=event.detail, exit_code=code)


def _line(state: State, event: ev.LogLine, t: datetime) -> dict[str, Any]:
    migration = state.migration
    if event.source != LOG_SOURCE or not migration.job:
        return {}
    printed = min(t, stamp(event.at) or t)
    changes: dict[str, Any] = {"signs": {**migration.signs, "log": t}}
    told = read(event.text)
    if isinstance(told, Begun):
        waited = (t - migration.waiting.seen).total_seconds() if migration.waiting is not None else 0.0
        # What prints the next revision waits no more.
        changes |= {"revisions": _begun(_waited(migration.revisions, waited), told, printed), "waiting": None}
    elif isinstance(told, Batch):
        changes["revisions"] = _batch(migration.revisions, told, printed)
    elif isinstance(told, Finished):
        changes |= {"finished": printed, "revisions": _committed(migration.revisions, printed)}
    return _replaced(state, **changes)


def stamp(position: str) -> datetime | None:
    """The time of a log position `<RFC 3339 with up to nine digits>#<n>`; None when it has none."""
    whole, _, fraction = position.partition("#")[0].removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00") if whole else None
    except ValueError:
        return None


def _begun(revisions: tuple[RevisionRun, ...], told: Begun, t: datetime) -> tuple[RevisionRun, ...]:
    if revisions and revisions[-1].revision == told.revision:
        return revisions  # the line came twice
    return (*_committed(revisions, t), RevisionRun(revision=told.revision, message=told.message, started=t))


def _committed(revisions: tuple[RevisionRun, ...], t: datetime) -> tuple[RevisionRun, ...]:
    if not revisions or revisions[-1].committed is not None:
        return revisions
    return (*revisions[:-1], msgspec.structs.replace(revisions[-1], committed=t))


def _batch(revisions: tuple[RevisionRun, ...], told: Batch, t: datetime) -> tuple[RevisionRun, ...]:
    if not revisions:
        return revisions
    last = revisions[-1]
    rows = last.rows + told.rows if told.at is None else max(last.rows, told.at)
    marks = (*last.marks, (t, rows))
    # Half of them go when there are many: what is left still spans the whole revision.
    marks = (*marks[:-1:2], marks[-1]) if len(marks) > MARKS else marks
    return (*revisions[:-1], msgspec.structs.replace(last, rows=rows, rows_at=t, marks=marks))


def _database(state: State, event: ev.DatabaseRead, t: datetime) -> dict[str, Any]:
    return _seen(state, event.reading, state.database, t)


def _beat(state: State, event: ev.SourceBeat, t: datetime) -> dict[str, Any]:
    if event.source != "database" or state.database is None:
        return {}
    return _seen(state, state.database, state.database, t)


def _seen(state: State, reading: DatabaseReading, last: DatabaseReading | None, t: datetime) -> dict[str, Any]:
    migration = state.migration
    heads = _heads(reading, migration.heads)
    if not migration.job or migration.ended is not None:
        return _replaced(state, heads=heads) if heads != migration.heads else {}
    own = tuple(sorted(each.pid for each in reading.backends if each.role in {"migration", "migration-lock"}))
    changes: dict[str, Any] = {"heads": heads, "sessions": own, "waiting": _waiting(migration, reading, t)}
    if own:
        changes |= {"sessions_seen": t, "sessions_gone": None}
    elif migration.sessions_seen is not None and migration.sessions_gone is None:
        changes["sessions_gone"] = t
    if signs := _signs(state, reading, last, t):
        changes["signs"] = {**migration.signs, **dict.fromkeys(signs, t)}
    if "revision" in signs and migration.running is not None and migration.running.revision in reading.revisions:
        changes["revisions"] = _committed(migration.revisions, t)
    elif migration.waiting is not None and _over(migration.waiting, changes["waiting"]):
        changes["revisions"] = _waited(migration.revisions, (t - migration.waiting.seen).total_seconds())
    if migration.running is not None:
        changes["revisions"] = _looked(changes.get("revisions", migration.revisions), reading)
    return _replaced(state, **changes)


def _over(wait: LockWait, now: LockWait | None) -> bool:
    """Whether a wait has ended, be it that it waits for another lock now."""
    return now is None or now.seen != wait.seen


def _waited(revisions: tuple[RevisionRun, ...], seconds: float) -> tuple[RevisionRun, ...]:
    if not revisions or not seconds:
        return revisions
    last = revisions[-1]
    return (*revisions[:-1], msgspec.structs.replace(last, waited=last.waited + seconds))


def _looked(revisions: tuple[RevisionRun, ...], reading: DatabaseReading) -> tuple[RevisionRun, ...]:
    """The revision that runs with one look more at whether it waits for the disk."""
    workers = [each for each in reading.backends if each.role == "migration" and each.state == "active"]
    if not workers or not revisions or revisions[-1].committed is not None:
        return revisions
    disk = any(each.wait_type == "IO" or each.wait in _DISK for each in workers)
    stalled = disk and all(each.wait_type for each in workers)
    last = revisions[-1]
    return (*revisions[:-1], msgspec.structs.replace(last, looks=last.looks + 1, stalled=last.stalled + stalled))


def _heads(reading: DatabaseReading | None, before: tuple[str, ...]) -> tuple[str, ...]:
    return reading.revisions if reading is not None and reading.revisions else before


def _waiting(migration: MigrationState, reading: DatabaseReading, t: datetime) -> LockWait | None:
    workers = {each.pid for each in reading.backends if each.role == "migration"}
    # Once revisions run, the lock of all migrations is ours: who waits for it is another one.
    ours = [
        each
        for each in reading.waiters
        if each.pid in workers and not (migration.revisions and each.relation.startswith("advisory lock"))
    ]
    if not ours:
        return None
    first, before = ours[0], migration.waiting
    same = before is not None and (before.pid, before.relation, before.mode) == (first.pid, first.relation, first.mode)
    return LockWait(
        pid=first.pid,
        relation=first.relation,
        mode=first.mode,
        blockers=first.blockers,
        since=first.since or (before.since if before is not None and same else t),
        seen=before.seen if before is not None and same else t,
    )


def _signs(state: State, reading: DatabaseReading, last: DatabaseReading | None, t: datetime) -> list[str]:
    """The kinds of signs of life that a reading shows against the one before."""
    workers = [each for each in reading.backends if each.role == "migration"]
    if last is None:
        return []
    before = {each.pid: each for each in last.backends}
    pids = {each.pid for each in workers}
    signs = []
    if (reading.revisions, reading.fab_revisions) != (last.revisions, last.fab_revisions) and reading.revisions:
        signs.append("revision")
    if any(_statement(each) != _statement(before.get(each.pid)) for each in workers):
        signs.append("statement")
    views = {each for each in reading.progress if each.pid in pids}
    if views - {each for each in last.progress if each.pid in pids}:
        signs.append("view")
    if any(_at_work(each, before.get(each.pid)) for each in workers):
        signs.append("backend")
    if any(each.io > before[each.pid].io for each in workers if each.pid in before):
        signs.append("io")
    if _wal_moves(state, reading, last, t):
        signs.append("wal")
    return signs


def _statement(backend: Backend | None) -> tuple[Any, ...] | None:
    return (backend.query_start, backend.query) if backend is not None else None


def _at_work(backend: Backend, before: Backend | None) -> bool:
    """Whether it computes, or waits for something else than a second ago that is not someone else's doing."""
    if backend.state != "active" or backend.wait_type in _NO_WORK:
        return False
    return (
        not backend.wait_type or before is None or (before.wait_type, before.wait) != (backend.wait_type, backend.wait)
    )


def _wal_moves(state: State, reading: DatabaseReading, last: DatabaseReading, t: datetime) -> bool:
    if state.database_read is None or t <= state.database_read or others_write(reading):
        return False
    rate = (reading.wal_bytes - last.wal_bytes) / (t - state.database_read).total_seconds()
    return rate > 1.5 * state.migration.idle_wal + WAL_FLOOR


def others_write(reading: DatabaseReading) -> bool:
    """Whether someone but the migration may be what moves the server's own counters."""
    return any(
        each.role in _FOREIGN and (each.role == "autovacuum" or each.xact_start is not None) and each.state == "active"
        for each in reading.backends
    )


def _storage(state: State, event: ev.StorageRead, _: datetime) -> dict[str, Any]:
    migration, reading = state.migration, event.reading
    if not migration.job or migration.ended is not None or reading.measured is None or migration.created is None:
        return {}
    iops = (reading.read_iops or 0.0) + (reading.write_iops or 0.0)
    quiet = iops <= 1.5 * migration.idle_iops + IOPS_FLOOR or (state.database and others_write(state.database))
    if quiet or reading.measured <= migration.signs.get("iops", migration.created):
        return {}
    # CloudWatch is a minute or more behind: the sign is as old as what it measured.
    return _replaced(state, signs={**migration.signs, "iops": reading.measured})


def _pods(state: State, event: ev.PodsRead, t: datetime) -> dict[str, Any]:
    migration = state.migration
    if not migration.job:
        return {}
    own = [pod for pod in event.reading.pods if pod.name.startswith(f"{migration.job}-")]
    if own:
        newest = max(own, key=lambda pod: pod.created)
        return _replaced(state, pod=newest.name, pod_phase=newest.phase, pod_gone=None)
    return _replaced(state, pod_gone=t) if migration.pod and migration.pod_gone is None else {}


FOLDS: Folds = {
    ev.MigrationMeasured: _measured,
    ev.ChainTold: _chain,
    ev.OperationIntended: _intended,
    ev.OperationEnded: _ended,
    ev.LogLine: _line,
    ev.DatabaseRead: _database,
    ev.SourceBeat: _beat,
    ev.StorageRead: _storage,
    ev.PodsRead: _pods,
}
"""How each event of this part changes State."""
