"""A fresh database of the target version and the revisions that lead to it, asked of the target's own image.

An empty database is made on the same server, `airflow db migrate` of the target's image fills it and its revisions are
printed, its shape is kept beside the journal, and it is dropped. Its name comes of the session, a comment marks it as
the cockpit's, and nothing without that mark is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from migration_cockpit.actions import image_chain
from migration_cockpit.actions.databases import AsAdmin, joined, statement
from migration_cockpit.actions.job_template import CONTAINER
from migration_cockpit.actions.migration_job import MigrationJob
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError, WorldError, postgres
from migration_cockpit.session.events import Command

APPLICATION = "airflow-db-reference"
"""What the Job's sessions are called: they are no migration of Airflow's database."""

Row = tuple[str, str, str, str]
"""Kind, table, name, definition."""
Keep = Callable[[str, str | None, Sequence[Row]], None]
"""Takes head, FAB head and rows."""


def scratch_database(site: Site, database: str) -> str:
    """The name of the scratch database."""
    return joined(site, database, "reference")


def reference_job_name(site: Site, attempt: int = 1) -> str:
    """`airflow-db-reference-<session>`; a later attempt gets a name of its own."""
    return f"airflow-db-reference-{site.slug}" + (f"-a{attempt}" if attempt > 1 else "")


def on_database(dsn: str, database: str) -> str:
    """A URL that leads to another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path="/" + quote(database, safe="")))


@cache
def schema_sql() -> str:
    """The query by which the references were made too."""
    return files("migration_cockpit.sources").joinpath("sql/schema.sql").read_text("utf-8")


async def may_create(site: Site, dsn: str, owner: str) -> tuple[bool, str]:
    """Whether the role of a DSN may create a database for `owner`, and its name. Raises WorldError."""
    import psycopg

    sql = (
        "select rolname, rolcreatedb or rolsuper, pg_has_role(oid, %s, 'member') from pg_roles "
        "where rolname = current_user"
    )
    async with site.live.postgres(plain=True, dsn=dsn) as session:
        try:
            row = await (await session.execute(sql, [owner])).fetchone()
        except psycopg.Error as error:
            raise WorldError(postgres.why(error)) from error
    assert row is not None  # a session has a role
    return bool(row[1] and row[2]), str(row[0])


class _Scratch(AsAdmin):
    """What the three have in common."""

    def __init__(self, site: Site, database: str, dsn: str | None = None) -> None:
        """`database` is Airflow's, `dsn` that of the role that may create; None when only describing."""
        super().__init__(site, dsn)
        self._database = scratch_database(site, database)
        self._airflow = database
        self.key = self._database

    @property
    def _mark(self) -> str:
        return f"migration-cockpit {self._site.slug}: a scratch database for the reference of the target's schema"

    async def _marked(self) -> bool | None:
        """Whether the database is the cockpit's; None where there is none of the name."""
        sql = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
        rows = await self._rows(sql, self._database)
        return rows[0][0] == self._mark if rows else None


class MakeScratch(_Scratch):
    """Create the empty database."""

    name = "make-scratch"

    def __init__(self, site: Site, database: str, dsn: str | None = None, *, owner: str = "") -> None:
        """`owner` is the role that Airflow connects as."""
        super().__init__(site, database, dsn)
        self._owner = owner or "<database user>"

    def describe(self) -> tuple[Command, ...]:
        """Create and mark."""
        text = f'createdb --template=template0 --owner={self._owner} "{self._database}"'
        what = (
            f"an empty database for the schema of {self._site.settings.deployment.target_version}; dropped afterwards"
        )
        return (
            Command(text=text, what=what),
            Command(text=f"""psql -c 'comment on database "{self._database}" is ...'""", what="marks it as ours"),
        )

    async def run(self, report: Report) -> str:
        """Create it. Raises OperationError."""
        import psycopg

        if self._database == self._airflow:
            raise OperationError(f"the scratch database would be Airflow's own, {self._airflow}")
        try:
            if (marked := await self._marked()) is False:
                raise OperationError(f"there is a database {self._database} already: look at it and drop it by hand")
            async with self._session() as session:
                if marked is None:
                    made = statement(
                        "create database {} owner {} template template0", self._database, self._owner, names=2
                    )
                    await session.execute(made)
                await session.execute(statement("comment on database {} is {}", self._database, self._mark))
        except psycopg.Error as error:
            raise OperationError(f"{self._database} cannot be made: {postgres.why(error)}") from error
        except WorldError as error:
            raise OperationError(f"{self._database} cannot be made: {error}") from error
        return f"{self._database} is there, empty"

    async def observe(self) -> Observation:
        """Whether it is there with the mark."""
        if await self._marked():
            return Observation(Status.DONE, f"{self._database} is there")
        return Observation(Status.NOT_STARTED, f"there is no database {self._database} of ours")


class ReferenceJob(MigrationJob):
    """`airflow db migrate` of the target's image on the empty database, then its revisions on the log."""

    name = "reference-job"
    nothing_done = "Airflow's database is not touched by it"
    source = "reference"
    program = image_chain.command(MigrationJob.command)
    """What its container runs."""

    def describe(self) -> tuple[Command, ...]:
        """As the migration's; it tells the revisions as well."""
        create, follow = super().describe()
        return (Command(text=create.text, what=f"{create.what} and prints its revisions"), follow)

    async def run(self, report: Report) -> str:
        """As the migration's, but not without end. Raises OperationError."""
        most = self._site.settings.limits.reference
        try:
            async with asyncio.timeout(most):
                return await super().run(_WithoutRevisions(report))
        except TimeoutError as error:
            raise OperationError(f"Job {self.key} has not ended in {most:.0f} s (limits.reference)") from error

    async def printed(self) -> list[str]:
        """The lines of its log, once it has ended. Raises KubeError."""
        pod = await self._pod()
        if pod is None:
            return []
        lines = self._site.live.kube.log(pod["metadata"]["name"], container=CONTAINER, timestamps=False)
        return [line async for line in lines]


class ChainJob(ReferenceJob):
    """Only the revisions, where no database can be made: the image is asked, and no server."""

    command = "python -c <print the revisions>"
    program = image_chain.command()
    dsn = "postgresql://nobody@127.0.0.1:1/nothing"
    """What it gets in the place of Airflow's database, which it has nothing to do with."""


class _WithoutRevisions:
    """A report that the revisions do not reach: they become one event, and no hundred lines of the log."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        if image_chain.MARK not in text:
            self._report.line(source, text, level=level, at=at)

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        self._report.progress(text, done, total)


class KeepReference(_Scratch):
    """Read the shape of what was made and keep it."""

    name = "keep-reference"

    def __init__(self, site: Site, database: str, dsn: str | None = None, keep: Keep | None = None) -> None:
        """`keep` takes what was read."""
        super().__init__(site, database, dsn)
        self._keep = keep

    def describe(self) -> tuple[Command, ...]:
        """Read."""
        text = f'psql -d "{self._database}" -f schema.sql'
        return (Command(text=text, what="columns, constraints and indexes, kept in the session's artifacts"),)

    async def run(self, report: Report) -> str:
        """Read and keep. Raises OperationError."""
        import psycopg

        try:
            async with self._session(self._database) as session:
                head = await self._head(session, "alembic_version")
                fab = await self._head(session, "alembic_version_fab")
                found = await (await session.execute(schema_sql().encode())).fetchall()
        except psycopg.Error as error:
            raise OperationError(f"{self._database} cannot be read: {postgres.why(error)}") from error
        except WorldError as error:
            raise OperationError(f"{self._database} cannot be read: {error}") from error
        if head is None or not found:
            raise OperationError(f"{self._database} has no schema of Airflow: airflow db migrate made none")
        rows = [(str(kind), str(table), str(name), str(definition)) for kind, table, name, definition in found]
        assert self._keep is not None  # only a described operation has none
        self._keep(head, fab, rows)
        return f"{sum(row[0] == 'column' for row in rows)} columns at {head}"

    async def _head(self, session: Any, table: str) -> str | None:
        exists = await (await session.execute("select to_regclass(%s) is not null", [table])).fetchone()
        if not exists[0]:
            return None
        found = await (await session.execute(statement("select version_num from {}", table))).fetchall()
        if len(found) != 1:
            raise OperationError(f"{table} of {self._database} has {len(found)} rows")
        return str(found[0][0])

    async def observe(self) -> Observation:
        """What was kept is looked for by who keeps it."""
        return Observation(Status.NOT_STARTED, "not kept yet")


class DropScratch(_Scratch):
    """Drop the database and the Job with its Secret: nothing of it stays but what was kept."""

    name = "drop-scratch"

    def __init__(self, site: Site, database: str, dsn: str | None = None, *, job: str = "") -> None:
        """`job` is the Job's name."""
        super().__init__(site, database, dsn)
        self._job = job or "<reference Job>"

    def describe(self) -> tuple[Command, ...]:
        """Delete, drop."""
        return (
            Command(text=self._site.kubectl("delete job", self._job, "--cascade=foreground"), what="with its Secret"),
            Command(text=f'dropdb --force "{self._database}"', what="only with the mark that the cockpit made"),
        )

    async def run(self, report: Report) -> str:
        """Drop what is marked. Raises OperationError."""
        import psycopg

        try:
            # Its Secret is owned by it and goes with it.
            await self._site.live.kube.delete("jobs", self._job, propagation="Foreground")
        except KubeError as error:
            if not error.missing:
                report.line("cockpit", f"Job {self._job} stays: {error}", level="careful")
        try:
            marked = await self._marked()
            if marked:
                async with self._session() as session:
                    await session.execute(statement("drop database if exists {} with (force)", self._database))
        except psycopg.Error as error:
            raise OperationError(
                f"{self._database} cannot be dropped: {postgres.why(error)}; drop it by hand"
            ) from error
        except WorldError as error:
            raise OperationError(f"{self._database} cannot be dropped: {error}; drop it by hand") from error
        return f"{self._database} is dropped" if marked else f"there is no {self._database} of ours"

    async def observe(self) -> Observation:
        """Whether neither is there."""
        job = await self._site.live.kube.find("jobs", self._job)
        if job is None and await self._marked() is None:
            return Observation(Status.DONE, f"there is no database {self._database}")
        return Observation(Status.NOT_STARTED, f"{self._database} or its Job is still there")
