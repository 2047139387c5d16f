"""Real migrations, recorded from outside every half second, through the source's own shaping into State.

2.11.2 to 3.2.2 with 800,000 task instances: `main` ran through; `blocked` waited for a session idle in its transaction
and was killed by signal 9 later; `terminated` had a second migration beside it and lost its backend to a command.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from migration_cockpit.advice import revisions
from migration_cockpit.session import events as ev
from migration_cockpit.session.fold import fold
from migration_cockpit.session.migration import Chains, Measured, Revision, TableSize
from migration_cockpit.session.readings import DatabaseReading, HeldLock, ProgressView, Waiter
from migration_cockpit.session.state import State
from migration_cockpit.sources.activity import Session
from migration_cockpit.sources.database import Document, reading_of
from tests.app.fixtures import begin

DATA = Path(__file__).parent / "data"
JOB = "airflow-db-migrate-0516"
MEASURED = Measured(
    tables={
        "task_instance": TableSize(rows=800_018, size=497_000_000),
        "xcom": TableSize(rows=300_018, size=103_000_000),
        "dag_run": TableSize(rows=100_006, size=40_000_000),
        "task_reschedule": TableSize(rows=50_000, size=12_000_000),
        "task_instance_history": TableSize(rows=55_000, size=20_000_000),
        "log": TableSize(rows=500_080, size=210_000_000),
    },
    conf=100_000,
    round_trip=0.0001,
)
CHECKS = tuple(
    ev.Check(name=name, holds=True, found="as in a fresh 3.2.2") for name in ("alembic head", "FAB head", "schema")
)


def way_told(*more: str) -> Chains:
    """The way to 3.2.2 as an image tells it, with revisions behind it that nobody knows."""
    core = [revisions.core().revisions[0], *revisions.way("2.10.3", "3.2.2")]
    for name in more:
        core.append(Revision(name, core[-1].revision, "3.9.0", "Add x."))
    return Chains(core=tuple(core), fab=revisions.fab().revisions)


class Run:
    """One recorded migration."""

    def __init__(self, name: str, *, measured: Measured | None = MEASURED) -> None:
        found = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
        self.exit: int = found["exit"]
        self.log: list[tuple[float, str]] = [(t, text) for t, text in found["log"]]
        self.samples: list[dict[str, Any]] = found["samples"]
        self.measured = measured
        self.begun = self.log[0][0] - 3.4  # the program takes so long before its first line
        self.ended = self.log[-1][0]
        self.target = "3.2.2"
        self.chains: Chains | None = None
        self.chains_at = self.begun - 0.01

    def happenings(self) -> list[tuple[float, ev.Event]]:
        """All events in their order: the readings of the idle server, the Job, its log and readings, its end."""
        found: list[tuple[float, ev.Event]] = [(s["t"], ev.DatabaseRead(reading=shaped(s))) for s in self.samples]
        found += [(t, ev.LogLine(source="job", text=text, at=_stamp(t))) for t, text in self.log]
        found.append((self.begun - 0.02, ev.StepStarted(step="migrate", operator="sre-1")))
        if self.measured is not None:
            found.append((self.begun - 0.01, ev.MigrationMeasured(measured=self.measured)))
        if self.chains is not None:
            found.append((self.chains_at, ev.ChainTold(version="3.9.0", chains=self.chains)))
        job = ev.OperationIntended(step="migrate", operation="migration-job", key=JOB, commands=())
        names: dict[str, Any] = {"step": "migrate", "operation": "migration-job", "key": JOB}
        found.append((self.begun, job))
        end = self.ended + 1.0
        if self.exit == 0:
            found.append((end, ev.OperationEnded(**names, outcome="done", detail=f"Job {JOB} ended with 0")))
            found.append((end + 1.0, ev.StepVerified(step="migrate", checks=CHECKS)))
        else:
            detail = f"Job {JOB} failed: airflow db migrate ended with {self.exit}"
            found.append((end, ev.OperationEnded(**names, outcome="failed", detail=detail)))
        return sorted(found, key=lambda each: each[0])

    def states(self) -> Iterator[tuple[datetime, State]]:
        """The State after each event, with its time."""
        state = begin().state
        assert state.session is not None
        session = msgspec.structs.replace(state.session, target_version=self.target)
        state = msgspec.structs.replace(state, session=session, window_end=when(self.ended + 6 * 3600))
        for seconds, event in self.happenings():
            moment = when(seconds)
            state = fold(state, event, moment, state.seq + 1)
            yield moment, state


def when(seconds: float) -> datetime:
    """A recorded moment."""
    return datetime.fromtimestamp(seconds, UTC)


def _stamp(seconds: float) -> str:
    return when(seconds).isoformat().replace("+00:00", "Z")


def shaped(sample: dict[str, Any]) -> DatabaseReading:
    """A sample as the database source would tell it."""
    now = when(sample["t"])

    def ago(seconds: float | None) -> datetime | None:
        return None if seconds is None else now - timedelta(seconds=seconds)

    sessions = [
        Session(
            **{name: each[name] for name in ("pid", "kind", "user", "application", "address", "state")},
            wait_type=each["wait_type"],
            wait=each["wait"],
            query=each["query"],
            xact_start=ago(each["xact"]),
            query_start=ago(each["age"]),
            writes=each["writes"],
            long=each["state"] == "active" and (each["age"] or 0) > 2,
        )
        for each in sample["act"]
    ]
    blockers = {each["pid"]: tuple(each["blk"]) for each in sample["act"]}
    waiters = tuple(
        Waiter(
            pid=pid,
            blockers=blockers.get(pid, ()),
            relation=f"advisory lock {objid}" if kind == "advisory" else relation,
            mode=mode,
            since=next((ago(each["age"]) for each in sample["act"] if each["pid"] == pid), None),
        )
        for pid, relation, mode, kind, objid in sample["waits"]
    )
    document = Document(
        server_version=150014,
        alembic_table=True,
        fab_table=bool(sample["fab"]),
        owner="airflow",
        backends=sessions,
        backends_total=len(sessions),
        waiters=waiters,
        waiters_total=len(waiters),
        locks=tuple(HeldLock(pid=pid, relation=relation, mode=mode) for pid, relation, mode in sample["held"]),
        migration_lock_pid=sample["lock"],
        progress=tuple(
            ProgressView(
                pid=each["pid"],
                command=each["command"],
                phase=each["phase"],
                relation=each["rel"] or "",
                done=each["blocks_done"] or each["tuples_done"],
                total=each["blocks_total"] or each["tuples_total"],
            )
            for each in sample["ci"]
        ),
        wal_bytes=sample["lsn"],
        blocks_read=sample["db"]["blks_read"],
        blocks_written=0,
        size=sample["db"]["sz"],
        prepared=0,
        replica_lag=None,
        slots=0,
        inactive_slots=0,
    )
    return reading_of(document, document.size or 0, tuple(sample["rev"] or ()), tuple(sample["fab"]))
