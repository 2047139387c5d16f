"""The parts of a revision that Airflow does row by row or batch by batch from Python.

What one sees from outside - one long transaction, batches on the log, a backend that flips between active and idle in
transaction, WAL that grows while every counter stands still - comes from doing it the same way here.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migration_cockpit.rehearsal.faults import STORAGE_FULL
from migration_cockpit.rehearsal.standin.database import Connection, sql
from migration_cockpit.rehearsal.standin.logs import Log
from migration_cockpit.rehearsal.standin.worldfaults import fault

_CONF_PAGE = 1000
_STRIKES = ("pod-evicted", "database-restart", "quiet", "disk-filling")
_STRIKE_LOOKS = 300


@dataclass(frozen=True, slots=True)
class Work:
    """What a loop needs: the session, the log, rows per batch, the factor that stretches time, the world's faults."""

    connection: Connection
    log: Log
    batch_size: int
    slow: float
    world: Path | None

    def stretch(self, started: float) -> None:
        """Sleep as long as the rehearsal wants this piece of work, begun at monotonic `started`, to take longer."""
        if self.slow > 1:
            time.sleep((time.monotonic() - started) * (self.slow - 1))

    def die_if_asked(self, revision: str) -> None:
        """End this process as the kernel's OOM killer would, when fault migration-crash names this revision."""
        options = fault(self.world, "migration-crash")
        if options is not None and options.get("revision", "d59cbbef95eb") == revision:
            os.kill(os.getpid(), signal.SIGKILL)

    def await_strike(self) -> None:
        """Wait in the middle of this revision while the rehearsal is about to strike it from outside.

        The database does not tell who strikes: what is felt is what the strike does.
        """
        for _ in range(_STRIKE_LOOKS):
            full = self.world is not None and (self.world / STORAGE_FULL).exists()
            if full or not any(fault(self.world, name) is not None for name in _STRIKES):
                return
            self.connection.execute("SELECT pg_sleep(0.1) -- task_instance, between two batches")


def run(name: str, work: Work) -> None:
    """Do the loop called `name`, as the recorded SQL names it."""
    _LOOPS[name](work)


def _task_instance_ids(work: Work) -> None:
    statement = sql(_BATCH.format(size=work.batch_size))
    number = 0
    while True:
        number += 1
        started = time.monotonic()
        work.log.plain(f"processing batch {number}")
        rows = work.connection.execute(statement).rowcount
        if rows == 0:
            return
        work.log.plain(f"Migrated {rows} task_instance rows in this batch...")
        work.stretch(started)
        work.die_if_asked("d59cbbef95eb")
        work.await_strike()


_BATCH = """
                    WITH cte AS (
                        SELECT ctid
                        FROM task_instance
                        WHERE id IS NULL
                        LIMIT {size}
                    )
                    UPDATE task_instance
                    SET id = uuid_generate_v7(coalesce(queued_dttm, start_date, clock_timestamp()))
                    FROM cte
                    WHERE task_instance.ctid = cte.ctid
                    """


def _xcom_statement_timeout(work: Work) -> None:
    row = work.connection.execute("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'").fetchone()
    seconds = int(str(row[0])) / 1000 if row else 0
    if 0 < seconds < 1800:
        work.log.plain("setting local statement timeout to 1800s")
        work.connection.execute("SET LOCAL statement_timeout='1800s'")
    work.die_if_asked("eed27faa34e3")


def _dag_run_conf_to_json(work: Work) -> None:
    offset = 0
    while True:
        started = time.monotonic()
        work.log.plain(f"converting dag run conf. batch={offset + 1}")
        page = sql(
            "SELECT id, conf FROM dag_run WHERE conf IS not NULL AND conf != '\\x80057D942E'"  # noqa: S608 - names of our own
            f"ORDER BY id LIMIT {_CONF_PAGE} OFFSET {offset}"
        )
        rows = work.connection.execute(page).fetchall()
        if not rows:
            return
        lost = sum(not _convert_conf(work, row[0], bytes(row[1])) for row in rows)
        if lost:
            work.log.plain(f"could not convert dag run conf for {lost} records. batch={offset + 1}")
        offset += _CONF_PAGE
        work.stretch(started)
        work.die_if_asked("e39a26ac59f6")


def _convert_conf(work: Work, run: object, pickled: bytes) -> bool:
    try:
        conf = json.dumps(pickle.loads(pickled))  # noqa: S301 - what the rehearsal seeded itself, as Airflow stores it
    except Exception:  # noqa: BLE001 - garbage fails in any way it likes; Airflow counts it and leaves NULL
        return False
    work.connection.execute("UPDATE dag_run SET conf_json = %s WHERE id = %s", (conf, run))
    return True


def _history_try_ids(work: Work) -> None:
    rows = work.connection.execute("SELECT id FROM task_instance_history WHERE try_id IS NULL").fetchall()
    update = "UPDATE task_instance_history SET try_id = %s WHERE id = %s AND try_id IS NULL"
    for row in rows:
        started = time.monotonic()
        work.connection.execute(update, (uuid7(), row[0]))
        work.stretch(started)
    work.die_if_asked("7645189f3479")


def uuid7() -> uuid.UUID:
    """A time-ordered UUID (RFC 9562, version 7)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


_DEADLINES = "0101_3_2_0_ui_improvements_for_deadlines_py"
_DEADLINES_FILE = "0101_3_2_0_ui_improvements_for_deadlines.py"


def _deadline_alerts(work: Work) -> None:
    line = work.log.info
    size = work.batch_size
    line("Checking primary key", _DEADLINES, f"{_DEADLINES_FILE}:92", columns=["id"], table="deadline")
    start, done = f"{_DEADLINES_FILE}:538", f"{_DEADLINES_FILE}:769"
    line("Starting migration", _DEADLINES, start, batch_size=size, total_batches=0, total_dags=0)
    counts = {"dags_with_deadlines": 0, "migrated_alerts": 0, "processed_records": 0, "unique_dags": 0}
    line("Migration complete", _DEADLINES, done, **counts)
    line("No Dags encountered errors", _DEADLINES, f"{_DEADLINES_FILE}:401", operation="migration")


def _deadline_alerts_back(work: Work) -> None:
    line = work.log.info
    line("Starting downgrade", _DEADLINES, f"{_DEADLINES_FILE}:816", batch_size=work.batch_size, total_batches=0)
    line("Downgrade complete", _DEADLINES, f"{_DEADLINES_FILE}:922", dags_with_deadlines=0, processed_records=0)
    line("No Dags encountered errors", _DEADLINES, f"{_DEADLINES_FILE}:401", operation="downgrade")


def _deadline_callbacks_back(work: Work) -> None:
    work.connection.execute("SELECT deadline.id, deadline.callback FROM deadline WHERE deadline.callback_old IS NULL")
    work.log.plain("Total migrated: 0 deadline records")


def _dag_run_conf_to_pickle(work: Work) -> None:
    offset = 0
    while True:
        started = time.monotonic()
        page = f"SELECT id,conf FROM dag_run WHERE conf IS NOT NULL ORDER BY id LIMIT {_CONF_PAGE} OFFSET {offset}"  # noqa: S608 - names of our own
        rows = work.connection.execute(sql(page)).fetchall()
        if not rows:
            return
        for run, conf in rows:
            pickled = pickle.dumps(conf)
            work.connection.execute("UPDATE dag_run SET conf_pickle = %s WHERE id = %s", (pickled, run))
        offset += _CONF_PAGE
        work.stretch(started)


def _move_runs_without_date(work: Work) -> None:
    null_dates = "select * from dag_run where logical_date is null"
    if work.connection.execute(sql(null_dates)).fetchone() is None:
        return
    work.connection.execute(sql(f"create table _airflow_moved__3_0_0__offending_dag_run as {null_dates}"))
    work.connection.execute("delete from dag_run where logical_date is null")


_LOOPS: dict[str, Callable[[Work], None]] = {
    "task_instance_ids": _task_instance_ids,
    "xcom_statement_timeout": _xcom_statement_timeout,
    "dag_run_conf_to_json": _dag_run_conf_to_json,
    "history_try_ids": _history_try_ids,
    "deadline_alerts": _deadline_alerts,
    "deadline_alerts_back": _deadline_alerts_back,
    "deadline_callbacks_back": _deadline_callbacks_back,
    "dag_run_conf_to_pickle": _dag_run_conf_to_pickle,
    "move_runs_without_date": _move_runs_without_date,
}
