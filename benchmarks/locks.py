"""The lock monitor with 5,000 lock rows: what a frame of the pane takes, and what a reading costs the database.

`python -m benchmarks.locks [--locks 5000] [--waiters 80]` starts the embedded PostgreSQL, takes locks on many tables in
some sessions, lets the others queue behind one of them, and measures the cockpit's own query and its database pane.

Exit code 1 when the median frame takes more than 50 ms or the median reading more than 100 ms of the server's time.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from benchmarks.migration import settings_for

from migration_cockpit.app.panes import database
from migration_cockpit.connections import Connections
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.fold import fold
from migration_cockpit.session.readings import DatabaseReading
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State
from migration_cockpit.sources.database import DatabaseSource

FRAME, READING = 0.05, 0.1
ROUNDS = 40
TABLES = 500
SIZES = ((54, 24), (78, 12))
"""Insides of the pane at 160x48 and at 80x24."""


async def reading(locks: int, waiters: int) -> tuple[DatabaseReading, list[float]]:
    """The reading of a server with so many lock rows, and what each reading took."""
    with tempfile.TemporaryDirectory(prefix="migration-cockpit-locks-", ignore_cleanup_errors=True) as made_for:
        work = Path(made_for)
        postgres = EmbeddedPostgres(work / "postgres", settings={"max_connections": str(waiters + 40)})
        try:
            await postgres.start()
            await postgres.create_roles()
            return await _measured(work, postgres, locks, waiters)
        finally:
            await postgres.stop()
            postgres.remove()


async def _measured(
    work: Path, postgres: EmbeddedPostgres, locks: int, waiters: int
) -> tuple[DatabaseReading, list[float]]:
    connections = Connections(settings_for(work, postgres.dsn("airflow", "cockpit")), Redactor(), SystemClock())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(connections.close)

        async def session() -> psycopg.AsyncConnection[tuple[object, ...]]:
            return await stack.enter_async_context(await psycopg.AsyncConnection.connect(postgres.dsn()))

        first = await session()
        tables = [f"t{number}" for number in range(TABLES)]
        await first.execute("; ".join(f"create table {name} (id int)" for name in tables).encode())
        await first.commit()
        holders = [await session() for _ in range(max(1, locks // TABLES))]
        for holder in holders:
            await holder.execute(f"lock table {', '.join(tables)} in access share mode".encode())
        tasks = []
        for _ in range(waiters):
            waiter = await session()
            tasks.append(asyncio.create_task(waiter.execute("lock table t0 in access exclusive mode")))
        await asyncio.sleep(1.0)
        source = DatabaseSource(connections)
        took = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            found = await source.read()
            took.append(time.perf_counter() - begun)
            await asyncio.sleep(0.05)
        async with await psycopg.AsyncConnection.connect(postgres.dsn("airflow", SUPERUSER), autocommit=True) as admin:
            row = await (await admin.execute("select count(*) from pg_locks")).fetchone()
        print(f"{row[0] if row else 0} rows in pg_locks, {found.waiters_total} waiters")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return found, took


def frames(found: DatabaseReading) -> list[float]:
    """Seconds that drawing the pane takes, at both sizes."""
    now = datetime.now(UTC)
    state = fold(State(), ev.DatabaseRead(reading=found), now, 1)
    took = []
    for _ in range(ROUNDS):
        for width, height in SIZES:
            begun = time.perf_counter()
            database.view(state, now, width, height)
            took.append(time.perf_counter() - begun)
    return took


def main() -> int:
    """Take the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.locks", description=__doc__)
    parser.add_argument("--locks", type=int, default=5000)
    parser.add_argument("--waiters", type=int, default=80)
    options = parser.parse_args()
    found, readings = asyncio.run(reading(options.locks, options.waiters))
    drawn = frames(found)
    read, frame = statistics.median(readings), statistics.median(drawn)
    for what, took, most in (("reading", readings, READING), ("frame", drawn, FRAME)):
        median, worst = 1000 * statistics.median(took), 1000 * max(took)
        print(f"{what:<8} median {median:6.1f} ms, worst {worst:6.1f} ms; {1000 * most:.0f} is the most")
    return 1 if frame > FRAME or read > READING else 0


if __name__ == "__main__":
    sys.exit(main())
