"""`airflow celery worker`: takes queued tasks out of the database (the rehearsal has no broker) and runs them.

Told to stop it finishes what it has, as Celery's warm shutdown does, for as long as its pod is given.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import psycopg

from migration_cockpit.rehearsal.standin.celery_ping import PID_FILE, home
from migration_cockpit.rehearsal.standin.components.executor import Executor
from migration_cockpit.rehearsal.standin.components.process import require_migrated
from migration_cockpit.rehearsal.standin.database import connect
from migration_cockpit.rehearsal.standin.failures import AirflowFailure

if TYPE_CHECKING:
    from types import FrameType

    from migration_cockpit.rehearsal.standin.cli import Call


def main(call: Call) -> int:
    """Run the worker until it is told to stop and its tasks are done; a second signal ends it at once."""
    session = connect(call.settings.dsn)
    require_migrated(call, session)
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise SystemExit(1)
        asked.append(number)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    home().mkdir(parents=True, exist_ok=True)
    (home() / PID_FILE).write_text(str(os.getpid()), encoding="ascii")
    call.log.plain(f"celery@{call.settings.hostname} ready.")
    sys.stdout.flush()
    slots, is3 = call.args.concurrency, call.release.is3
    executor = Executor(session, call.settings, call.log, slots, is3=is3, everything=False)
    while not asked or executor.busy:
        try:
            executor.step(take=not asked)
        except psycopg.OperationalError:
            executor.session = _again(call)
        time.sleep(call.settings.tick)
    call.log.plain("worker: Warm shutdown (MainProcess)")
    return 0


def _again(call: Call) -> psycopg.Connection[tuple[object, ...]]:
    while True:
        try:
            return connect(call.settings.dsn)
        except AirflowFailure:
            time.sleep(1.0)
