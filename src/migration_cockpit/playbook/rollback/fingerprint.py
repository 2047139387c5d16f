"""What a database holds, table by table: how many rows and one hash of all of them.

Taken at a recovery point and again of what was restored from it, before anything of Airflow starts there: equal
fingerprints mean that every table is equal row for row. Taken while the writers stand still, else it means nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from migration_cockpit.connections import Unreachable, WorldError, postgres
from migration_cockpit.playbook.flight import Flight

SHOWN = 5
_TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname not like 'pg\\_%'
order by 1, 2
"""
_SPELLING = (
    "set time zone 'UTC'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'postgres'",
    "set bytea_output = 'hex'",
    "set extra_float_digits = 1",
)
"""A row is hashed as text: the same row must read the same in every session."""


class Table(msgspec.Struct, frozen=True):
    """Rows of a table and the sum of their hashes; no hash where only rows were counted."""

    rows: int
    hash: str = ""


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """All tables of a database by `schema.table`."""

    tables: dict[str, Table]
    hashed: bool = True

    def differences(self, other: Fingerprint) -> list[str]:
        """Where another database is not as this one, in words."""
        found = []
        for name in sorted({*self.tables, *other.tables}):
            mine, theirs = self.tables.get(name), other.tables.get(name)
            if mine is None or theirs is None:
                found.append(f"{name} is {'missing' if theirs is None else 'new'}")
            elif mine.rows != theirs.rows:
                found.append(f"{name} has {theirs.rows} rows, had {mine.rows}")
            elif mine.hash and theirs.hash and mine.hash != theirs.hash:
                found.append(f"{name} has {mine.rows} rows as before, and other values")
        return found

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(table.rows for table in self.tables.values())


async def read(
    flight: Flight, *, at: tuple[str, int] | None = None, database: str = "", step: str = "", seconds: float
) -> Fingerprint:
    """Read every table of the database, or of another one (`at`, `database`). Raises WorldError.

    `step` is where it tells how far it is. What is not hashed within `seconds` is only counted, which may take as long.
    """
    hashed = flight.settings.rollback.fingerprint
    try:
        async with asyncio.timeout(seconds):
            return await _read(flight, at, database, step, hashed=hashed)
    except TimeoutError:
        flight.say(f"hashing every table takes longer than {seconds:.0f} s: rows are only counted", level="careful")
    try:
        async with asyncio.timeout(seconds):
            return await _read(flight, at, database, step, hashed=False)
    except TimeoutError:
        why = f"its rows could not be counted within {seconds:.0f} s"
        raise Unreachable(postgres.WHAT, why, "raise rollback.fingerprint_timeout") from None


async def _read(flight: Flight, at: tuple[str, int] | None, database: str, step: str, *, hashed: bool) -> Fingerprint:
    tables: dict[str, Table] = {}
    async with flight.connections.postgres(at=at, database=database, statement_timeout_ms=0) as session:
        import psycopg

        try:
            for setting in _SPELLING:
                await session.execute(setting)
            names: list[Any] = await (await session.execute(_TABLES)).fetchall()
            for number, (schema, name) in enumerate(names):
                if step:
                    flight.progress(step, f"reading {schema}.{name}", number, len(names))
                tables[f"{schema}.{name}"] = await _table(session, schema, name, hashed=hashed)
        except psycopg.Error as error:
            raise Unreachable(postgres.WHAT, postgres.why(error)) from error
    return Fingerprint(tables=tables, hashed=hashed)


async def _table(session: Any, schema: str, name: str, *, hashed: bool) -> Table:
    from psycopg import sql

    hashes = "coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text" if hashed else "''"
    statement = sql.SQL("select count(*), {} from only {} t").format(sql.SQL(hashes), sql.Identifier(schema, name))
    row = await (await session.execute(statement)).fetchone()
    return Table(int(row[0]), str(row[1]))


async def keep(flight: Flight, point: str) -> str:
    """Take the fingerprint of the database at a recovery point and keep it in the artifacts; returns the file's name.

    Empty where it cannot be read: the point counts all the same, and the way back says that it was not compared.
    """
    name = f"fingerprint-{point}.json"
    if (flight.recorder.artifacts / name).exists():
        return name
    try:
        found = await read(flight, seconds=flight.settings.rollback.fingerprint_timeout)
    except WorldError as error:
        flight.say(f"the recovery point {point} has no fingerprint: {error}", level="careful")
        return ""
    flight.recorder.write_artifact(name, msgspec.json.format(msgspec.json.encode(found), indent=1))
    return name


def load(flight: Flight, name: str) -> Fingerprint | None:
    """The fingerprint kept under a name; None when there is none."""
    try:
        return msgspec.json.decode((flight.recorder.artifacts / name).read_bytes(), type=Fingerprint) if name else None
    except (OSError, msgspec.MsgspecError):
        return None
