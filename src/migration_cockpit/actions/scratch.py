"""The backup's test: a dump is restored into a scratch database, its rows are counted there, and that one is dropped.

The scratch database has a name and a comment of its own, is made fresh, and is dropped whatever comes of the test. No
other database is written to: a database of that name without that comment stops the test.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from migration_cockpit.actions.dump import LIBPQ, execute, sha256
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError, postgres
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.events import Command

PREFIX = "migration_cockpit_scratch_"
"""What the name of every scratch database begins with; nothing else is ever dropped."""
MARK = "migration-cockpit: scratch database of a backup's test, may be dropped"
MAINTENANCE = "postgres"
JOBS = 2
"""pg_restore's workers: the server may serve others."""
SHOWN = 5


class RestoreInScratch:
    """Restore a dump into a database made for it, compare its rows table by table with the dump's, and drop it."""

    name = "restore-in-scratch"

    def __init__(self, site: Site, dump: Path) -> None:
        """`site`'s connections lead to the server that has the room, by a role with CREATEDB."""
        self._site = site
        self.dump = dump
        self.key = PREFIX + site.slug.replace("-", "_").strip("<>")
        self.rows: dict[str, int] = {}
        """Rows by table as the restored database had them; filled by `run`."""
        self.digest = ""
        """sha256 of the dump that was restored."""

    def describe(self) -> tuple[Command, ...]:
        """Create, restore, count both sides, drop."""
        program = self._site.settings.dump.pg_restore
        return (
            Command(text=f'createdb --template=template0 "{self.key}"', what=f"connection of {self._place} in $PG*"),
            Command(text=f"{program} --list {self.dump} | grep -v EXTENSION > {self._listing}"),
            Command(text=" ".join(self._restore()), what="into the scratch database only"),
            Command(text=f"{program} --data-only -f - {self.dump}", what="its rows are counted as they pass"),
            Command(text=f"psql {self.key}", what="the rows of every table of the dump are counted"),
            Command(text=f'dropdb --force "{self.key}"', what="whatever came of it"),
        )

    @property
    def _place(self) -> str:
        """The config's key of the server that is used."""
        return "prepare.scratch_dsn" if self._site.settings.prepare.scratch_dsn else "prepare.staging_dsn"

    @property
    def _listing(self) -> Path:
        return self.dump.with_name(self.dump.name + ".scratch.list")

    def _restore(self) -> list[str]:
        program = self._site.settings.dump.pg_restore
        options = ["--no-owner", "--no-acl", "--exit-on-error", f"--jobs={JOBS}", f"--use-list={self._listing}"]
        return [program, *options, f"--dbname={self.key}", str(self.dump)]

    async def run(self, report: Report) -> str:
        """Restore, compare, drop. Raises OperationError, for rows that differ too."""
        import psycopg

        try:
            await self._may()
            held = await in_thread(self._rows_of_dump)
            self.digest = await in_thread(sha256, self.dump)
            try:
                await self._fresh()
                await self._fill(report)
                report.progress(f"counting {len(held)} tables of {self.key}")
                self.rows = await self._rows_restored(held)
            finally:
                await self._drop()
                self._listing.unlink(missing_ok=True)
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
        """Whether a scratch database is left of a test that was interrupted: the next run makes it anew."""
        found = await self._comment()
        if found is None:
            return Observation(Status.NOT_STARTED, f"there is no database {self.key}")
        return Observation(Status.FAILED, f"{self.key} is left of a test that was interrupted; it is made anew")

    # --- The server ---------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _session(self, database: str = MAINTENANCE) -> AsyncIterator[Any]:
        async with self._site.live.postgres(write=True, plain=True, database=database) as session:
            yield session

    async def _may(self) -> None:
        """Raises OperationError where the role may not create databases, or a stranger has the name."""
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
        comment = await self._comment()
        if comment not in {None, MARK}:
            raise OperationError(f"a database {self.key} is there that is none of the cockpit's: rename or drop it")

    async def _comment(self) -> str | None:
        """The comment on the database of this name, "" for none; None when there is no such database."""
        sql = "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = %s"
        async with self._session() as session:
            found = await (await session.execute(sql, [self.key])).fetchone()
        return None if found is None else str(found[0])

    async def _fresh(self) -> None:
        await self._drop()
        async with self._session() as session:
            await session.execute(_named("create database {} template template0", self.key))
            await session.execute(_named("comment on database {} is ", self.key, MARK))

    async def _drop(self) -> None:
        """Drop it where it is the cockpit's own: by name and by comment."""
        if self.key.startswith(PREFIX) and await self._comment() == MARK:
            async with self._session() as session:
                await session.execute(_named("drop database if exists {} with (force)", self.key))

    async def _fill(self, report: Report) -> None:
        program = self._site.settings.dump.pg_restore
        out, errors, code = await execute([program, "--list", str(self.dump)], {}, 600.0)
        if code != 0:
            raise OperationError(f"the dump cannot be listed: {_last(errors)}")
        self._listing.touch(mode=0o600)
        self._listing.write_text("\n".join(line for line in out.splitlines() if " EXTENSION " not in line), "utf-8")
        timeout = self._site.settings.rollback.restore_timeout
        task = asyncio.ensure_future(execute(self._restore(), await self._environment(), timeout))
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=1.0)
                report.progress(f"pg_restore into {self.key}")
        finally:
            task.cancel()
        _, errors, code = task.result()
        if code != 0:
            raise OperationError(f"pg_restore ended with {code}: {_last(errors)}; this dump cannot be restored")

    async def _environment(self) -> Mapping[str, str]:
        async with self._session() as session:
            info = session.info
            given = {**info.get_parameters(), "password": info.password, "port": str(info.port)}
        return {LIBPQ[key]: value for key, value in given.items() if key in LIBPQ and value}

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
            raise OperationError(f"the dump cannot be read to its end: {_last(errors)}; take another")
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


def _named(template: str, name: str, literal: str = "") -> Any:
    from psycopg import sql

    made = sql.SQL(template).format(sql.Identifier(name))
    return made + sql.Literal(literal) if literal else made


def _last(errors: str) -> str:
    lines = [line.strip() for line in errors.strip().splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
