"""What the sources read of the world: plain values, the same for live, replay and watch.

Sizes are bytes, durations and ages seconds, rates per second, times UTC, unless a field says otherwise.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all readings."""


# --- Kubernetes ---------------------------------------------------------------------------------------------------


class Pod(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A pod of the release as `kubectl get pods` would sum it up."""

    name: str
    component: str
    version: str
    """Image tag of the main container."""
    phase: str
    """Running, Pending, Init:0/1, Init:CrashLoopBackOff, CrashLoopBackOff, Completed, Error, Terminating ..."""
    reason: str = ""
    """Why a container waits or how it ended, where the phase does not say it."""
    ready: int = 0
    containers: int = 1
    restarts: int = 0
    created: datetime
    restarting_at: datetime | None = None
    """When the back-off of a waiting container ends, where that is known."""
    database: bool = True
    """Whether a container's environment names the metadata database."""
    last_end: str = ""
    """How the container that restarted last had ended, where that was no success: `OOMKilled`, `Error, exit code 1`."""
    last_end_at: datetime | None = None


class Workload(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A Deployment or StatefulSet of the release."""

    kind: str
    name: str
    component: str
    version: str = ""
    desired: int = 0
    ready: int = 0
    updated: int = 0


class ClusterEvent(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A warning event of the namespace."""

    object: str
    reason: str
    message: str
    count: int = 1
    last: datetime


class PodsReading(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """All pods and workloads of the release and the newest warnings of the namespace."""

    pods: tuple[Pod, ...] = ()
    workloads: tuple[Workload, ...] = ()
    warnings: tuple[ClusterEvent, ...] = ()


# --- Tasks --------------------------------------------------------------------------------------------------------


class LiveTask(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A task instance that runs or waits to run."""

    dag_id: str
    task_id: str
    run_id: str
    state: str
    map_index: int = -1
    since: datetime | None = None
    usual: float | None = None
    """Median duration of the task's last successful runs, seconds."""
    host: str = ""


class TasksReading(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """Task instances by live state, the oldest of them by name, and the DAG counts."""

    states: dict[str, int] = {}
    oldest: tuple[LiveTask, ...] = ()
    paused: int = 0
    total: int = 0
    half_done_runs: int = 0
    """Running DAG runs none of whose tasks run: they resume when their DAG is unpaused."""
    failures: int = 0
    """Task instances that failed since the cut-over, where that has happened."""
    import_errors: int = 0
    serialized: int = 0
    """DAGs with a row in serialized_dag."""
    newest_failures: tuple[LiveTask, ...] = ()


# --- Database -----------------------------------------------------------------------------------------------------


class Backend(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A session of the metadata database, from pg_stat_activity."""

    pid: int
    user: str = ""
    application: str = ""
    address: str = ""
    state: str = ""
    wait_type: str = ""
    wait: str = ""
    query: str = ""
    """First 200 characters, literals of connection strings and passwords never among them."""
    backend_start: datetime | None = None
    xact_start: datetime | None = None
    query_start: datetime | None = None
    role: str = "other"
    """`cockpit`, `migration`, `migration-lock` (its advisory-lock session), `autovacuum`, `airflow` or `other`."""
    io: int = 0
    """Bytes that it read and wrote, where the server tells (PostgreSQL 18); 0 elsewhere."""


class Waiter(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """One wait for a lock: who waits, for what, and for whom."""

    pid: int
    blockers: tuple[int, ...]
    relation: str = ""
    mode: str = ""
    since: datetime | None = None


class HeldLock(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """Strong locks of the migration and of blockers, by relation."""

    pid: int
    relation: str
    mode: str


class ProgressView(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A row of one of Postgres's pg_stat_progress_* views."""

    pid: int
    command: str
    phase: str
    relation: str = ""
    done: int = 0
    total: int = 0


class DatabaseReading(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """The metadata database from outside; none of it waits behind a migration's locks."""

    server_version: int = 0
    """server_version_num, such as 180006."""
    revisions: tuple[str, ...] = ()
    """Rows of alembic_version: one, when all is well."""
    fab_revisions: tuple[str, ...] = ()
    alembic_table: bool = True
    backends: tuple[Backend, ...] = ()
    backends_total: int = 0
    waiters: tuple[Waiter, ...] = ()
    waiters_total: int = 0
    locks: tuple[HeldLock, ...] = ()
    migration_lock_pid: int | None = None
    """Who holds advisory lock 1, which every `airflow db migrate` takes."""
    progress: tuple[ProgressView, ...] = ()
    wal_bytes: int = 0
    """pg_current_wal_lsn() as a byte position; on a replica 0."""
    blocks_read: int = 0
    blocks_written: int = 0
    size: int = 0
    prepared: int = 0
    replica_lag: float | None = None
    slots: int = 0
    inactive_slots: int = 0


class StorageReading(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """The RDS instance, from CloudWatch and describe_db_instances."""

    status: str = ""
    read_iops: float | None = None
    write_iops: float | None = None
    queue_depth: float | None = None
    free_bytes: float | None = None
    cpu_percent: float | None = None
    measured: datetime | None = None
    """Time of the newest data point: CloudWatch is a minute or more behind."""


# --- Scheduler metrics ---------------------------------------------------------------------------------------------


class Metric(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A scheduler metric with its recent course and its value before the migration."""

    name: str
    query: str
    unit: str = ""
    value: float | None = None
    """None: no data, which is not zero."""
    points: tuple[float, ...] = ()
    measured: datetime | None = None


class MetricsReading(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """The scheduler's metrics through Grafana."""

    metrics: tuple[Metric, ...] = ()


class ComponentHealth(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A component as Airflow's health endpoint tells it."""

    name: str
    status: str | None = None
    """`healthy`, `unhealthy`, or None when it was never seen."""
    heartbeat: datetime | None = None


class HealthReading(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """Airflow's own health and version over HTTP."""

    version: str = ""
    components: tuple[ComponentHealth, ...] = ()
