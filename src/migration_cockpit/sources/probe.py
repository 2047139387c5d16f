"""One-shot reads of the metadata database, for gates and verifications.

Each takes a session of `Connections.postgres()`. They raise psycopg.Error when the database does not answer as asked;
`postgres.why` says that in words. None may be used while a migration runs, except those that say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from migration_cockpit.session.readings import Backend, LiveTask
from migration_cockpit.sources.activity import Session, backends
from migration_cockpit.sources.dialects import V2, V3, Schema, query, text

if TYPE_CHECKING:
    import psycopg

    from migration_cockpit.connections import Connections

    Connection = psycopg.AsyncConnection[Any]

LIVE_STATES = ("running", "queued", "restarting", "scheduled", "deferred", "up_for_reschedule", "up_for_retry")
"""States of task instances that are neither finished nor untouched."""
DRAIN_STATES = ("running", "queued", "restarting")
"""The live states that end by themselves while every DAG is paused; the others stay as they are."""


@dataclass(frozen=True)
class Dags:
    """The DAGs that exist (active in Airflow 2, not stale in 3), by whether they are paused."""

    active: tuple[str, ...]
    """Not paused: what the pause ledger holds."""
    paused: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.active) + len(self.paused)


@dataclass(frozen=True)
class Heads:
    """Rows of the version tables. `table` tells an empty alembic_version from none at all."""

    core: tuple[str, ...]
    fab: tuple[str, ...]
    table: bool


@dataclass(frozen=True)
class Counts:
    """What a smoke test counts."""

    dags: int
    serialized: int
    import_errors: int


@dataclass(frozen=True)
class Heartbeat:
    """A component's row in table `job`."""

    kind: str
    """SchedulerJob, TriggererJob or DagProcessorJob."""
    state: str
    at: datetime | None
    host: str
    age: float
    """Seconds by the server's clock."""


@dataclass(frozen=True)
class RoleSettings:
    """Settings that a new session of a role gets, by name, and where each comes from."""

    role: str
    current: dict[str, int]
    """statement_timeout, lock_timeout and idle_in_transaction_session_timeout in milliseconds, 0 for none."""
    sources: dict[str, str]
    """`role`, `database`, `role in database` or `server`."""


@dataclass(frozen=True)
class Foreign:
    """Something of others on Airflow's tables that DDL trips over."""

    kind: str
    """view, materialized view, trigger or publication."""
    name: str
    table: str


@dataclass(frozen=True)
class TableSize:
    """A table before the migration: estimated rows and bytes with its indexes and TOAST."""

    name: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class CatchUp:
    """What unpausing one DAG starts at once."""

    dag_id: str
    catchup: bool
    """Whether missed intervals are made up for, under the version that will run."""
    missed: int
    """Ticks that passed since the last run was due. 0: nothing is due."""
    first_wave: int
    """Runs that start before the DAG's own limit holds the others back."""
    never: int
    """Intervals that will not run at all because catch-up is off."""
    queued_assets: int
    """Asset events that wait: they start a run without any tick."""
    exact: bool
    """Whether the distance between ticks is known; else `missed` is an estimate."""


@dataclass(frozen=True)
class Pool:
    """A pool: its slots, and those that are taken."""

    name: str
    slots: int
    taken: int


async def _rows(connection: Connection, sql: str, parameters: Any = None) -> list[Any]:
    return await (await connection.execute(sql, parameters)).fetchall()


async def _row(connection: Connection, sql: str, parameters: Any = None) -> Any:
    rows = await _rows(connection, sql, parameters)
    return rows[0] if rows else None


async def schema_of(connection: Connection) -> Schema | None:
    """The generation of the schema, read from the catalogue; None when there is no Airflow. Safe in a migration."""
    active, stale, _ = await _row(connection, text("look"))
    return V3 if stale else V2 if active else None


async def _schema(connection: Connection) -> Schema:
    return await schema_of(connection) or V2


async def migration_runs(connection: Connection) -> bool:
    """Whether a session holds advisory lock 1. Safe in a migration."""
    return bool((await _row(connection, text("look")))[2])


async def server_version(connection: Connection) -> int:
    """server_version_num, such as 180006. Safe in a migration."""
    return int((await _row(connection, "select current_setting('server_version_num')::int"))[0])


async def heads(connection: Connection) -> Heads:
    """The alembic revisions, core and FAB. Safe in a migration."""
    core = (await _row(connection, "select to_regclass('alembic_version') is not null"))[0]
    fab = (await _row(connection, "select to_regclass('alembic_version_fab') is not null"))[0]
    found = {}
    for name, exists in (("alembic_version", core), ("alembic_version_fab", fab)):
        rows = await _rows(connection, f"select version_num from {name} order by 1") if exists else []  # noqa: S608  # our names
        found[name] = tuple(row[0] for row in rows)
    return Heads(found["alembic_version"], found["alembic_version_fab"], bool(core))


# -- DAGs and tasks


async def dags(connection: Connection) -> Dags:
    """Every DAG that exists, in the order of its id."""
    current = (await _schema(connection)).current
    rows = await _rows(connection, f"select dag_id, is_paused from dag where {current} order by dag_id")  # noqa: S608  # a condition of ours
    return Dags(tuple(row[0] for row in rows if not row[1]), tuple(row[0] for row in rows if row[1]))


async def live_states(connection: Connection) -> dict[str, int]:
    """Task instances by live state, without any age filter; states with none are left out."""
    sql = "select state, count(*) from task_instance where state = any(%s) group by state"
    return dict(await _rows(connection, sql, [list(LIVE_STATES)]))


async def live_tasks(connection: Connection, *, limit: int = 50) -> tuple[LiveTask, ...]:
    """The task instances that going on would kill, the oldest first."""
    sql = (
        "select dag_id, task_id, run_id, map_index, state, coalesce(start_date, queued_dttm), coalesce(hostname, '')"
        " from task_instance where state = any(%s) order by coalesce(start_date, queued_dttm) nulls last limit %s"
    )
    return tuple(
        LiveTask(dag_id=r[0], task_id=r[1], run_id=r[2], map_index=r[3], state=r[4], since=r[5], host=r[6])
        for r in await _rows(connection, sql, [list(DRAIN_STATES), limit])
    )


async def counts(connection: Connection) -> Counts:
    """DAGs, serialized DAGs and import errors."""
    current = (await _schema(connection)).current
    row = await _row(
        connection,
        f"select (select count(*) from dag where {current}), (select count(distinct dag_id) from serialized_dag),"  # noqa: S608  # a condition of ours
        " (select count(*) from import_error)",
    )
    return Counts(*row)


async def import_errors(connection: Connection, *, limit: int = 20) -> tuple[tuple[str, str], ...]:
    """File and last line of the trace of each DAG that could not be imported."""
    sql = "select coalesce(filename, ''), coalesce(stacktrace, '') from import_error order by id limit %s"
    rows = await _rows(connection, sql, [limit])
    return tuple((name, trace.strip().splitlines()[-1][:300] if trace.strip() else "") for name, trace in rows)


async def failures_since(connection: Connection, since: datetime) -> int:
    """Task instances that failed after a moment."""
    sql = "select count(*) from task_instance where state = 'failed' and end_date > %s"
    return int((await _row(connection, sql, [since]))[0])


async def run_state(connection: Connection, dag_id: str, run_id: str) -> str | None:
    """State of a DAG run; None when there is none."""
    row = await _row(connection, "select state from dag_run where dag_id = %s and run_id = %s", [dag_id, run_id])
    return str(row[0]) if row else None


async def heartbeats(connection: Connection) -> tuple[Heartbeat, ...]:
    """Components that say they run, the freshest first. Old ones that were killed still say `running`: look at age."""
    sql = (
        "select job_type, coalesce(state, ''), latest_heartbeat, coalesce(hostname, ''),"
        " coalesce(extract(epoch from now() - latest_heartbeat), 'Infinity')::float from job"
        " where job_type in ('SchedulerJob', 'TriggererJob', 'DagProcessorJob') and state = 'running'"
        " order by latest_heartbeat desc nulls last limit 200"
    )
    return tuple(Heartbeat(*row) for row in await _rows(connection, sql))


async def pools(connection: Connection) -> tuple[Pool, ...]:
    """Pools with the slots that running and queued tasks take."""
    sql = (
        "select p.pool, p.slots, coalesce(sum(t.pool_slots), 0)::int from slot_pool p left join task_instance t"
        " on t.pool = p.pool and t.state in ('running', 'queued') group by 1, 2 order by 1"
    )
    return tuple(Pool(*row) for row in await _rows(connection, sql))


async def catch_up(
    connection: Connection, dag_ids: Iterable[str], *, catchup_default: bool | None = None
) -> tuple[CatchUp, ...]:
    """What unpausing these DAGs starts, for those for which anything is due.

    `catchup_default` is `[scheduler] catchup_by_default` of the version that runs, where it is not the shipped one.
    Under 3.x it is right only once the dag-processor has parsed: until then there is no serialized DAG to read.
    """
    schema = await _schema(connection)
    default = schema.catchup_default if catchup_default is None else catchup_default
    rows = await _rows(connection, query("catch_up", schema), {"dags": list(dag_ids), "default": default})
    return tuple(CatchUp(*row) for row in rows)


# -- the server


async def sessions(connection: Connection) -> tuple[Backend, ...]:
    """Every session on this database but the asking one, with its role. Safe in a migration."""
    row = await _row(connection, text("sessions"))
    found = msgspec.json.decode(row[0], type=list[Session])
    return backends(found, row[1], row[2] or "")


async def prepared(connection: Connection) -> tuple[str, ...]:
    """Prepared transactions of this database by their gid. Safe in a migration."""
    rows = await _rows(connection, "select gid from pg_prepared_xacts where database = current_database() order by 1")
    return tuple(row[0] for row in rows)


async def slots(connection: Connection) -> dict[str, bool]:
    """Replication slots by name, and whether each is in use: one that is not holds all WAL. Safe in a migration."""
    return dict(await _rows(connection, "select slot_name, active from pg_replication_slots order by 1"))


async def database_size(connection: Connection) -> int:
    """Bytes of the database. Safe in a migration."""
    return int((await _row(connection, "select pg_database_size(current_database())"))[0])


async def table_sizes(connection: Connection, names: Iterable[str]) -> tuple[TableSize, ...]:
    """Rows (as the planner estimates) and bytes of tables that exist, the largest first.

    Only before the migration: pg_total_relation_size waits behind ACCESS EXCLUSIVE.
    """
    sql = (
        "select c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid) from pg_class c"
        " where c.relkind in ('r', 'p') and c.oid = any(select to_regclass(n)::oid from unnest(%s::text[]) n)"
        " order by 3 desc"
    )
    return tuple(TableSize(*row) for row in await _rows(connection, sql, [list(names)]))


async def role_settings(connections: Connections, role: str = "") -> RoleSettings:
    """What a new session of the role gets in this database; without a role: of the owner of Airflow's tables.

    Role in database beats role, role beats database, database beats the server's own. Opens a session of its own: the
    cockpit's others have set these very settings. Safe in a migration. Raises Unreachable.
    """
    async with connections.postgres(plain=True) as connection:
        rows = await _rows(connection, text("role_settings"), {"role": role or None})
    return RoleSettings(
        rows[0][0] or role,
        {name: milliseconds(value) for _, name, value, _ in rows},
        {name: source for _, name, _, source in rows},
    )


def milliseconds(value: str) -> int:
    """A time-out as PostgreSQL takes it (`900`, `15min`) in milliseconds; without a unit it is in milliseconds."""
    units = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(us|ms|s|min|h|d)?\s*", value)
    return round(float(match[1]) * units[match[2] or "ms"]) if match else 0


async def foreign_objects(connection: Connection) -> tuple[Foreign, ...]:
    """Views, triggers and publications of others on the tables of the version table's owner and schema."""
    return tuple(Foreign(*row) for row in await _rows(connection, text("foreign_objects")))


async def schema_rows(connection: Connection) -> list[dict[str, Any]]:
    """What sql/schema.sql tells of columns, constraints and indexes, a dict for each row by the query's names."""
    cursor = await connection.execute(text("schema"))
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
