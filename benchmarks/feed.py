"""A synthetic world for benchmarks of the screen: every pane's reading changes in every second."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from migration_cockpit.config import STEP_IDS, Settings, parse
from migration_cockpit.session import events as ev
from migration_cockpit.session import readings as rd

OLD, NEW = "2.11.2", "3.2.2"
DONE = STEP_IDS[:4]
NAMES = (
    "scheduler",
    "scheduler",
    "api-server",
    "dag-processor",
    "triggerer",
    "worker",
    "worker",
    "statsd",
    "pgbouncer",
)


def settings() -> Settings:
    """Settings of the fed deployment."""
    start = datetime.fromisoformat("2026-05-16T09:00:00+00:00")
    times: dict[str, Any] = {step: start + timedelta(minutes=15 * n) for n, step in enumerate(STEP_IDS)}
    raw: dict[str, Any] = {
        "deployment": {
            "name": "airflow-prod",
            "production": True,
            "source_version": OLD,
            "target_version": NEW,
            "on_call": "sre-1",
        },
        "kubernetes": {"context": "prod-eu", "namespace": "airflow", "release": "airflow"},
        "helm": {"chart": "airflow", "chart_version": "1.22.0", "values": ["values.yaml"]},
        "postgres": {"dsn": {"env": "DSN"}},
        "airflow": {"url": "http://localhost:8080", "username": "cockpit", "password": {"env": "PASSWORD"}},
        "dags": {"canary": "canary"},
        "schedule": times | {"window_end": start + timedelta(hours=7)},
    }
    return parse(raw, Path("/etc/cockpit/config.toml"))


def beginning(now: datetime) -> Iterator[ev.Event]:
    """A session in its fifth step."""
    start = now - timedelta(hours=1)
    planned = {step: start + timedelta(minutes=15 * n) for n, step in enumerate(STEP_IDS)}
    yield ev.SessionOpened(
        session="airflow-prod-bench",
        deployment="airflow-prod",
        production=True,
        source_version=OLD,
        target_version=NEW,
        context="prod-eu",
        namespace="airflow",
        release="airflow",
        config="0123456789abcdef",
        program="bench",
        planned=planned | {"window_end": start + timedelta(hours=7)},
    )
    yield ev.DriverChanged(operator="sre-1", host="bastion", pid=1)
    yield ev.CredentialsExpire(name="AWS session", at=now + timedelta(hours=3))
    baseline = {"loop_duration": 0.42, "queued_tasks": 12.0, "open_slots": 128.0, "parse_time": 31.0}
    yield ev.BaselineTaken(values=baseline, dags=230)
    for step in DONE:
        yield ev.StepStarted(step=step, operator="sre-1")
        yield ev.StepEnded(step=step, outcome="verified", operator="sre-1")
    yield ev.StepStarted(step="migrate", operator="sre-1")
    yield ev.VerdictChanged(verdict="WORKING", evidence="WAL and batches move, nobody blocks")


def second(n: int, now: datetime) -> Iterator[ev.Event]:
    """What is read and printed in the n-th second: nothing in it is as it was before."""
    yield ev.DatabaseRead(reading=_database(n, now))
    yield ev.TasksRead(reading=_tasks(n, now))
    yield ev.PodsRead(reading=_pods(n, now))
    yield ev.MetricsRead(reading=_metrics(n, now))
    yield ev.StorageRead(reading=_storage(n, now))
    health = tuple(
        rd.ComponentHealth(name=name, status="healthy") for name in ("metadatabase", "scheduler", "triggerer")
    )
    yield ev.HealthRead(reading=rd.HealthReading(version=NEW, components=health))
    yield ev.StepProgress(step="migrate", text=f"task_instance: {n * 11000} of 12400000 rows", done=n, total=2000)
    yield ev.LogLine(source="job", text="Migrated 10000 task_instance rows in this batch...")
    yield ev.LogLine(source="job", text=f"processing batch {n}")


def _wave(n: int, period: float) -> float:
    return 1 + 0.6 * math.sin(n / period) + 0.2 * math.sin(n / 1.7)


def _database(n: int, now: datetime) -> rd.DatabaseReading:
    written = int(sum(38e6 * _wave(k, 7) for k in range(max(0, n - 50), n)) + n * 1e9)
    running = rd.Backend(pid=25435, role="migration", state="active", query_start=now - timedelta(seconds=n))
    lock = rd.Backend(pid=25434, role="migration-lock", state="idle in transaction")
    waiter = rd.Waiter(pid=25600, blockers=(25435,), relation="task_instance", since=now - timedelta(seconds=n % 60))
    return rd.DatabaseReading(
        server_version=160004,
        revisions=(f"{n * 7919 % 16**12:012x}",),
        backends=(running, lock, *(rd.Backend(pid=25000 + k, role="cockpit") for k in range(2 + n % 2))),
        waiters=(waiter,),
        waiters_total=1,
        wal_bytes=written,
        blocks_read=written // 9000,
        blocks_written=written // 17000,
        size=38_000_000_000 + n * 100_000_000,
        replica_lag=1.0 + n % 9,
        slots=1,
    )


def _tasks(n: int, now: datetime) -> rd.TasksReading:
    oldest = tuple(
        rd.LiveTask(
            dag_id=f"dag_{k}", task_id="load", run_id="r", state="running", since=now - timedelta(minutes=k, seconds=n)
        )
        for k in range(4)
    )
    states = {
        "running": round(20 * _wave(n, 5)),
        "queued": round(9 * _wave(n, 3)),
        "scheduled": n % 50,
        "deferred": n % 7,
    }
    return rd.TasksReading(states=states, oldest=oldest, paused=n % 230, total=230)


def _pods(n: int, now: datetime) -> rd.PodsReading:
    pods = tuple(
        rd.Pod(
            name=f"airflow-{name}-5f7c9-{k:05}",
            component=name,
            version=NEW,
            phase="Running" if (n + k) % 3 else "Init:0/1",
            ready=1 if (n + k) % 3 else 0,
            restarts=(n + k) % 10,
            created=now - timedelta(minutes=n + k),
        )
        for k, name in enumerate(NAMES)
    )
    return rd.PodsReading(pods=pods)


def _metrics(n: int, now: datetime) -> rd.MetricsReading:
    usual = {"loop_duration": 0.42, "queued_tasks": 12.0, "open_slots": 128.0, "parse_time": 31.0}
    metrics = (
        rd.Metric(
            name=name,
            query=name,
            value=round(value * _wave(n, 4), 2),
            points=tuple(value * _wave(n - k, 4) for k in range(40, 0, -1)),
            measured=now,
        )
        for name, value in usual.items()
    )
    return rd.MetricsReading(metrics=tuple(metrics))


def _storage(n: int, now: datetime) -> rd.StorageReading:
    return rd.StorageReading(
        status="available",
        read_iops=1000 * _wave(n, 6),
        write_iops=1800 * _wave(n, 9),
        queue_depth=round(4 * _wave(n, 3), 1),
        free_bytes=412e9 - n * 1e9,
        cpu_percent=50 + n % 40,
        measured=now - timedelta(seconds=75),
    )
