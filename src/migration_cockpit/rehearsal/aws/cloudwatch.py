"""CloudWatch's AWS/RDS metrics, from what the servers really do.

The counters are the kernel's where it has them (``/proc/<pid>/io`` and ``stat`` of the server's processes): like RDS's
own they move while a long transaction runs. PostgreSQL's (``pg_stat_io``) are written at a transaction's end only and
serve where there is no ``/proc``.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from moto.cloudwatch.models import Statistics, cloudwatch_backends

from migration_cockpit.rehearsal.aws.fleet import connect

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.aws.fleet import Fleet, Machine

log = logging.getLogger(__name__)
KEEP_POINTS = 40_000
UNITS = {
    "ReadIOPS": "Count/Second",
    "WriteIOPS": "Count/Second",
    "ReadThroughput": "Bytes/Second",
    "WriteThroughput": "Bytes/Second",
    "DiskQueueDepth": "Count",
    "FreeStorageSpace": "Bytes",
    "CPUUtilization": "Percent",
    "DatabaseConnections": "Count",
}
STATE = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
       (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'IO' AND state = 'active'),
       (SELECT sum(pg_database_size(oid)) FROM pg_database)
         + (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()),
       (SELECT coalesce(sum(reads), 0) FROM pg_stat_io),
       (SELECT coalesce(sum(writes + coalesce(extends, 0)), 0) FROM pg_stat_io)
"""


@dataclass(frozen=True)
class Counters:
    """What a server has done since it started; ``cpu`` in seconds, bytes and operations otherwise."""

    at: float
    reads: float
    writes: float
    read_bytes: float
    write_bytes: float
    cpu: float


class Watch:
    """Puts one point per metric and instance into moto's CloudWatch every ``seconds``."""

    def __init__(self, fleet: Fleet, account: str, seconds: float, full: Path) -> None:
        """`full` is a file that is there while the instances' storage is used up."""
        self.region = "us-east-1"
        self._fleet = fleet
        self._account = account
        self._seconds = seconds
        self._full = full
        self._task: asyncio.Task[None] | None = None
        self._sessions: dict[str, psycopg.AsyncConnection[tuple[object, ...]]] = {}
        self._last: dict[str, Counters] = {}

    async def start(self) -> None:
        """Begin to sample; once."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop sampling and close the administrator's sessions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for session in self._sessions.values():
            await session.close()

    async def _run(self) -> None:
        while True:
            for identifier, key in list(self._fleet.routes.items()):
                machine = self._fleet.machines.get(key)
                if machine is not None:
                    await self._sample(identifier, machine)
            await asyncio.sleep(self._seconds)

    async def _sample(self, identifier: str, machine: Machine) -> None:
        """Put one set of points; a server that is down gives none, as on AWS."""
        try:
            session = await self._session(machine)
            row = await (await session.execute(STATE)).fetchone()
        except (psycopg.Error, OSError) as error:
            log.debug("no metrics of %s: %s", identifier, error)
            self._sessions.pop(machine.key, None)
            return
        if row is None:
            return
        connections, waiting, used, reads, writes = (float(str(value)) for value in row)
        own = Counters(time.monotonic(), reads, writes, reads * 8192, writes * 8192, 0)
        now = _counters(machine.handle.server_pid()) or own
        before = self._last.get(machine.key)
        self._last[machine.key] = now
        backend = self._backend()
        values = {"DatabaseConnections": connections, "DiskQueueDepth": waiting}
        free = 0.0 if self._full.exists() else self._allocated(identifier) - used
        values["FreeStorageSpace"] = max(0.0, free)
        if before is not None:
            values |= _rates(before, now)
        data = [
            {"MetricName": name, "Value": value, "Unit": UNITS[name], "Dimensions": _dimensions(identifier)}
            for name, value in values.items()
        ]
        backend.put_metric_data("AWS/RDS", data)
        del backend.metric_data[:-KEEP_POINTS]

    async def _session(self, machine: Machine) -> psycopg.AsyncConnection[tuple[object, ...]]:
        session = self._sessions.get(machine.key)
        if session is None or session.closed:
            session = self._sessions[machine.key] = await connect(machine.handle)
            await session.execute("SET statement_timeout = '2s'")
            await session.execute("SET lock_timeout = '300ms'")
        return session

    def _backend(self) -> Any:
        return cloudwatch_backends[self._account][self.region]

    def _allocated(self, identifier: str) -> float:
        from moto.rds.models import rds_backends

        instance = rds_backends[self._account][self.region].databases.get(identifier)
        return float(instance.allocated_storage) * 1024**3 if instance is not None else 0.0


def _dimensions(identifier: str) -> list[dict[str, str]]:
    return [{"Name": "DBInstanceIdentifier", "Value": identifier}]


def _rates(before: Counters, now: Counters) -> dict[str, float]:
    seconds = max(now.at - before.at, 0.001)
    cpu = (now.cpu - before.cpu) / seconds / (os.cpu_count() or 1) * 100
    rates = {
        "ReadIOPS": (now.reads - before.reads) / seconds,
        "WriteIOPS": (now.writes - before.writes) / seconds,
        "ReadThroughput": (now.read_bytes - before.read_bytes) / seconds,
        "WriteThroughput": (now.write_bytes - before.write_bytes) / seconds,
        "CPUUtilization": min(100.0, cpu),
    }
    return {name: max(0.0, rate) for name, rate in rates.items()}


def _counters(pid: int | None) -> Counters | None:
    """Sum what the postmaster and its children did; a process that ended is counted in its parent by the kernel."""
    reads = writes = read_bytes = write_bytes = ticks = 0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return None
    for process in (str(pid), *children):
        try:
            io = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text().splitlines())
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        reads += int(io["syscr"])
        writes += int(io["syscw"])
        read_bytes += int(io["rchar"])
        write_bytes += int(io["wchar"])
        mine = fields[11:15] if process == str(pid) else fields[11:13]
        ticks += sum(int(field) for field in mine)
    cpu = ticks / os.sysconf("SC_CLK_TCK")
    return Counters(time.monotonic(), reads, writes, read_bytes, write_bytes, cpu)


def install() -> None:
    """Teach moto's statistics percentiles (p95, p99.9), which it has not."""
    plain = Statistics.get_statistics_for_type

    def with_percentiles(statistics: Any, stat: str) -> Any:
        if stat.startswith("p") and stat[1:].replace(".", "", 1).isdigit():
            return _percentile(statistics.metric_single_values_list, float(stat[1:]))
        return plain(statistics, stat)

    Statistics.get_statistics_for_type = with_percentiles


def _percentile(values: list[float], percent: float) -> float | None:
    """The nearest-rank percentile."""
    if not values:
        return None
    ordered = sorted(values)
    rank = math.ceil(percent / 100 * len(ordered))
    return ordered[max(0, min(len(ordered), rank) - 1)]
