"""The life of a long-running component: its row in `job`, its heartbeats, its loop, its end.

A component that finds the schema changed under it ends as the real one does: with the traceback of the first statement
that names a table or column that is gone. Losing the database for a moment is survived with a new session.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg

from migration_cockpit.rehearsal.standin.database import Connection, connect, fab_version_of, sql, version_of
from migration_cockpit.rehearsal.standin.failures import AirflowFailure, database_failure
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from types import FrameType

    from migration_cockpit.rehearsal.standin.cli import Call

_SCHEMA_GONE = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.DatatypeMismatch)


def require_migrated(call: Call, session: Connection) -> None:
    """Refuse to work on a schema that is not this image's, with the real (and for 2.x misleading) words; rc 1."""
    right = version_of(session) == [call.release.head]
    if right and call.release.fab_head is not None:
        right = fab_version_of(session) == call.release.fab_head
    if right:
        return
    version = call.release.version
    if call.release.structured_log:
        call.log.error(
            f"Database migration required. Please run `airflow db migrate`. Make sure the command is run using Airflow "
            f"version {version}.",
            "airflow.utils.db",
            "db.py:980",
        )
    else:
        sys.stderr.write(
            "ERROR: You need to upgrade the database. Please run `airflow db upgrade`. "
            f"Make sure the command is run using Airflow version {version}.\n"
        )
    raise SystemExit(1)


class Process:
    """One running component with its own session and `job` row."""

    def __init__(self, call: Call, job_type: str) -> None:
        self.call = call
        self.settings = call.settings
        self.session = connect(call.settings.dsn)
        self.job_type = job_type
        self.job_id = 0
        self.stopping = False
        self._beat = 0.0

    def run(self, work: Callable[[], None]) -> int:
        """Call `work` every tick until a signal comes; returns the exit code."""
        require_migrated(self.call, self.session)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        self._register()
        try:
            while not self.stopping:
                self._turn(work)
        finally:
            self._sign_off()
        return 0

    def interrupted(self, seconds: float) -> bool:
        """Sleep in short naps; True as soon as the process is asked to end."""
        end = time.monotonic() + seconds
        while not self.stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(0.1, left))
        return self.stopping

    def _turn(self, work: Callable[[], None]) -> None:
        try:
            self.heartbeat()
            work()
        except _SCHEMA_GONE as error:
            raise database_failure(error, "SELECT ...", "20" if self.call.log.structured else "14") from error
        except psycopg.OperationalError as error:
            self.call.log.error(f"(psycopg2.OperationalError) {str(error).strip()}", "airflow", "process.py:1")  # noqa: TRY400 - Airflow's log, not ours
            self._reconnect()
        self.interrupted(self.settings.tick)

    def heartbeat(self) -> None:
        """Renew the row in `job` when it is due, unless fault dagprocessor-stale holds this component's hand."""
        due = time.monotonic() - self._beat >= self.settings.heartbeat
        if not due or self._frozen():
            return
        self._beat = time.monotonic()
        self.session.execute("UPDATE job SET latest_heartbeat = now() WHERE id = %s", (self.job_id,))
        self.on_heartbeat()

    def on_heartbeat(self) -> None:
        """What else happens with a heartbeat (metrics); nothing by default."""

    def _frozen(self) -> bool:
        return self.job_type == "DagProcessorJob" and fault(self.settings.world, "dagprocessor-stale") is not None

    def _register(self) -> None:
        stale = "now() - interval '10 minutes'" if self._frozen() else "now()"
        row = self.session.execute(
            sql(
                "INSERT INTO job (state, job_type, start_date, latest_heartbeat, hostname, unixname, executor_class) "  # noqa: S608 - names of our own
                f"VALUES ('running', %s, now(), {stale}, %s, %s, %s) RETURNING id"
            ),
            (self.job_type, self.settings.hostname, self.settings.unixname, self.settings.executor),
        ).fetchone()
        self.job_id = int(row[0]) if row else 0
        self._beat = time.monotonic()

    def _reconnect(self) -> None:
        while not self.interrupted(1.0):
            try:
                self.session.close()
                self.session = connect(self.settings.dsn)
            except AirflowFailure:
                continue
            self.on_reconnect()
            return

    def on_reconnect(self) -> None:
        """Hand the new session to whatever held the old one."""

    def _sign_off(self) -> None:
        try:
            self.session.execute("UPDATE job SET state = 'success', end_date = now() WHERE id = %s", (self.job_id,))
            self.session.close()
        except psycopg.Error:
            return

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stopping:
            os._exit(1)
        self.stopping = True
