"""Task instances and DAGs as the metadata database has them, in the columns of Airflow 2 and 3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.connections import Connections
from migration_cockpit.connections.errors import WorldError
from migration_cockpit.session.events import TasksRead
from migration_cockpit.session.readings import LiveTask, TasksReading
from migration_cockpit.session.state import LEFT_ALONE
from migration_cockpit.sources.dialects import V2, V3, Schema, query, tasks_slow_query, text
from migration_cockpit.sources.loop import FAST_HEARTBEAT, Emit, Teller, poll
from migration_cockpit.sources.pg import Session, explain_postgres

SLOW_EVERY = 5
"""What costs more than an index look-up is asked at every so-many-th reading."""
USUAL_FOR = 300.0
"""Seconds for which a task's usual duration is remembered."""


class MigrationRuns(WorldError):
    """A migration rewrites the tables at this moment: reading them could hold it up, so nothing is read."""


class _Document(msgspec.Struct, frozen=True):
    """What tasks.sql answers."""

    states: dict[str, int]
    oldest: list[LiveTask]
    paused: int
    total: int
    import_errors: int
    serialized: int


class _Slow(msgspec.Struct, frozen=True):
    """What tasks_slow.sql answers."""

    half_done_runs: int
    failures: int
    newest_failures: tuple[LiveTask, ...]


_decode = msgspec.json.Decoder(_Document).decode
_decode_slow = msgspec.json.Decoder(_Slow).decode


class TasksSource:
    """Reads tasks and DAGs at `cadence.tasks`."""

    name = "tasks"

    def __init__(self, connections: Connections, cutover: Callable[[], datetime | None]) -> None:
        """`cutover` says since when failures count: None before the new version took over."""
        self._connections = connections
        self._cutover = cutover
        self._session = Session(connections)
        self._count = 0
        self._slow: tuple[datetime | None, _Slow] | None = None
        self._usual: dict[tuple[str, str], tuple[float, float | None]] = {}

    async def run(self, emit: Emit) -> None:
        """Read until cancelled."""
        cadence, clock = self._connections.settings.cadence, self._connections.clock
        heartbeat = min(FAST_HEARTBEAT, cadence.heartbeat)
        teller = Teller(self.name, TasksRead, emit, clock, heartbeat=heartbeat)
        try:
            await poll(teller, self.read, clock, every=cadence.tasks, why=_why)
        finally:
            await self._session.close()

    async def read(self) -> TasksReading:
        """One reading. Raises MigrationRuns, Unreachable or psycopg.Error."""
        async with self._session.use() as connection:
            schema = await look(connection)
            document = _decode(await _one(connection, query("tasks", schema)))
            slow = await self._slow_part(connection)
            usual = await self._usual_durations(connection, document.oldest)
        self._count += 1
        return TasksReading(
            states=document.states,
            oldest=tuple(
                msgspec.structs.replace(task, usual=usual.get((task.dag_id, task.task_id))) for task in document.oldest
            ),
            paused=document.paused,
            total=document.total,
            half_done_runs=slow.half_done_runs,
            failures=slow.failures,
            import_errors=document.import_errors,
            serialized=document.serialized,
            newest_failures=slow.newest_failures,
        )

    async def _slow_part(self, connection: Any) -> _Slow:
        since = self._cutover()
        if self._slow is None or self._slow[0] != since or self._count % SLOW_EVERY == 0:
            canary = self._connections.settings.dags.canary
            slow = _decode_slow(await _one(connection, tasks_slow_query(), {"since": since, "canary": canary}))
            self._slow = (since, slow)
        return self._slow[1]

    async def _usual_durations(self, connection: Any, tasks: list[LiveTask]) -> dict[tuple[str, str], float | None]:
        now = self._connections.clock.monotonic()
        wanted = {(task.dag_id, task.task_id) for task in tasks}
        self._usual = {key: known for key, known in self._usual.items() if now - known[0] < USUAL_FOR}
        missing = sorted(wanted - self._usual.keys())
        if missing:
            parameters = {"dags": [dag for dag, _ in missing], "tasks": [task for _, task in missing]}
            cursor = await connection.execute(text("usual_durations"), parameters)
            found = {(dag, task): median for dag, task, median in await cursor.fetchall()}
            self._usual |= {key: (now, found.get(key)) for key in missing}
        return {key: self._usual[key][1] for key in wanted}


async def look(connection: Any) -> Schema:
    """Which generation of the schema this is. Raises MigrationRuns while a migration holds its lock.

    The check is what keeps the monitor out of the migration's way: a read of task_instance that is under way when an
    ALTER TABLE arrives holds it up until it is done.
    """
    row = await (await connection.execute(text("look"))).fetchone()
    active, stale, migrating = row
    if migrating:
        raise MigrationRuns(LEFT_ALONE)
    if stale:
        return V3
    if active:
        return V2
    raise WorldError("this database holds no Airflow: table dag has neither is_active nor is_stale")


async def _one(connection: Any, sql: str, parameters: dict[str, Any] | None = None) -> str:
    row = await (await connection.execute(sql, parameters)).fetchone()
    document: str = row[0]
    return document


def _why(error: Exception) -> str:
    import psycopg

    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "task_instance, dag_run or dag is locked by the migration or another session"
    return explain_postgres(error)
