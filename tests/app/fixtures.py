"""Sample states, built by folding events as a session would write them; and a light cockpit that holds one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session import readings as rd
from migration_cockpit.session.fold import fold
from migration_cockpit.session.migration import Measured, TableSize
from migration_cockpit.session.state import State
from tests.app.preparing import preparing

DAY = datetime(2026, 5, 16, tzinfo=UTC)
OLD, NEW = "2.11.2", "3.2.2"
PLANNED = dict(
    zip(
        STEP_IDS,
        ("09:00", "09:05", "09:15", "09:45", "10:15", "10:45", "11:00", "11:30", "12:30", "13:00", "15:00"),
        strict=True,
    )
)


def at(clock: str) -> datetime:
    """A moment of the sample day: 10:32 or 10:32:07."""
    hour, minute, *second = (int(part) for part in clock.split(":"))
    return DAY.replace(hour=hour, minute=minute, second=second[0] if second else 0)


class Fold:
    """Folds events with growing numbers."""

    def __init__(self) -> None:
        self.state = State()

    def add(self, clock: str | datetime, *events: ev.Event) -> None:
        """Fold events that happened at a moment."""
        moment = at(clock) if isinstance(clock, str) else clock
        for event in events:
            self.state = fold(self.state, event, moment, self.state.seq + 1)


def opened(*, production: bool = True, rehearsal: bool = False) -> ev.SessionOpened:
    """The first event."""
    planned = {step: at(clock) for step, clock in PLANNED.items()} | {"window_end": at("16:00")}
    return ev.SessionOpened(
        session="airflow-prod-20260516-085512",
        deployment="airflow-prod",
        production=production,
        source_version=OLD,
        target_version=NEW,
        context="prod-eu",
        namespace="airflow",
        release="airflow",
        config="0123456789abcdef",
        program="0.1.0",
        planned=planned,
        rehearsal=rehearsal,
    )


def pod(name: str, component: str, version: str, phase: str = "Running", **more: object) -> rd.Pod:
    """A pod with defaults."""
    values: dict[str, object] = {"ready": 1, "containers": 1, "created": at("09:53")} | more
    return rd.Pod(name=f"airflow-{name}", component=component, version=version, phase=phase, **values)  # type: ignore[arg-type]


def load(kind: str, component: str, *, desired: int, ready: int = 0) -> rd.Workload:
    """A workload of 3.x, whose template is up to date."""
    name = f"airflow-{component}"
    return rd.Workload(
        kind=kind, name=name, component=component, version=NEW, desired=desired, ready=ready, updated=desired
    )


def old_pods() -> rd.PodsReading:
    """Everything of 2.x runs."""
    created = at("00:12")
    return rd.PodsReading(
        pods=(
            pod("scheduler-5f7c9-x2x9k", "scheduler", OLD, ready=2, containers=2, created=created),
            pod("scheduler-5f7c9-q8m4d", "scheduler", OLD, ready=2, containers=2, created=created),
            pod("webserver-7d4b-l9pxz", "webserver", OLD, created=created),
            pod("triggerer-0", "triggerer", OLD, ready=2, containers=2, created=created, restarts=1),
            pod("worker-0", "worker", OLD, ready=2, containers=2, created=created),
            pod("worker-1", "worker", OLD, ready=2, containers=2, created=created),
            pod("statsd-6c9f-w7k2p", "statsd", "v0.28.0", created=created, database=False),
            pod("pgbouncer-85b9-kk7wq", "pgbouncer", "1.22", ready=2, containers=2, created=created),
        )
    )


def migrating_pods() -> rd.PodsReading:
    """The new pods wait in Init, the migration runs."""
    return rd.PodsReading(
        pods=(
            pod("migrate-0516-1021-7xk2p", "migration", NEW, created=at("10:21")),
            pod("scheduler-6b8d7-x2x9k", "scheduler", NEW, "Init:0/1", ready=0, containers=2),
            pod("scheduler-6b8d7-q8m4d", "scheduler", NEW, "Init:0/1", ready=0, containers=2),
            pod("api-server-7d4b9-l9pxz", "api-server", NEW, "Init:0/1", ready=0, restarts=5),
            pod(
                "dag-processor-66c4-t7w8n",
                "dag-processor",
                NEW,
                "Init:CrashLoopBackOff",
                ready=0,
                containers=2,
                restarts=6,
                restarting_at=at("10:34:47"),
            ),
            pod("triggerer-0", "triggerer", NEW, "Init:0/1", ready=0, containers=2, restarts=5),
            pod("statsd-6c9f-w7k2p", "statsd", "v0.28.0", database=False, created=at("00:12")),
            pod(
                "pgbouncer-85b9-kk7wq",
                "pgbouncer",
                "1.22",
                ready=2,
                containers=2,
                created=at("00:12"),
                restarts=1,
                last_end="OOMKilled",
                last_end_at=at("10:19:30"),
            ),
        ),
        workloads=(
            load("Deployment", "scheduler", desired=2),
            load("Deployment", "api-server", desired=1),
            load("Deployment", "dag-processor", desired=1),
            load("StatefulSet", "triggerer", desired=1),
            load("StatefulSet", "worker", desired=0),
        ),
        warnings=(
            rd.ClusterEvent(
                object="pod/airflow-dag-processor-66c4-t7w8n",
                reason="BackOff",
                message="Back-off restarting failed container wait-for-airflow-migrations",
                count=9,
                last=at("10:31:40"),
            ),
        ),
    )


def new_pods() -> rd.PodsReading:
    """Everything of 3.x is ready."""
    created = at("10:50")
    names = {"scheduler-6b8d7-x2x9k": 2, "scheduler-6b8d7-q8m4d": 2, "api-server-7d4b9-l9pxz": 1}
    names |= {"dag-processor-66c4-t7w8n": 2, "triggerer-0": 2, "worker-0": 2, "worker-1": 2}
    pods = [
        pod(name, name.rsplit("-", 2)[0], NEW, ready=count, containers=count, created=created)
        for name, count in names.items()
    ]
    return rd.PodsReading(pods=(*pods, pod("statsd-6c9f-w7k2p", "statsd", "v0.28.0", database=False)))


def metrics(factor: float | None, measured: datetime) -> rd.MetricsReading:
    """The four metrics at a multiple of their usual value; None for no data."""
    usual = {
        "loop_duration": (0.42, "s"),
        "queued_tasks": (12.0, ""),
        "open_slots": (128.0, ""),
        "parse_time": (31.0, "s"),
    }
    found = []
    for name, (value, unit) in usual.items():
        worse = factor if name in {"loop_duration", "parse_time"} else 1.0
        points = tuple(value * (worse or 1) * (1 + 0.2 * math.sin(n / 3)) for n in range(40)) if factor else ()
        found.append(
            rd.Metric(
                name=name,
                query=f"max(airflow_{name})",
                unit=unit,
                value=value * (worse or 1) if factor else None,
                points=points,
                measured=measured,
            )
        )
    return rd.MetricsReading(metrics=tuple(found))


def backend(pid: int, role: str, **more: object) -> rd.Backend:
    """A session with defaults."""
    values: dict[str, object] = {"user": "airflow", "state": "active", "query_start": at("10:25:55")} | more
    return rd.Backend(pid=pid, role=role, **values)  # type: ignore[arg-type]


def database(revision: str, n: int, *, migrating: bool = False, blocked: bool = False) -> rd.DatabaseReading:
    """The n-th reading of the database."""
    cockpit = [
        backend(25001 + k, "cockpit", user="cockpit", state="idle", application="migration-cockpit") for k in range(2)
    ]
    sessions = [*cockpit, backend(1, "autovacuum", user="", query="autovacuum: VACUUM public.xcom")]
    waits: tuple[rd.Waiter, ...] = ()
    held: list[rd.HeldLock] = []
    if migrating:
        statement = "WITH cte AS ( SELECT ctid FROM task_instance WHERE id IS NULL LIMIT … ) UPDATE task_instance"
        begun = at("10:26:01") if blocked else at("10:30:37") + timedelta(seconds=n)
        if blocked:
            statement = "ALTER TABLE task_instance ADD COLUMN id UUID"
        sessions += [
            backend(25435, "migration", query=statement, xact_start=at("10:25:55"), query_start=begun),
            backend(25434, "migration-lock", state="idle in transaction", xact_start=at("10:21:04")),
        ]
        held = [rd.HeldLock(pid=25435, relation=f"t{k}", mode="AccessExclusiveLock") for k in range(7)]
        held.insert(0, rd.HeldLock(pid=25435, relation="task_instance", mode="AccessExclusiveLock"))
    if blocked:
        who = {"user": "analyst", "application": "DBeaver 24.1", "address": "10.2.7.31"}
        query = "SELECT dag_id, state, count(*) FROM task_instance GROUP BY 1, 2"
        sessions += [
            backend(
                24077,
                "other",
                state="idle in transaction",
                backend_start=at("09:58:40"),
                xact_start=at("10:02:11"),
                query=query,
                **who,
            ),
            backend(25611, "other", user="grafana", application="grafana", query="SELECT 1 FROM dag_run"),
            backend(25612, "other", user="grafana", application="grafana", query="SELECT 2 FROM dag_run"),
        ]
        held = [rd.HeldLock(pid=24077, relation="task_instance", mode="AccessShareLock")]
        since = at("10:26:01")
        waits = (
            rd.Waiter(pid=25435, blockers=(24077,), relation="task_instance", mode="AccessExclusiveLock", since=since),
            rd.Waiter(
                pid=25611, blockers=(25435,), relation="task_instance", mode="AccessShareLock", since=at("10:27:30")
            ),
            rd.Waiter(
                pid=25612, blockers=(25435,), relation="task_instance", mode="AccessShareLock", since=at("10:28:00")
            ),
        )
    moved = 0 if blocked else int(sum(38e6 * (1 + 0.4 * math.sin(k / 7)) for k in range(n)))
    return rd.DatabaseReading(
        server_version=160004,
        revisions=(revision,),
        backends=tuple(sessions),
        backends_total=len(sessions),
        waiters=waits,
        waiters_total=len(waits),
        locks=tuple(held),
        migration_lock_pid=25434 if migrating else None,
        wal_bytes=moved,
        blocks_read=moved // 9000,
        blocks_written=moved // 17000,
        size=38_400_000_000,
        replica_lag=4.0,
        slots=1,
    )


def storage(measured: datetime, iops: float = 2900.0) -> rd.StorageReading:
    """The RDS instance."""
    return rd.StorageReading(
        status="available",
        read_iops=iops * 0.4,
        write_iops=iops * 0.6,
        queue_depth=4.2,
        free_bytes=412e9,
        cpu_percent=63.0,
        measured=measured,
    )


def draining(n: int) -> rd.TasksReading:
    """Tasks while the drain goes on; n counts up to 40."""
    left = max(0, 40 - n)
    names = (("etl_orders", "load_partition"), ("ml_features", "train_model"), ("billing_daily", "export"))
    oldest = tuple(
        rd.LiveTask(
            dag_id=dag, task_id=task, run_id="scheduled__2026-05-16", state="running", since=at("08:41"), usual=usual
        )
        for (dag, task), usual in zip(names, (840.0, 5400.0, None), strict=True)
    )
    return rd.TasksReading(
        states={"running": left, "queued": max(0, left - 25), "scheduled": 41, "deferred": 3, "up_for_retry": 2},
        oldest=oldest[: min(3, left)],
        paused=230,
        total=230,
        half_done_runs=7,
    )


def flown(fold_: Fold, step: str, start: str, end: str, outcome: str = "verified", why: str = "") -> None:
    """A step from its start to its end."""
    fold_.add(start, ev.StepStarted(step=step, operator="sre-1"))
    fold_.add(end, ev.StepEnded(step=step, outcome=outcome, operator="sre-1", why=why))


def quiet_readings(fold_: Fold, clock: str) -> None:
    """All sources, before anything began."""
    moment = at(clock)
    for n in range(60):
        fold_.add(
            moment + timedelta(seconds=n),
            ev.DatabaseRead(reading=database("5f2621c13b39", n // 6)),
            ev.TasksRead(
                reading=rd.TasksReading(
                    states={"running": 14 + n % 5, "queued": n % 4, "scheduled": 41}, paused=18, total=230
                )
            ),
        )
    health = rd.HealthReading(
        version=OLD,
        components=tuple(
            rd.ComponentHealth(name=name, status="healthy") for name in ("metadatabase", "scheduler", "triggerer")
        ),
    )
    end = moment + timedelta(seconds=60)
    fold_.add(
        end,
        ev.PodsRead(reading=old_pods()),
        ev.MetricsRead(reading=metrics(1.0, end)),
        ev.StorageRead(reading=storage(end - timedelta(seconds=75), 300)),
        ev.HealthRead(reading=health),
    )


def begin(*, production: bool = True, rehearsal: bool = False) -> Fold:
    """A session with a driver and credentials."""
    result = Fold()
    result.add("08:55:12", opened(production=production, rehearsal=rehearsal))
    result.add("08:55:12", ev.DriverChanged(operator="sre-1", host="bastion", pid=4711))
    result.add("08:55:13", ev.CredentialsExpire(name="AWS session", at=at("13:32")))
    return result


def nothing() -> tuple[State, datetime]:
    """The session is open, no source has read."""
    return begin().state, at("08:55:13")


def before() -> tuple[State, datetime]:
    """All is read, the first step is due soon."""
    result = begin()
    quiet_readings(result, "08:57:00")
    return result.state, at("08:58:02")


def drain() -> tuple[State, datetime]:
    """Step 3 runs and asks for a decision."""
    result = begin()
    quiet_readings(result, "08:57:00")
    flown(result, "announce", "09:00", "09:00:20")
    flown(result, "pause", "09:04", "09:05")
    result.add("09:15", ev.StepStarted(step="drain", operator="sre-1"))
    for n in range(34):
        result.add(at("09:15") + timedelta(seconds=60 * n), ev.TasksRead(reading=draining(n)))
    result.add(
        "09:45",
        ev.DecisionAsked(
            step="drain",
            decision="drain",
            question="6 tasks still run after 30 min. Going on ends them.",
            choices={
                "wait": "wait another 10 minutes, then ask again",
                "go on": "stop their pods and workers; they end as failed and run again under 3.x if their DAG retries",
                "abort": "leave the step; nothing is stopped",
            },
            evidence=(
                "etl_orders.load_partition for 1h08m, usually 14 min, pod airflow-worker-1",
                "ml_features.train_model for 1h08m, usually 90 min, pod airflow-worker-0",
                "queue default of the broker holds 0 messages",
            ),
            reasoned=("go on",),
        ),
    )
    return result.state, at("09:48:30")


def upgraded() -> Fold:
    """Steps 1 to 4 are flown, the snapshot is taken."""
    result = begin()
    quiet_readings(result, "08:57:00")
    result.add(
        "08:59",
        ev.BaselineTaken(
            values={"loop_duration": 0.42, "queued_tasks": 12, "open_slots": 128, "parse_time": 31}, dags=230
        ),
    )
    flown(result, "announce", "09:00", "09:00:20")
    result.add("09:04", ev.LedgerWritten(artifact="ledger.json", active=212, total=230))
    flown(result, "pause", "09:04", "09:05")
    flown(result, "drain", "09:15", "09:31")
    point = ev.RecoveryPoint(
        name="airflow-pre-3x-0516-0946",
        method="snapshot",
        step="helm",
        head="5f2621c13b39",
        taken=at("09:46"),
        size=38_000_000_000,
    )
    result.add(
        "09:52",
        ev.MessageQueued(message="start", step="announce", text="Migration of airflow-prod begins"),
        ev.MessageTried(message="start", sent=True),
    )
    result.add("09:58", point)
    flown(result, "helm", "09:52", "10:04")
    return result


def migrating(*, blocked: bool = False) -> tuple[State, datetime]:
    """Step 5 is in flight."""
    result = upgraded()
    result.add("10:21:04", ev.StepStarted(step="migrate", operator="sre-1"))
    measured = Measured(
        tables={
            "task_instance": TableSize(rows=12_400_000, size=9_800_000_000),
            "dag_run": TableSize(rows=1_300_000, size=800_000_000),
            "xcom": TableSize(rows=2_100_000, size=900_000_000),
        },
        conf=61_000,
        round_trip=0.0006,
    )
    result.add("10:21:07", ev.MigrationMeasured(measured=measured))
    result.add(
        "10:21:08",
        ev.OperationIntended(step="migrate", operation="migration-job", key="airflow-db-migrate-0516", commands=()),
    )
    result.add(
        "10:21:11",
        ev.LogLine(source="job", text="Running upgrade 5f2621c13b39 -> 044f740568ec, Drop ab_user.id foreign key."),
    )
    result.add("10:21:12", ev.VerdictChanged(verdict="WORKING", evidence="Its log and WAL move, nobody blocks it."))
    result.add(
        "10:25:55",
        ev.LogLine(
            source="job",
            text="Running upgrade 05234396c6fc -> d59cbbef95eb, Add UUID primary key to task_instance table.",
        ),
    )
    result.add(
        "10:26:40",
        ev.LogLine(source="cockpit", text="CloudWatch is 3 min late; I/O now from Postgres itself", level="careful"),
    )
    result.add(
        "10:30",
        ev.MessageQueued(message="eta", step="migrate", text="Step 5 is at 33 %, ready between 10:47 and 10:58"),
        ev.MessageTried(message="eta", sent=True),
    )
    result.add("10:30:41", ev.Note(operator="sre-1", text="storage team is watching the volume"))
    if not blocked:
        result.add("10:30:41", ev.LogLine(source="job", text="Migrated 3100000 task_instance rows in this batch..."))
    for n in range(90):
        moment = at("10:30:37") + timedelta(seconds=n)
        result.add(moment, ev.DatabaseRead(reading=database("05234396c6fc", n, migrating=True, blocked=blocked)))
        if n % 2 == 0:
            result.add(
                moment,
                ev.TasksRead(
                    reading=rd.TasksReading(
                        states={"running": 0, "queued": 0, "scheduled": 41, "deferred": 3, "up_for_retry": 2},
                        paused=230,
                        total=230,
                        half_done_runs=7,
                    )
                ),
            )
        if n % 15 == 0:
            result.add(moment, ev.StorageRead(reading=storage(moment - timedelta(seconds=75), 2600 + 40 * n)))
        if not blocked and n % 9 == 0:
            result.add(
                moment,
                ev.LogLine(source="job", text="Migrated 100000 task_instance rows in this batch..."),
                ev.LogLine(source="job", text=f"processing batch {400 + n // 9}"),
            )
    if blocked:
        result.add(
            "10:31:02",
            ev.VerdictChanged(
                verdict="BLOCKED",
                evidence="The migration waits 5m01s for task_instance: 24077 analyst (DBeaver) sits idle in a "
                "transaction since 10:02:11",
            ),
        )
    result.add(
        "10:32:06",
        ev.StepProgress(
            step="migrate",
            text="revision 15 of 82, d59cbbef95eb: Add UUID primary key to task_instance table",
            done=40 if blocked else 330,
            total=1000,
        ),
    )
    result.add("10:31:58", ev.MetricsRead(reading=metrics(None, at("09:51"))), ev.PodsRead(reading=migrating_pods()))
    result.add("10:31:00", ev.SourceFailed(source="health", why="connection refused"))
    return result.state, at("10:32:07")


def failing() -> tuple[State, datetime]:
    """While step 5 runs every source fails in its own way."""
    state, now = migrating()
    result = Fold()
    result.state = state
    reasons = {
        "pods": "the Kubernetes API at https://10.0.0.1:6443 refuses the connection",
        "tasks": "PostgreSQL: connection timed out after 5 s",
        "database": "PostgreSQL: connection timed out after 5 s",
        "metrics": "Grafana answers 502 Bad Gateway",
        "storage": "CloudWatch: ExpiredToken, the AWS session has ended",
    }
    for source, why in reasons.items():
        result.add("10:31:40", ev.SourceFailed(source=source, why=why))
    return result.state, now


def unreachable() -> tuple[State, datetime]:
    """Nothing was ever read: every source fails from the start."""
    result = begin(production=False)
    for source in ("pods", "tasks", "database", "metrics", "health", "storage"):
        result.add(
            "08:55:20",
            ev.SourceFailed(source=source, why=f"{source}: connection refused (127.0.0.1 port 6443); is the VPN up?"),
        )
    return result.state, at("08:55:40")


def _job_ended(outcome: str, detail: str, *, exit_code: int | None = None) -> ev.OperationEnded:
    return ev.OperationEnded(
        step="migrate",
        operation="migration-job",
        key="airflow-db-migrate-0516",
        outcome=outcome,
        detail=detail,
        exit_code=exit_code,
    )


def stopped() -> tuple[State, datetime]:
    """Step 5 has failed."""
    state, _ = migrating()
    result = Fold()
    result.state = state
    why = (
        "the Job ended with exit code 1 at revision d59cbbef95eb: xcom row 81723 holds a value that is not JSON "
        "→ delete or convert the row as the log says, then run the step again"
    )
    result.add("10:33:09", _job_ended("failed", "exit code 1", exit_code=1))
    result.add(
        "10:33:10",
        ev.VerdictChanged(
            verdict="FAILED", evidence="The Job ended with exit code 1; the last committed revision is 05234396c6fc"
        ),
    )
    result.add("10:33:10", ev.StepEnded(step="migrate", outcome="failed", operator="sre-1", why=why))
    return result.state, at("10:34:00")


def recognised() -> tuple[State, datetime]:
    """Step 5 has failed, and known failures show in it."""
    state, now = stopped()
    result = Fold()
    result.state = state
    result.add(
        "10:31:40",
        ev.FailureShown(
            failure="unapplied-migrations",
            title="Pods wait for the database migration",
            severity="expected",
            found="log",
            where="pod airflow-dag-processor-66c4-t7w8n",
            evidence="TimeoutError: There are still unapplied migrations after 60 seconds.",
            step="migrate",
            attempt=1,
        ),
    )
    result.add(
        "10:33:09",
        ev.FailureShown(
            failure="xcom-nan",
            title="NaN or Infinity in an XCom stops the migration",
            severity="bad",
            found="log",
            where="job",
            evidence='DETAIL:  Token "NaN" is invalid.',
            values={"token": "NaN"},
            step="migrate",
            attempt=1,
        ),
        ev.FailureShown(
            failure="inactive-slot",
            title="A dead replication slot keeps all the WAL of the migration",
            severity="careful",
            found="state",
            where="database",
            evidence="1 replication slots are inactive",
        ),
    )
    result.add("10:33:30", ev.FailureGone(failure="inactive-slot", why="it is not seen any more"))
    return result.state, now


def after() -> Fold:
    """The migration is done, everything of 3.x is ready and unpaused."""
    state, _ = migrating()
    result = Fold()
    result.state = state
    result.add(
        "10:49", _job_ended("done", "the Job ended with 0"), ev.DatabaseRead(reading=database("1d6611b6ab7c", 100))
    )
    result.add("10:49", ev.VerdictChanged(verdict="DONE", evidence="schema verified against 3.2.2: 51 tables"))
    result.add("10:49", ev.StepEnded(step="migrate", outcome="verified", operator="sre-1"))
    check = ev.Check(
        name="External Secrets are synced", holds=False, found="airflow-fernet NotReady", mend="kubectl describe"
    )
    result.add(
        "10:52", ev.GateOverridden(step="healthy", operator="sre-2", reason="secret is static here", gates=(check,))
    )
    flown(result, "healthy", "10:52", "10:58")
    flown(result, "smoke", "11:02", "11:09")
    flown(result, "critical", "11:33", "12:05")
    flown(result, "rest", "12:34", "12:41")
    return result


def soak(factor: float = 1.5) -> tuple[State, datetime]:
    """Step 10 watches; a metric has become slower."""
    result = after()
    result.add("13:02", ev.StepStarted(step="soak", operator="sre-2"))
    failure = rd.LiveTask(
        dag_id="etl_orders", task_id="load_partition", run_id="r", state="failed", since=at("13:20"), usual=840.0
    )
    for n in range(60):
        states = {"running": 20 + n % 7, "queued": n % 5, "scheduled": 4, "deferred": 6}
        reading = rd.TasksReading(
            states=states, paused=18, total=230, failures=1, serialized=230, newest_failures=(failure,)
        )
        result.add(
            at("13:30") + timedelta(seconds=n),
            ev.TasksRead(reading=reading),
            ev.DatabaseRead(reading=database("1d6611b6ab7c", 100 + n // 5)),
        )
    components = tuple(
        rd.ComponentHealth(name=name, status="healthy")
        for name in ("metadatabase", "scheduler", "triggerer", "dag_processor")
    )
    end = at("13:31")
    result.add(
        end,
        ev.PodsRead(reading=new_pods()),
        ev.MetricsRead(reading=metrics(factor, end)),
        ev.HealthRead(reading=rd.HealthReading(version=NEW, components=components)),
        ev.StorageRead(reading=storage(end - timedelta(seconds=60), 640)),
        ev.StepProgress(step="soak", text="29 of 120 min, 1 failed task, loop duration +31 %", done=29, total=120),
    )
    return result.state, end + timedelta(seconds=2)


def done() -> tuple[State, datetime]:
    """Every step is flown."""
    state, _ = soak(1.05)
    result = Fold()
    result.state = state
    result.add("15:02", ev.StepEnded(step="soak", outcome="verified", operator="sre-2"))
    flown(result, "success", "15:03", "15:04")
    return result.state, at("15:04:10")


BACK = (
    ("pause", "pause all DAGs"),
    ("drain", "drain tasks"),
    ("announce", "announce"),
    ("stop", "stop 3.x"),
    ("restore", "restore the recovery point"),
    ("compare", "compare with the recovery point"),
    ("probe", "probe from the cluster"),
    ("helm", "helm rollback"),
    ("swap", "swap the identifiers"),
    ("pods", "recreate stuck pods"),
    ("healthy", "wait for 2.x"),
    ("verify", "verify 2.x"),
    ("old", "nobody on the old database"),
    ("unpause", "unpause the ledger"),
    ("announce-done", "announce the end"),
    ("give-back", "give back"),
)
"""Stages of a restore, by id and title."""


def going_back(*, failed: bool = False) -> tuple[State, datetime]:
    """The way back restores the snapshot; with `failed` that came to nothing."""
    result = after()
    stages = tuple(
        ev.RollbackStage(stage=stage, title=title, expected=1200.0 if stage == "restore" else 60.0)
        for stage, title in BACK
    )
    point, reason = "airflow-pre-3x-prod-20260516-helm", "tasks fail by the hundred, no mend in sight"
    started = ev.RollbackStarted(
        way="restore", operator="sre-2", reason=reason, stages=stages, point=point, method="snapshot"
    )
    result.add("12:50", started)
    for minute, (stage, _) in enumerate(BACK[:4]):
        result.add(f"12:5{minute}", ev.RollbackStageStarted(stage=stage, operator="sre-2"))
        result.add(f"12:5{minute}", ev.RollbackStageEnded(stage=stage, outcome="verified", operator="sre-2"))
    text = "instance airflow-prod-restored-prod-20260516 creating"
    result.add(
        "12:54",
        ev.RollbackStageStarted(stage="restore", operator="sre-2"),
        ev.StepProgress(step=ev.ROLLBACK, text=text, done=41, total=100),
    )
    if failed:
        why = (
            "instance airflow-prod-restored-prod-20260516 is incompatible-restore; its events say why. Nothing of "
            "Airflow runs; the old instance is untouched and has the database as 3.x left it. Mend it and try the "
            "stage again: what is done is found"
        )
        result.add("13:02", ev.RollbackStageEnded(stage="restore", outcome="failed", operator="sre-2", why=why))
        asked = ev.DecisionAsked(
            step=ev.ROLLBACK,
            decision="restore-1",
            question="the stage restore the recovery point failed",
            choices={"retry": "try again", "skip": "go on without it; needs a reason", "leave": "end it here"},
            evidence=(why,),
            reasoned=("skip",),
        )
        result.add("13:02", asked)
    states = {"scheduled": 4, "deferred": 6}
    result.add(
        "13:02:05",
        ev.PodsRead(reading=rd.PodsReading(pods=new_pods().pods[-1:])),
        ev.TasksRead(reading=rd.TasksReading(states=states, paused=230, total=230, serialized=230)),
        ev.DatabaseRead(reading=database("1d6611b6ab7c", 100)),
        ev.MetricsRead(reading=metrics(None, at("12:54"))),
        ev.StorageRead(reading=storage(at("13:01"), 40)),
    )
    return result.state, at("13:02:10")


def unopened() -> tuple[State, datetime]:
    """Before the first event."""
    return State(), at("08:55:00")


SAMPLES: dict[str, Callable[[], tuple[State, datetime]]] = {
    "unopened": unopened,
    "nothing": nothing,
    "before": before,
    "drain": drain,
    "migrating": migrating,
    "blocked": lambda: migrating(blocked=True),
    "failing": failing,
    "unreachable": unreachable,
    "stopped": stopped,
    "recognised": recognised,
    "soak": soak,
    "done": done,
    "going-back": going_back,
    "preparing": preparing,
    "back-failed": lambda: going_back(failed=True),
}
"""State and present moment by name."""


def sample_state(name: str) -> tuple[State, datetime]:
    """A sample state and the moment in which it is looked at."""
    return SAMPLES[name]()


def names() -> Iterable[str]:
    """The samples there are."""
    return SAMPLES
