"""The migration under watch, on real Airflow: is the time of arrival right, and what does watching cost?

`python -m benchmarks.migration [--sizes 300000 1000000 2000000] [--pairs 5] [--halved]` makes for each size a 2.11.2
database with that many task instances and their history on the embedded PostgreSQL, and migrates it with the real
`airflow db migrate` of 3.2.2 while the cockpit's own source, fold, verdict and progress watch it.

- Time of arrival: the error of the likely end as a share of the time still to go, at a quarter and at half of the run;
  and how often the range held the end.
- Cost: what pg_stat_statements counts for the cockpit's role as a share of the run, how often one of its sessions was
  among the migration's pg_blocking_pids (looked at ten times a second), and with --pairs the median ratio of runs with
  and without the cockpit, in pairs, one after the other on copies of the same database.
- --halved gives server and migration one core of two, and their disk half of the rate at which an unwatched migration
  of the same database wrote to it before (root, a loop device and the kernel's throttle; see benchmarks/disk.py).

Exit code 1 when a median error is above 15 % at a quarter or 10 % at half, the range held less than eight in ten, the
cost is above 1 %, a session of the cockpit stood in the way, or the ratio is above 1.05.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from benchmarks.disk import DiskError, HeldDisk, held_disk
from benchmarks.migration_server import SOURCE, TARGET, Bench, BenchmarkError, made

from migration_cockpit.advice.progress import progress
from migration_cockpit.advice.verdict import judge
from migration_cockpit.cockpit.watches.migration import MigrationWatch
from migration_cockpit.config import STEP_IDS, Settings, parse
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.measuring import sizes as measured_sizes
from migration_cockpit.rehearsal.database import SUPERUSER
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from migration_cockpit.sources.database import DatabaseSource

IDLE_SECONDS = 5.0
"""For so long the idle server is watched before the migration begins."""
JOB = "airflow-db-migrate-benchmark"
QUARTER, HALF, HELD, COST, RATIO = 0.15, 0.10, 0.8, 0.01, 1.05

IN_THE_WAY = """
    select count(*) from pg_stat_activity w
    cross join lateral unnest(pg_blocking_pids(w.pid)) b (pid)
    join pg_stat_activity c on c.pid = b.pid and c.application_name = 'migration-cockpit'
    where w.application_name = 'airflow-db-migrate'
"""
STATEMENTS = """
    select coalesce(sum(total_exec_time + total_plan_time), 0) / 1000, coalesce(sum(calls), 0)
    from pg_stat_statements s join pg_roles r on r.oid = s.userid where r.rolname = 'cockpit'
"""


@dataclass
class Watched:
    """What one watched migration showed."""

    task_instances: int
    seconds: float = 0.0
    quarter: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    estimate: tuple[float, float, float] = (0.0, 0.0, 0.0)
    words: list[str] = field(default_factory=list)
    back: int = 0
    cost_seconds: float = 0.0
    calls: int = 0
    in_the_way: int = 0
    looks: int = 0


def settings_for(work: Path, dsn: str) -> Settings:
    """A config that leads to this database; nothing else of it is used."""
    now = datetime.now(UTC)
    none = {"context": "none", "namespace": "none", "release": "none"}
    versions = {"source_version": SOURCE, "target_version": TARGET}
    tables = {
        "deployment": {"name": "benchmark", "production": False, "on_call": "nobody", **versions},
        "kubernetes": none,
        "helm": {"chart": "none", "chart_version": "0", "values": []},
        "postgres": {"dsn": {"value": dsn}},
        "airflow": {"url": "http://127.0.0.1:9", "username": "a", "password": {"value": "a-password"}},
        "dags": {"canary": "cockpit_canary"},
        "schedule": {**dict.fromkeys(STEP_IDS, now), "window_end": now + timedelta(hours=12)},
    }
    return parse(tables, work / "config.toml")


async def bare(bench: Bench) -> float:
    """Seconds of a migration that nobody watches."""
    await bench.copy("bare")
    started = time.monotonic()
    process = await bench.migrate("bare")
    output, _ = await process.communicate()
    took = time.monotonic() - started
    if process.returncode:
        raise BenchmarkError(f"airflow db migrate ended with {process.returncode}: {output.decode()[-800:]}")
    await bench.drop("bare")
    return took


async def watched(bench: Bench, task_instances: int, *, keep: Path | None = None) -> Watched:
    """A migration under the cockpit's eyes."""
    await bench.copy("watched")
    settings = settings_for(bench.work, bench.postgres.dsn("watched", "cockpit"))
    connections = Connections(settings, Redactor(), SystemClock())
    await connections.warm()
    session = keep or bench.work / f"session-{time.monotonic_ns()}"
    recorder = Recorder(session, SystemClock(), Redactor())
    found = Watched(task_instances)
    tasks: list[asyncio.Task[None]] = []
    try:
        recorder.record(_opened(settings))
        recorder.record(ev.StepStarted(step="migrate", operator="benchmark", attempt=1))
        tasks.append(asyncio.create_task(DatabaseSource(connections).run(recorder.record)))
        measured = await measured_sizes(connections)
        recorder.record(ev.MigrationMeasured(measured=measured))
        await asyncio.sleep(IDLE_SECONDS)
        before = await _statements(bench)
        watch = MigrationWatch(recorder, SystemClock(), settings.limits)
        tasks += [asyncio.create_task(watch.run()), asyncio.create_task(_witness(bench, found))]
        names = {"step": "migrate", "operation": "migration-job", "key": JOB}
        recorder.record(ev.OperationIntended(**names, commands=(), attempt=1))
        samples, sampler = _sampling(recorder)
        tasks.append(sampler)
        started = time.monotonic()
        process = await bench.migrate("watched")
        code = await _follow(process, recorder)
        found.seconds = time.monotonic() - started
        ended = datetime.now(UTC)
        recorder.record(ev.OperationEnded(**names, outcome="failed" if code else "done", detail=f"ended with {code}"))
        after = await _statements(bench)
        found.cost_seconds, found.calls = after[0] - before[0], after[1] - before[1]
        if code:
            raise BenchmarkError(f"airflow db migrate ended with {code}; see {session}")
        _score(found, samples, ended - timedelta(seconds=found.seconds), ended)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await connections.close()
        recorder.close()
    await bench.drop("watched")
    return found


def _opened(settings: Settings) -> ev.SessionOpened:
    planned = {step: settings.schedule.planned(step) for step in STEP_IDS}
    return ev.SessionOpened(
        session="benchmark",
        deployment="benchmark",
        production=False,
        source_version=SOURCE,
        target_version=TARGET,
        context="none",
        namespace="none",
        release="none",
        config=settings.digest(),
        program="benchmark",
        planned=planned | {"window_end": settings.schedule.window_end},
    )


async def _statements(bench: Bench) -> tuple[float, int]:
    """Seconds and calls of the cockpit's role so far."""
    dsn = bench.postgres.dsn("airflow", SUPERUSER)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as admin:
        row = await (await admin.execute(STATEMENTS)).fetchone()
    assert row is not None  # an aggregate has one row
    return float(row[0]), int(row[1])


async def _witness(bench: Bench, found: Watched) -> None:
    dsn = bench.postgres.dsn("postgres", SUPERUSER)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as admin:
        while True:
            row = await (await admin.execute(IN_THE_WAY)).fetchone()
            found.in_the_way += row[0] if row else 0
            found.looks += 1
            await asyncio.sleep(0.1)


async def _follow(process: asyncio.subprocess.Process, recorder: Recorder) -> int:
    assert process.stdout is not None  # asked for above
    async for raw in process.stdout:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        recorder.record(ev.LogLine(source="job", text=raw.decode("utf-8", "replace").rstrip(), at=now))
    return await process.wait()


Sample = tuple[datetime, float, tuple[datetime, datetime, datetime] | None, str]


def _sampling(recorder: Recorder) -> tuple[list[Sample], asyncio.Task[None]]:
    samples: list[Sample] = []

    async def sample() -> None:
        while True:
            now = datetime.now(UTC)
            far, verdict = progress(recorder.state, now), judge(recorder.state, now)
            eta = (far.eta.low, far.eta.likely, far.eta.high) if far is not None and far.eta is not None else None
            samples.append((now, far.share if far else 0.0, eta, verdict.word if verdict else ""))
            await asyncio.sleep(0.25)

    return samples, asyncio.create_task(sample())


def _score(found: Watched, samples: Sequence[Sample], begun: datetime, ended: datetime) -> None:
    """Errors as shares of the time still to go, near a quarter and near half of the run."""
    whole = (ended - begun).total_seconds()
    first = next((eta for _, _, eta, _ in samples if eta is not None), None)
    if first is not None:
        low, likely, high = ((each - begun).total_seconds() for each in first)
        found.estimate = (low, likely, high)
    shown = 0.0
    for now, share, eta, word in samples:
        found.back += share < shown - 1e-9
        shown = max(shown, share)
        if word and word not in found.words:
            found.words.append(word)
        if eta is None or now >= ended:
            continue
        gone, left = (now - begun).total_seconds() / whole, (ended - now).total_seconds()
        found.held.append(eta[0] <= ended <= eta[2])
        error = abs((eta[1] - ended).total_seconds()) / max(left, 0.001)
        if abs(gone - 0.25) <= 0.03:
            found.quarter.append(error)
        if abs(gone - 0.5) <= 0.03:
            found.half.append(error)


def _said(found: Watched) -> str:
    low, likely, high = found.estimate
    quarter, half = (statistics.median(each) if each else float("nan") for each in (found.quarter, found.half))
    held = sum(found.held) / max(1, len(found.held))
    cost = found.cost_seconds / found.seconds
    return (
        f"{found.task_instances:>10,} {found.seconds:8.1f} {likely:8.1f} ({low:.0f} to {high:.0f})  "
        f"{100 * quarter:6.1f} %  {100 * half:6.1f} %  {100 * held:5.0f} %  {100 * cost:6.2f} %  "
        f"{found.in_the_way} of {found.looks}  {' '.join(found.words)}{'  WENT BACK' if found.back else ''}"
    )


async def measure(task_instances: Sequence[int], pairs: int, *, halved: bool, keep: Path | None) -> int:
    """Measure each size; 1 when a figure is not what is asked for."""
    runs: list[Watched] = []
    ratios: list[float] = []
    for number, size in enumerate(task_instances):
        with ExitStack() as stack:
            made_for = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="migration-cockpit-migration-", ignore_cleanup_errors=True)
            )
            disk = stack.enter_context(held_disk(Path(made_for), _gigabytes(size))) if halved else None
            async with made(Path(made_for), size, halved=halved, disk=disk) as bench:
                if disk is not None:
                    await _hold(bench, disk)
                runs.append(await watched(bench, size, keep=keep / str(size) if keep else None))
                print(_said(runs[-1]), flush=True)
                last = number == len(task_instances) - 1
                for _ in range(pairs if last else 0):
                    alone, seen = await bare(bench), (await watched(bench, size)).seconds
                    ratios.append(seen / alone)
                    print(f"… alone {alone:.1f} s, watched {seen:.1f} s, ratio {ratios[-1]:.3f}", flush=True)
    return _verdict(runs, ratios, halved=halved)


def _gigabytes(task_instances: int) -> int:
    """Room for the template, two copies at their largest, and WAL."""
    return 10 + 8 * (task_instances // 1_000_000)


async def _hold(bench: Bench, disk: HeldDisk) -> None:
    """Half of what a migration writes in a second when nothing holds it, from now on."""
    before = disk.written()
    seconds = await bare(bench)
    rate = (disk.written() - before) / seconds
    disk.hold(rate / 2)
    print(f"… on one core alone {seconds:.1f} s, {rate / 1e6:.1f} MB/s written; held to {rate / 2e6:.1f}", flush=True)


def _verdict(runs: Sequence[Watched], ratios: Sequence[float], *, halved: bool) -> int:
    held = "1 core and half a disk" if halved else f"{os.cpu_count()} cores"
    print(
        f"\n{SOURCE} to {TARGET}, {platform.machine()}, {held}, load {os.getloadavg()[0]:.1f} at the end\n"
        " task inst.  seconds  estimated (range)     quarter     half   held     cost  in the way"
    )
    for run in runs:
        print(_said(run))
    # Each run counts once, however long it took.
    quarter = statistics.median(statistics.median(run.quarter) for run in runs if run.quarter)
    half = statistics.median(statistics.median(run.half) for run in runs if run.half)
    kept = statistics.mean(statistics.mean(run.held) for run in runs if run.held)
    cost = max(run.cost_seconds / run.seconds for run in runs)
    print(f"median error {100 * quarter:.1f} % at a quarter, {100 * half:.1f} % at half; held {100 * kept:.0f} %")
    wrong = quarter > QUARTER or half > HALF or kept < HELD or cost > COST
    wrong = wrong or any(run.in_the_way or run.back for run in runs)
    if ratios:
        median = statistics.median(ratios)
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        print(f"with to without the cockpit: median {median:.3f}, {len(ratios)} pairs, {spread}")
        wrong = wrong or median > RATIO
    return 1 if wrong else 0


def main() -> int:
    """Take the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migration", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[300_000, 1_000_000, 2_000_000])
    parser.add_argument("--pairs", type=int, default=0, help="pairs with and without the cockpit, at the last size")
    parser.add_argument("--halved", action="store_true", help="one core and half of the disk (root)")
    parser.add_argument("--keep", type=Path, help="a directory in which the journals of the watched runs stay")
    options = parser.parse_args()
    try:
        return asyncio.run(measure(options.sizes, options.pairs, halved=options.halved, keep=options.keep))
    except (BenchmarkError, DiskError) as error:
        print(f"benchmarks.migration: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
