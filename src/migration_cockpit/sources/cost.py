"""What a rollback would lose now: rows since the newest usable recovery point, by the keys marked there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.connections import Connections
from migration_cockpit.session.cost import CostReading, Marks, NewRun, changes
from migration_cockpit.session.events import CostRead, RecoveryMarked
from migration_cockpit.sources.dialects import rows_since_query, with_hashes
from migration_cockpit.sources.loop import Emit, Teller, poll
from migration_cockpit.sources.pg import Session, explain_postgres
from migration_cockpit.sources.tasks import MigrationRuns, look

LOCKED = "unknown while tables are locked"
MARKS_SECONDS = 60
"""How long the marks may take: they are read once, while nobody writes."""


class _Document(msgspec.Struct, frozen=True):
    """What cost.sql answers."""

    dag_runs: int
    new_tasks: int
    open_tasks: int
    went_on: int
    new_xcoms: int
    open_xcoms: int
    logs: int
    connections: dict[str, str]
    variables: dict[str, str]
    newest: tuple[NewRun, ...]


class CostSource:
    """Counts at `cadence.cost`, read-only, by indexes, and never while a migration is at work."""

    name = "cost"

    def __init__(self, connections: Connections, marked: Callable[[], RecoveryMarked | None]) -> None:
        """`marked` says from which recovery point it is counted: None where there is none."""
        self._connections = connections
        self._marked = marked
        self._session = Session(connections)
        self._last = CostReading()
        self._counted: datetime | None = None

    async def run(self, emit: Emit) -> None:
        """Read until cancelled."""
        cadence, clock = self._connections.settings.cadence, self._connections.clock
        teller = Teller(self.name, CostRead, emit, clock, heartbeat=cadence.heartbeat)
        try:
            await poll(teller, self.read, clock, every=cadence.cost, why=explain_postgres)
        finally:
            await self._session.close()

    async def read(self) -> CostReading:
        """One reading; that it cannot be counted now is one too. Raises Unreachable or psycopg.Error."""
        marked = self._marked()
        if marked is None:
            return CostReading()
        import psycopg

        try:
            async with self._session.use() as connection:
                await look(connection)
                self._last = await _count(connection, marked)
                self._counted = self._connections.clock.now()
        except (MigrationRuns, psycopg.errors.LockNotAvailable):
            if self._last.point != marked.point:
                self._last, self._counted = CostReading(point=marked.point), None
            return msgspec.structs.replace(self._last, unknown=LOCKED, as_of=self._counted)
        return self._last


async def _count(connection: Any, marked: RecoveryMarked) -> CostReading:
    marks = marked.marks
    row: Any = await (await connection.execute(with_hashes("cost"), _parameters(marked))).fetchone()
    found = msgspec.json.decode(row[0], type=_Document)
    return CostReading(
        point=marked.point,
        dag_runs=found.dag_runs,
        # A migration may archive rows of open runs: fewer than before are none that came since.
        task_instances=found.new_tasks + max(0, found.open_tasks - marks.open_tasks),
        xcoms=found.new_xcoms + max(0, found.open_xcoms - marks.open_xcoms),
        logs=found.logs,
        went_on=found.went_on,
        connections=changes(marks.connections, found.connections),
        variables=changes(marks.variables, found.variables),
        newest=found.newest,
    )


async def read_since(connections: Connections, marked: RecoveryMarked) -> CostReading:
    """What came since a recovery point, counted once; that it cannot be counted now is a reading too.

    Raises WorldError or psycopg.Error.
    """
    import psycopg

    try:
        async with connections.postgres() as connection:
            await look(connection)
            found = await _count(connection, marked)
    except (MigrationRuns, psycopg.errors.LockNotAvailable):
        return CostReading(point=marked.point, unknown=LOCKED)
    return msgspec.structs.replace(found, as_of=connections.clock.now())


def _parameters(marked: RecoveryMarked) -> dict[str, Any]:
    marks = marked.marks
    return {
        "dag_run": marks.dag_run,
        "log": marks.log,
        "open_runs": list(marks.open_runs),
        "at": marked.at,
        "salt": marked.point,
    }


async def read_rows(connections: Connections, marked: RecoveryMarked, *, seconds: int) -> list[str]:
    """Every row since the recovery point by its names, a JSON document each. Raises WorldError or psycopg.Error."""
    async with connections.postgres(statement_timeout_ms=seconds * 1000) as connection:
        schema = await look(connection)
        rows: list[Any] = await (await connection.execute(rows_since_query(schema), _parameters(marked))).fetchall()
        found = await _count(connection, marked)
    said = [str(row[0]) for row in rows]
    for table, changed in (("connection", found.connections), ("variable", found.variables)):
        said += [msgspec.json.encode({"table": table, "name": each.name, "how": each.how}).decode() for each in changed]
    return said


async def read_marks(connections: Connections, point: str) -> Marks:
    """How far the tables are now; `point` salts the hashes. Raises WorldError or psycopg.Error."""
    async with connections.postgres(statement_timeout_ms=MARKS_SECONDS * 1000) as connection:
        await look(connection)
        row: Any = await (await connection.execute(with_hashes("marks"), {"salt": point})).fetchone()
    return msgspec.json.decode(row[0], type=Marks)
