"""What operations and gates read of the metadata database: short, read-only, never behind a migration's locks.

The `dag` table tells live DAGs by `is_active` in 2.x and by `is_stale` in 3.x; reading the row as JSON takes whichever
column is there, so one query serves both sides of the migration and the moments between.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.actions.site import Site
from migration_cockpit.connections import Unreachable, postgres
from migration_cockpit.connections.postgres import APPLICATION, MIGRATION_APPLICATION
from migration_cockpit.session.words import long

DRAINS = ("running", "queued", "restarting")
"""States that end by themselves once everything is paused; the others stay as they are and resume later."""
LIVE_STATES = (*DRAINS, "scheduled", "deferred", "up_for_retry", "up_for_reschedule")


class DagRow(msgspec.Struct, frozen=True):
    """A DAG that is not stale, and whether it is paused."""

    dag_id: str
    paused: bool


class TaskRow(msgspec.Struct, frozen=True):
    """A task instance that runs or is about to."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    state: str
    since: datetime | None
    host: str

    def words(self, now: datetime) -> str:
        """In one line, with its age."""
        index = f"[{self.map_index}]" if self.map_index >= 0 else ""
        age = f" for {long((now - self.since).total_seconds())}" if self.since else ""
        where = f" on {self.host}" if self.host else ""
        return f"{self.dag_id}.{self.task_id}{index} ({self.run_id}) {self.state}{age}{where}"


class SessionRow(msgspec.Struct, frozen=True):
    """A client session of the metadata database other than the one that asks."""

    pid: int
    user: str
    application: str
    address: str
    state: str
    started: datetime | None
    in_transaction_since: datetime | None
    query: str

    @property
    def own(self) -> bool:
        """Whether it is the cockpit's."""
        return self.application.startswith(APPLICATION)

    @property
    def migration(self) -> bool:
        """Whether it is a migration Job's."""
        return self.application == MIGRATION_APPLICATION

    def words(self, now: datetime) -> str:
        """User, application, address, state and age in one line."""
        age = f" for {long((now - self.started).total_seconds())}" if self.started else ""
        name = f" {self.application}" if self.application else ""
        return f"pid {self.pid} {self.user}{name} {self.address or 'local'} {self.state or 'state hidden'}{age}"


class Heads(msgspec.Struct, frozen=True):
    """What the database says of its schema's version."""

    revisions: tuple[str, ...]
    """Rows of alembic_version; exactly one when all is well."""
    fab: tuple[str, ...] = ()
    table: bool = True
    """Whether alembic_version exists."""
    airflow: bool = True
    """Whether Airflow's own tables are there."""


async def rows(site: Site, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of one read-only query. Raises Unreachable, for a query that fails too."""
    async with site.live.postgres() as connection:
        import psycopg  # imported by then

        try:
            cursor = await connection.execute(sql, parameters or None)
            return [tuple(row) for row in await cursor.fetchall()]
        except psycopg.Error as error:
            raise Unreachable(postgres.WHAT, postgres.why(error)) from error


_DAGS = """
select d.dag_id, coalesce(d.is_paused, false)
from dag d
where coalesce((to_jsonb(d) ->> 'is_active')::boolean, not (to_jsonb(d) ->> 'is_stale')::boolean, true)
  and not coalesce((to_jsonb(d) ->> 'is_subdag')::boolean, false)
order by 1
"""


async def dags(site: Site) -> tuple[DagRow, ...]:
    """The DAGs that Airflow shows. SubDAGs of 2.x follow their parent and no bulk call touches them: left out."""
    return tuple(DagRow(dag_id, paused) for dag_id, paused in await rows(site, _DAGS))


async def parsed_since(site: Site, moment: datetime) -> int:
    """How many of the DAGs that Airflow 3.x shows were parsed after a moment: the others' rows are only left over."""
    found = await rows(site, "select count(*) from dag where not is_stale and last_parsed_time > %s", moment)
    return int(found[0][0])


async def states(site: Site) -> dict[str, int]:
    """Task instances by live state, with no age filter: the oldest are the ones that matter."""
    found = await rows(
        site, "select state, count(*) from task_instance where state = any(%s) group by 1", [*LIVE_STATES]
    )
    return dict(found)


async def draining(site: Site, limit: int = 20) -> tuple[TaskRow, ...]:
    """The oldest task instances that must still end."""
    sql = """
        select dag_id, task_id, run_id, map_index, state, coalesce(start_date, queued_dttm), coalesce(hostname, '')
        from task_instance where state = any(%s) order by 6 nulls last limit %s
    """
    return tuple(TaskRow(*row) for row in await rows(site, sql, [*DRAINS], limit))


async def sessions(site: Site) -> tuple[SessionRow, ...]:
    """Client sessions of the metadata database but the cockpit's own.

    Without pg_monitor PostgreSQL hides what kind of session another role's is: what cannot be excluded counts.
    """
    sql = """
        select pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), ''),
               coalesce(state, ''), backend_start, xact_start, left(coalesce(query, ''), 100)
        from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
          and coalesce(backend_type, 'client backend') = 'client backend'
        order by backend_start
    """
    return tuple(row for row in (SessionRow(*found) for found in await rows(site, sql)) if not row.own)


async def owner(site: Site) -> str:
    """The role that owns Airflow's tables: the one Airflow connects as."""
    found = await rows(site, "select pg_get_userbyid(relowner) from pg_class where oid = to_regclass('task_instance')")
    return str(found[0][0]) if found else ""


async def heads(site: Site) -> Heads:
    """Rows of alembic_version and of the FAB provider's own version table."""
    there = await rows(
        site,
        "select to_regclass('alembic_version') is not null, to_regclass('alembic_version_fab') is not null,"
        " to_regclass('dag_run') is not null",
    )
    core, fab, airflow = there[0]
    revisions = await rows(site, "select version_num from alembic_version order by 1") if core else []
    fab_revisions = await rows(site, "select version_num from alembic_version_fab order by 1") if fab else []
    return Heads(
        revisions=tuple(row[0] for row in revisions),
        fab=tuple(row[0] for row in fab_revisions),
        table=core,
        airflow=airflow,
    )


async def migration_lock(site: Site) -> int | None:
    """Who holds advisory lock 1, which every `airflow db migrate` takes for its whole run."""
    found = await rows(
        site,
        "select pid from pg_locks where locktype = 'advisory' and classid = 0 and objid = 1 and granted"
        " and database = (select oid from pg_database where datname = current_database())",
    )
    return int(found[0][0]) if found else None


async def prepared(site: Site) -> list[tuple[str, str, datetime]]:
    """Prepared transactions, which hold their locks until somebody ends them: gid, owner, since when."""
    sql = "select gid, owner, prepared from pg_prepared_xacts where database = current_database() order by 3"
    return [(gid, owner, since) for gid, owner, since in await rows(site, sql)]


async def size(site: Site) -> int:
    """Bytes of the database; asks the file system, never a table that may be locked."""
    return int((await rows(site, "select pg_database_size(current_database())"))[0][0])


async def heartbeats(site: Site, youngest_after: datetime) -> dict[str, int]:
    """Running jobs by type whose heartbeat is newer than a moment."""
    sql = """
        select job_type, count(*) from job
        where state = 'running' and latest_heartbeat > %s and job_type is not null group by 1
    """
    return dict(await rows(site, sql, youngest_after))
