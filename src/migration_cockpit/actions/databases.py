"""A dump on the way back: restored into a fresh database beside the old one, then the two swap their names.

Done by a role that may create and rename databases (`rollback.admin_dsn`), by default the one Airflow itself has: what
is restored belongs to it. The cockpit's own sessions, and others', are ended where a renaming needs that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from migration_cockpit.actions.dump import SUM_SUFFIX, sha256, variables
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.pg_restore import Restore
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError, postgres
from migration_cockpit.session.events import Command

LONGEST = 63
"""Longest name of a database."""
MAINTENANCE = "postgres"
"""The database from which others are created and renamed."""
JOBS = 4
"""pg_restore's workers."""
SESSIONS_GO = 20.0
"""Seconds that ended sessions get to be gone."""


def restored_database(site: Site, database: str) -> str:
    """The name of the fresh database until it takes over the old one's."""
    return joined(site, database, "restored")


def old_database(site: Site, database: str) -> str:
    """The name under which the old database is kept."""
    return joined(site, database, "before")


def joined(site: Site, database: str, word: str) -> str:
    """The name of a database of this session beside Airflow's own, never longer than PostgreSQL takes."""
    slug = site.slug.replace("-", "_")
    return f"{database[: LONGEST - len(word) - len(slug) - 2]}_{word}_{slug}"


class AsAdmin:
    """What operations on whole databases share."""

    def __init__(self, site: Site, dsn: str | None) -> None:
        """`dsn` of the role that may; None when only describing."""
        self._site = site
        self._dsn = dsn

    @asynccontextmanager
    async def _session(self, database: str = MAINTENANCE) -> AsyncIterator[Any]:
        if self._dsn is None:
            raise OperationError("there is no connection that may create databases: set rollback.admin_dsn")
        async with self._site.live.postgres(write=True, plain=True, dsn=self._dsn, database=database) as session:
            yield session

    async def _rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        async with self._session() as session:
            cursor = await session.execute(sql, parameters or None)
            return [tuple(row) for row in await cursor.fetchall()]


async def oid_of(site: Site, dsn: str, database: str) -> int | None:
    """The oid of a database, by which it is told whatever it is called; None when there is none. Raises WorldError."""
    import psycopg

    async with site.live.postgres(plain=True, dsn=dsn, database=MAINTENANCE) as session:
        try:
            cursor = await session.execute("select oid::bigint from pg_database where datname = %s", [database])
            found = await cursor.fetchone()
        except psycopg.Error as error:
            raise WorldError(postgres.why(error)) from error
    return int(found[0]) if found else None


class RestoreDump(AsAdmin):
    """Create a fresh database and restore a verified dump into it; one that was not finished is made anew."""

    name = "restore-dump"

    def __init__(
        self, site: Site, dump: Path | None, database: str, dsn: str | None = None, *, owner: str = ""
    ) -> None:
        """`owner` is the role that Airflow connects as: what is restored belongs to it."""
        super().__init__(site, dsn)
        self._owner = owner or "<database user>"
        self._dump = dump or Path("<session>/artifacts/<dump>")
        self._database = restored_database(site, database)
        self.key = self._database

    @property
    def _mark(self) -> str:
        """The comment on a database that is restored whole."""
        return f"migration-cockpit {self._site.slug}: restored from {self._dump.name}"

    @property
    def _restore(self) -> Restore:
        program, listing = self._site.settings.dump.pg_restore, self._dump.with_name(self._dump.name + ".list")
        return Restore(program, self._dump, self._database, listing, JOBS, self._owner)

    def describe(self) -> tuple[Command, ...]:
        """Check, create, restore, mark."""
        return (
            Command(text=f"sha256sum --check {self._dump}{SUM_SUFFIX}", what="the dump is what it was"),
            Command(
                text=f'createdb --template=template0 --owner={self._owner} "{self._database}"',
                what="connection in $PG* variables",
            ),
            *self._restore.describe("extensions are not Airflow's, and a superuser's"),
            Command(text=f"""psql -c 'comment on database "{self._database}" is ...'""", what="marks it as whole"),
        )

    async def run(self, report: Report) -> str:
        """Restore it. Raises OperationError."""
        import psycopg

        try:
            await self._checked()
            await self._fresh()
            await self._fill(report)
            async with self._session() as session:
                await session.execute(statement("comment on database {} is {}", self._database, self._mark))
        except psycopg.Error as error:
            raise OperationError(f"{self._database} cannot be made: {postgres.why(error)}{self._hint}") from error
        except WorldError as error:
            raise OperationError(f"{self._database} cannot be made: {error}{self._hint}") from error
        return f"{self._dump.name} is restored into {self._database}"

    @property
    def _hint(self) -> str:
        return "" if self._site.settings.rollback.admin_dsn else "; a role with CREATEDB can: set rollback.admin_dsn"

    async def _checked(self) -> None:
        written = self._dump.with_name(self._dump.name + SUM_SUFFIX)
        try:
            wanted = written.read_text(encoding="ascii").split()[0]
            found = await asyncio.to_thread(sha256, self._dump)
        except (OSError, IndexError) as error:
            raise OperationError(f"the dump {self._dump} or its checksum cannot be read: {error}") from error
        if found != wanted:
            raise OperationError(f"the dump {self._dump} is damaged: its sha256 is {found[:12]}…, not {wanted[:12]}…")

    async def _fresh(self) -> None:
        """An empty database of the name; what a broken attempt left is dropped. Raises psycopg.Error."""
        async with self._session() as session:
            await session.execute(statement("drop database if exists {} with (force)", self._database))
            await session.execute(
                statement("create database {} owner {} template template0", self._database, self._owner, names=2)
            )

    async def _fill(self, report: Report) -> None:
        async with self._session() as session:
            environment = variables(session.info)
        await self._restore.run(environment, self._site.settings.rollback.restore_timeout, report)

    async def observe(self) -> Observation:
        """Whether the database is there and marked as whole."""
        rows = await self._look()
        if not rows:
            return Observation(Status.NOT_STARTED, f"there is no database {self._database}")
        if rows[0][0] == self._mark:
            return Observation(Status.DONE, f"{self._database} is restored from {self._dump.name}")
        return Observation(Status.FAILED, f"{self._database} is there and not whole")

    async def _look(self) -> list[tuple[Any, ...]]:
        sql = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
        return await self._rows(sql, self._database)


class RenameDatabase(AsAdmin):
    """Give a database another name; sessions on it are ended, for PostgreSQL renames none that is in use."""

    def __init__(
        self, site: Site, name: str, before: str, after: str, *, oid: int | None = None, dsn: str | None = None
    ) -> None:
        """`oid` tells the database whatever it is called; None when only describing."""
        super().__init__(site, dsn)
        self.name = name
        self._before = before
        self._after = after
        self._oid = oid
        self.key = f"{before} to {after}"

    def describe(self) -> tuple[Command, ...]:
        """Close, empty, rename, open."""
        end = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self._before}'"  # noqa: S608 - shown only
        return (
            Command(text=f'alter database "{self._before}" with allow_connections false', what="nobody comes in"),
            Command(text=end),
            Command(text=f'alter database "{self._before}" rename to "{self._after}"'),
            Command(text=f'alter database "{self._after}" with allow_connections true'),
        )

    async def run(self, report: Report) -> str:
        """Rename it. Raises OperationError; the database is open again then."""
        import psycopg

        try:
            async with self._session() as session:
                if await self._name() == self._before:
                    await session.execute(statement("alter database {} with allow_connections false", self._before))
                    try:
                        await self._end_sessions(session, report)
                        rename = "alter database {} rename to {}"
                        await session.execute(statement(rename, self._before, self._after, names=2))
                    except BaseException:
                        await session.execute(statement("alter database {} with allow_connections true", self._before))
                        raise
                await session.execute(statement("alter database {} with allow_connections true", self._after))
        except psycopg.Error as error:
            raise OperationError(
                f"{self._before} cannot be renamed to {self._after}: {postgres.why(error)}; the role must own the "
                "database and have CREATEDB: rollback.admin_dsn"
            ) from error
        except WorldError as error:
            raise OperationError(f"{self._before} cannot be renamed to {self._after}: {error}") from error
        return f"{self._before} is {self._after} now"

    async def _end_sessions(self, session: Any, report: Report) -> None:
        """End the sessions on it, by both roles: each may end its own, and others' by pg_signal_backend."""
        import psycopg

        loop = asyncio.get_running_loop()
        deadline = loop.time() + SESSIONS_GO
        end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"
        count = "select count(*) from pg_stat_activity where datname = %s"
        while True:
            left = int((await (await session.execute(count, [self._before])).fetchone())[0])
            if not left:
                return
            if loop.time() > deadline:
                raise OperationError(f"{left} sessions on {self._before} do not end: end them and try the stage again")
            report.progress(f"ending {left} sessions on {self._before}")
            for own in (True, False):
                try:
                    if own:
                        await session.execute(end, [self._before])
                    else:
                        async with self._site.live.postgres(plain=True, database=MAINTENANCE) as cockpit:
                            await cockpit.execute(end, [self._before])
                except psycopg.Error:
                    continue  # a session of another role: the other connection may end it, or the count says so
            await asyncio.sleep(0.2)

    async def _name(self) -> str:
        rows = await self._rows("select datname from pg_database where oid = %s", self._oid)
        return str(rows[0][0]) if rows else ""

    async def observe(self) -> Observation:
        """What the database of this oid is called, and whether it is open."""
        if self._oid is None:
            return Observation(Status.NOT_STARTED, f"there is no database {self._before}")
        rows = await self._rows("select datname, datallowconn from pg_database where oid = %s", self._oid)
        if not rows:
            return Observation(Status.FAILED, f"the database {self._before} is gone")
        name, opened = rows[0]
        done = name == self._after and opened
        return Observation(Status.DONE if done else Status.NOT_STARTED, f"{self._before} is called {name}")


def statement(template: str, *values: str, names: int = 1) -> Any:
    """A statement with the first values as names and the others as literals."""
    from psycopg import sql

    quote: list[Callable[[str], Any]] = [sql.Identifier] * names + [sql.Literal] * (len(values) - names)
    # The templates are constants of this module.
    return sql.SQL(template).format(*(made(value) for made, value in zip(quote, values, strict=True)))
