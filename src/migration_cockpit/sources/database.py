"""The metadata database from outside, once a second: revision, sessions, locks, signs of life."""

from __future__ import annotations

from typing import Any

import msgspec

from migration_cockpit.connections import Connections
from migration_cockpit.session.events import DatabaseRead
from migration_cockpit.session.readings import DatabaseReading, HeldLock, ProgressView, Waiter
from migration_cockpit.sources.activity import Session as Activity
from migration_cockpit.sources.activity import notable
from migration_cockpit.sources.dialects import database_query
from migration_cockpit.sources.loop import FAST_HEARTBEAT, Emit, Teller, poll
from migration_cockpit.sources.pg import Session, explain_postgres

BACKENDS, WAITERS, LOCKS = 200, 100, 200
"""Longest lists that a reading holds; its totals say how many there were."""
SIZE_EVERY = 5
"""pg_database_size looks at every file of the database: it is asked at every so-many-th reading."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What database.sql answers."""

    server_version: int
    alembic_table: bool
    fab_table: bool
    owner: str | None
    backends: list[Activity]
    backends_total: int
    waiters: tuple[Waiter, ...]
    waiters_total: int
    locks: tuple[HeldLock, ...]
    migration_lock_pid: int | None
    progress: tuple[ProgressView, ...]
    wal_bytes: int
    blocks_read: int
    blocks_written: int
    size: int | None
    prepared: int
    replica_lag: float | None
    slots: int
    inactive_slots: int


_decode = msgspec.json.Decoder(Document).decode


class DatabaseSource:
    """Reads the database at `cadence.database`."""

    name = "database"

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._session = Session(connections)
        self._count = 0
        self._size = 0
        self._versions: dict[str, tuple[str, ...]] = {}

    async def run(self, emit: Emit) -> None:
        """Read until cancelled."""
        cadence, clock = self._connections.settings.cadence, self._connections.clock
        heartbeat = min(FAST_HEARTBEAT, cadence.heartbeat)
        teller = Teller(self.name, DatabaseRead, emit, clock, heartbeat=heartbeat)
        try:
            await poll(teller, self.read, clock, every=cadence.database, why=explain_postgres)
        finally:
            await self._session.close()

    async def read(self) -> DatabaseReading:
        """One reading. Raises Unreachable or psycopg.Error."""
        async with self._session.use() as connection:
            parameters = {"backends": BACKENDS, "waiters": WAITERS, "size": self._count % SIZE_EVERY == 0}
            query = database_query(connection.info.server_version)
            row = await (await connection.execute(query, parameters)).fetchone()
            assert row is not None  # the query is one row of one document
            document = _decode(row[0])
            revisions = await self._revisions(connection, "alembic_version", document.alembic_table)
            fab = await self._revisions(connection, "alembic_version_fab", document.fab_table)
        self._count += 1
        self._size = document.size if document.size is not None else self._size
        return reading_of(document, self._size, revisions, fab)

    async def _revisions(self, connection: Any, table: str, exists: bool) -> tuple[str, ...]:
        """Rows of a version table. Locked by someone: what it held before; dropped just now: nothing."""
        import psycopg

        if not exists:
            return ()
        try:
            cursor = await connection.execute(f"select version_num from {table} order by 1")  # noqa: S608  # two names of ours
            self._versions[table] = tuple(row[0] for row in await cursor.fetchall())
        except psycopg.errors.LockNotAvailable:
            return self._versions.get(table, ())
        except psycopg.errors.UndefinedTable:
            return ()
        return self._versions[table]


def reading_of(
    document: Document, size: int, revisions: tuple[str, ...], fab_revisions: tuple[str, ...]
) -> DatabaseReading:
    blocking = frozenset(pid for waiter in document.waiters for pid in waiter.blockers)
    people = notable(document.backends, document.migration_lock_pid, document.owner or "", blocking)
    migrating = {backend.pid for backend in people if backend.role in {"migration", "migration-lock"}}
    held = {(lock.pid, lock.relation, lock.mode): lock for lock in document.locks if lock.pid in migrating | blocking}
    return DatabaseReading(
        server_version=document.server_version,
        revisions=revisions,
        fab_revisions=fab_revisions,
        alembic_table=document.alembic_table,
        backends=people,
        backends_total=document.backends_total,
        waiters=document.waiters,
        waiters_total=document.waiters_total,
        locks=tuple(held.values())[:LOCKS],
        migration_lock_pid=document.migration_lock_pid,
        progress=document.progress,
        wal_bytes=document.wal_bytes,
        blocks_read=document.blocks_read,
        blocks_written=document.blocks_written,
        size=size,
        prepared=document.prepared,
        replica_lag=document.replica_lag,
        slots=document.slots,
        inactive_slots=document.inactive_slots,
    )
