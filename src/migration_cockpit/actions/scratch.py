"""The backup's test: a dump is restored into a scratch database, its rows are counted there, and that one is dropped.

Each test has a database of its own name and comment, and holds a lock of that name while it runs: two tests at once do
not meet, and what a broken-off one left is told from one that still runs. The next test drops what is left. No other
database is written to: without the comment one is dropped only where it has that name and holds nothing.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from migration_cockpit.actions.dump import sha256, variables
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.pg_restore import Restore, last_line
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import Unreachable, WorldError, postgres
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.events import BACKUP_TEST, Command

PREFIX = "migration_cockpit_scratch_"
"""What the name of every scratch database begins with; nothing else is ever dropped."""
MARK = "migration-cockpit: scratch database of a backup's test, may be dropped"
MAINTENANCE = "postgres"
JOBS = 2
"""pg_restore's workers: the server may serve others."""
SHOWN = 5
LONGEST = 63
"""Longest name of a database."""
_TOKEN = re.compile(r"_[0-9a-f]{6}$")
_LOCK = "hashtextextended(%s, 0)"
_FOUND = """
select datname, coalesce(shobj_description(oid, 'pg_database'), '') from pg_database
where starts_with(datname, %s) order by 1
"""
_RELATIONS = """
select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'
"""


def fresh_name(site: Site) -> str:
    """The name of one test's database: of the deployment, and its own."""
    slug = site.slug.replace("-", "_").strip("<>")
    return f"{PREFIX}{slug[: LONGEST - len(PREFIX) - 7]}_{secrets.token_hex(3)}"


class RestoreInScratch:
    """Restore a dump into a database made for it, compare its rows table by table with the dump's, and drop it."""

    name = BACKUP_TEST

    def __init__(self, site: Site, dump: Path, key: str = "") -> None:
        """`site`'s connections lead to the server that has the room, by a role with CREATEDB.

        `key` is the database's name where it was shown before; else it is a new one.
        """
        self._site = site
        self.dump = dump
        self.key = key or fresh_name(site)
        self.rows: dict[str, int] = {}
        """Rows by table as the restored database had them; filled by `run`."""
        self.digest = ""
        """sha256 of the dump that was restored."""
        self._made = False
        """Whether this run has made the database: then it is dropped without its comment too."""

    def describe(self) -> tuple[Command, ...]:
        """Create, restore, count both sides, drop."""
        program = self._site.settings.dump.pg_restore
        return (
            Command(text=f'createdb --template=template0 "{self.key}"', what=f"connection of {self._place} in $PG*"),
            *self._restore.describe("into the scratch database only"),
            Command(text=f"{program} --data-only -f - {self.dump}", what="its rows are counted as they pass"),
            Command(text=f"psql {self.key}", what="the rows of every table of the dump are counted"),
            Command(
                text=f'dropdb --force "{self.key}"',
                what=f"whatever came of it; and what tests that broke off have left under {PREFIX}…",
            ),
        )

    @property
    def _place(self) -> str:
        """The config's key of the server that is used."""
        return "prepare.scratch_dsn" if self._site.settings.prepare.scratch_dsn else "prepare.staging_dsn"

    @property
    def _restore(self) -> Restore:
        listing = self.dump.with_name(f"{self.dump.name}{self.key[-7:]}.list")
        return Restore(self._site.settings.dump.pg_restore, self.dump, self.key, listing, JOBS)

    async def run(self, report: Report) -> str:
        """Restore, compare, drop. Raises OperationError, for rows that differ too."""
        import psycopg

        try:
            await self._may()
            held = await in_thread(self._rows_of_dump)
            self.digest = await in_thread(sha256, self.dump)
            async with self._session() as locked:
                # It ends with this process, however that ends: what nobody holds was left behind.
                await locked.execute(f"select pg_advisory_lock({_LOCK})", [self.key])
                for text in await swept(self._site):
                    report.line("cockpit", text)
                try:
                    await self._make()
                    async with self._session() as session:
                        environment = variables(session.info)
                    await self._restore.run(environment, self._site.settings.rollback.restore_timeout, report)
                    report.progress(f"counting {len(held)} tables of {self.key}")
                    self.rows = await self._rows_restored(held)
                finally:
                    await _drop(self._site, self.key, marked=not self._made)
                    self._restore.listing.unlink(missing_ok=True)
        except psycopg.Error as error:
            raise OperationError(f"the scratch database {self.key} failed: {postgres.why(error)}") from error
        except WorldError as error:
            raise OperationError(f"the scratch database {self.key} failed: {error}") from error
        differ = [
            f"{table} {self.rows.get(table, 0)} of {count}"
            for table, count in held.items()
            if self.rows.get(table) != count
        ]
        if differ:
            more = f" and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
            raise OperationError(f"rows differ after the restore: {', '.join(differ[:SHOWN])}{more}; take another dump")
        return f"{len(held)} tables and {sum(held.values())} rows of {self.dump.name} are equal after the restore"

    async def observe(self) -> Observation:
        """Whether the database of a test that was broken off is left."""
        async with self._session() as session:
            found = await (await session.execute("select from pg_database where datname = %s", [self.key])).fetchone()
        if found is None:
            return Observation(Status.NOT_STARTED, f"there is no database {self.key}")
        return Observation(Status.FAILED, f"{self.key} is left of a test that was broken off")

    # --- The server ---------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _session(self, database: str = MAINTENANCE) -> AsyncIterator[Any]:
        async with _session(self._site, database) as session:
            yield session

    async def _may(self) -> None:
        """Raises OperationError where the role may not create databases."""
        async with self._session() as session:
            cursor = await session.execute(
                "select current_user, rolcreatedb or rolsuper from pg_roles where rolname = current_user"
            )
            role, may = await cursor.fetchone()
        if not may:
            raise OperationError(
                f"the role {role} may not create databases: ALTER ROLE {role} CREATEDB, or name one that may in "
                "prepare.scratch_dsn"
            )

    async def _make(self) -> None:
        async with self._session() as session:
            await session.execute(_named("create database {} template template0", self.key))
            self._made = True
            await session.execute(_named("comment on database {} is ", self.key, MARK))

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def _rows_of_dump(self) -> dict[str, int]:
        """Rows by table as the dump holds them. Raises OperationError for one that breaks off."""
        command = [self._site.settings.dump.pg_restore, "--data-only", "-f", "-", str(self.dump)]
        # Not a pipe: nobody reads it before the end, and a full one would stop pg_restore.
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
            except OSError as error:
                raise OperationError(
                    f"{command[0]} cannot be started: {error.strerror}; set dump.pg_restore"
                ) from error
            assert process.stdout is not None
            with process:
                found = _counted(process.stdout)
            said.seek(0)
            errors = said.read().decode(errors="replace")
        if process.returncode:
            raise OperationError(f"the dump cannot be read to its end: {last_line(errors)}; take another")
        return found

    async def _rows_restored(self, held: Mapping[str, int]) -> dict[str, int]:
        """Rows by table in the scratch database; a table that is not there has none."""
        import psycopg

        found: dict[str, int] = {}
        async with self._session(self.key) as session:
            for table in held:
                # The names are pg_restore's own, quoted by it where they need it.
                with suppress(psycopg.errors.UndefinedTable):
                    cursor = await session.execute(f"select count(*) from {table}")  # noqa: S608
                    found[table] = int((await cursor.fetchone())[0])
        return found


def _counted(script: IO[bytes]) -> dict[str, int]:
    """Rows by table of what pg_restore writes."""
    found: dict[str, int] = {}
    table = ""
    for line in script:
        if table:
            if line == b"\\.\n":
                table = ""
            else:
                found[table] += 1
        elif line.startswith(b"COPY ") and line.rstrip().endswith(b"FROM stdin;"):
            table = line[5:].partition(b" (")[0].decode()
            found[table] = 0
    return found


# --- What broken-off tests have left ----------------------------------------------------------------------------------


async def left(site: Site) -> list[str]:
    """Scratch databases that no test holds any more. Raises WorldError."""
    return [name for name, _ in await _abandoned(site)]


async def swept(site: Site) -> list[str]:
    """Drop what is left; a sentence for each, for one that stays too. Raises WorldError."""
    import psycopg

    said = []
    for name, ours in await _abandoned(site):
        try:
            if ours or (_TOKEN.search(name) and await _holds_nothing(site, name)):
                await _drop(site, name, marked=ours)
                said.append(f"{name} was left of a backup's test that broke off: it is dropped")
            else:
                said.append(f"{name} has the name of a scratch database and not its comment: look at it, drop it")
        except (psycopg.Error, Unreachable) as error:
            why = postgres.why(error) if isinstance(error, psycopg.Error) else str(error)
            said.append(f"{name} was left of a backup's test that broke off and cannot be dropped: {why}")
    return said


async def _abandoned(site: Site) -> list[tuple[str, bool]]:
    """Name, and whether it has the comment, of each scratch database whose lock is free."""
    import psycopg

    try:
        async with _session(site) as session:
            found = await (await session.execute(_FOUND, [PREFIX])).fetchall()
            free = []
            for name, comment in found:
                sql = f"select pg_try_advisory_lock({_LOCK})"
                if (await (await session.execute(sql, [name])).fetchone())[0]:
                    free.append((str(name), comment == MARK))
                    await session.execute(f"select pg_advisory_unlock({_LOCK})", [name])
            return free
    except psycopg.Error as error:
        raise Unreachable(postgres.WHAT, postgres.why(error)) from error


async def _holds_nothing(site: Site, name: str) -> bool:
    async with _session(site, name) as session:
        return not (await (await session.execute(_RELATIONS)).fetchone())[0]


async def _drop(site: Site, name: str, *, marked: bool) -> None:
    """Drop it where it is the cockpit's own, by its name and, unless that is known otherwise, by its comment."""
    async with _session(site) as session:
        found = dict(await (await session.execute(_FOUND, [PREFIX])).fetchall())
        if name in found and (found[name] == MARK or not marked):
            # Who is in one without the comment is not the cockpit's to end.
            force = " with (force)" if found[name] == MARK else ""
            await session.execute(_named("drop database if exists {}" + force, name))


@asynccontextmanager
async def _session(site: Site, database: str = MAINTENANCE) -> AsyncIterator[Any]:
    async with site.live.postgres(write=True, plain=True, database=database) as session:
        yield session


def _named(template: str, name: str, literal: str = "") -> Any:
    from psycopg import sql

    made = sql.SQL(template).format(sql.Identifier(name))
    return made + sql.Literal(literal) if literal else made
