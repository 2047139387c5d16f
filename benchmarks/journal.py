"""What a long session's journal costs: `python -m benchmarks.journal` writes a million events of twelve hours, then
opens them and seeks.

`--events` and `--hours` make it smaller. A seek is told in time and in the processor's own time: the first grows with
whatever else the machine does, the second does not. What was written is in the disk's cache when it is read.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session import readings as rd
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor

BEGIN = datetime(2026, 5, 16, 9, tzinfo=UTC)
LIMITS = {"open": 1.5, "median": 0.150, "worst": 0.400, "memory": 300.0}
"""Seconds, and MB of memory."""


class Told(SystemClock):
    """A clock that is set to the moment of each event."""

    moment = BEGIN

    def now(self) -> datetime:
        """The moment."""
        return self.moment


def busy(events: int, hours: float) -> Iterator[tuple[datetime, ev.Event]]:
    """A session in which much happens: the database each second, tasks, pods, metrics, and else what the log prints."""
    from benchmarks.feed import beginning, second

    length = hours * 3600.0
    told = 0
    for event in beginning(BEGIN + timedelta(hours=1)):
        yield BEGIN, event
        told += 1
    seconds = int(length)
    for n in range(seconds):
        t = BEGIN + timedelta(seconds=n + 1)
        due = int(events * (n + 1) / seconds) - told
        if n % 5 == 0:
            for event in second(n, t):
                yield t, event
                told += 1
                due -= 1
        for k in range(due):
            text = f"Migrated {told * 100} task_instance rows in {math.sin(told):.3f} s, batch {told}"
            yield t, ev.LogLine(source="job", text=text, at=f"{t:%H:%M:%S}.{k:03}")
            told += 1


def usual(hours: float) -> Iterator[tuple[datetime, ev.Event]]:
    """A session as it is: sources at their cadence, the database changing each second for two hours of it."""
    from benchmarks.feed import beginning

    for event in beginning(BEGIN + timedelta(hours=1)):
        yield BEGIN, event
    chance = random.Random(7)  # noqa: S311 - sizes, not secrets
    wal = 0
    for n in range(int(hours * 3600)):
        t = BEGIN + timedelta(seconds=n)
        migrating = 3600 <= n < 3 * 3600
        if migrating or n % 30 == 0:
            wal += chance.randrange(40_000_000)
            yield t, ev.DatabaseRead(reading=_database(wal, migrating=migrating))
        if n % 10 == 0:
            yield t, ev.MetricsRead(reading=_metrics(n))
        if n % 60 == 0:
            yield t, ev.StorageRead(reading=rd.StorageReading(status="available", read_iops=float(n % 900), measured=t))
            yield t, ev.TasksRead(reading=rd.TasksReading(states={"running": n % 90, "queued": n % 20}, total=400))
        if n % 5 == 0:
            yield t, ev.SourceBeat(source="health")
        if migrating and n % 2 == 0:
            yield t, ev.LogLine(source="job", text=f"Migrated {n * 1000} task_instance rows", at=f"{t:%H:%M:%S}")


def _database(wal: int, *, migrating: bool) -> rd.DatabaseReading:
    backends = tuple(
        rd.Backend(pid=100 + n, user="airflow", application="airflow", state="idle", role="airflow")
        for n in range(6 if migrating else 20)
    )
    return rd.DatabaseReading(server_version=150004, revisions=("5f2621c13b39",), backends=backends, wal_bytes=wal)


def _metrics(n: int) -> rd.MetricsReading:
    return rd.MetricsReading(
        metrics=tuple(
            rd.Metric(
                name=name,
                query=f"sum({name})",
                value=math.sin(n + k),
                points=tuple(math.sin(n + k + m) for m in range(30)),
            )
            for k, name in enumerate(("loop_duration", "parse_time", "queued_tasks", "open_slots"))
        )
    )


def write(directory: Path, told: Iterator[tuple[datetime, ev.Event]]) -> Path:
    """Write a session without waiting for the disk."""
    journal.os.fdatasync = lambda _fd: None  # type: ignore[attr-defined]  # the generator's own haste
    clock = Told()
    recorder = Recorder(directory, clock, Redactor())
    for t, event in told:
        clock.moment = t
        recorder.record(event)
    recorder.close()
    return directory / journal.FILE


def seek(path: Path) -> int:
    """Open and seek a thousand times; prints the figures, one a line. Runs in a process of its own."""
    started = time.perf_counter()
    from migration_cockpit.session.recording import Recording

    recording = Recording(path)
    recording.state(recording.first.end)
    opened = time.perf_counter() - started
    chance = random.Random(1)  # noqa: S311 - moments, not secrets
    length = (recording.last.t - recording.first.t).total_seconds()
    took, worked = [], []
    for _ in range(1000):
        moment = recording.first.t + timedelta(seconds=chance.uniform(0.0, length))
        begun, at_work = time.perf_counter(), time.process_time()
        recording.state(recording.by_time(moment))
        took.append(time.perf_counter() - begun)
        worked.append(time.process_time() - at_work)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{opened} {statistics.median(took)} {max(took)} {statistics.median(worked)} {max(worked)} {memory}")
    return 0


def main() -> int:
    """Measure; 1 when a limit is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--seek", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seek:
        return seek(options.seek)
    with tempfile.TemporaryDirectory() as name:
        day = write(Path(name) / "usual", usual(6.0))
        print(f"usual session of 6 h: {day.stat().st_size / 1e6:.1f} MB, {day.stat().st_size / 6e6:.1f} MB an hour")
        begun = time.perf_counter()
        path = write(Path(name) / "busy", busy(options.events, options.hours))
        took = time.perf_counter() - begun
        size = path.stat().st_size / 1e6
        print(f"{options.events:,} events of {options.hours:g} h: {size:.0f} MB, {took:.0f} s to write")
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.journal", "--seek", str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        opened, median, worst, median_work, worst_work, memory = (float(each) for each in child.stdout.split())
        begun = time.perf_counter()
        Recorder(path.parent, SystemClock(), Redactor()).close()
        again = time.perf_counter() - begun
    print(
        f"opening: {opened:.2f} s to the first State (import of the reader included), going on with it: {again:.2f} s"
    )
    print(f"seek: {median * 1000:.0f} ms median, {worst * 1000:.0f} ms worst of 1,000; {memory:.0f} MB of memory")
    print(f"of the processor's time: {median_work * 1000:.0f} ms median, {worst_work * 1000:.0f} ms worst")
    found = {"open": opened, "median": median, "worst": worst, "memory": memory}
    return 1 if any(found[name] > limit for name, limit in LIMITS.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
