"""Pausing every DAG: the cockpit's step against the source playbook's one command line a DAG, on real Airflow.

`nice python -m benchmarks.pausing [--dags 1000] [--sample 30]` installs Airflow 2.11.2 on first use (about 200 MB),
makes a database with that many DAGs on the embedded PostgreSQL, starts a real `airflow webserver`, and measures both
on the same machine:

- the product: `PauseAll`, the operation of step 2, with its look at the database afterwards; the median of three;
- the playbook: `airflow dags list -o json` once in full, then `xargs -P 10 -I{} airflow dags pause {}` on the sample,
  extrapolated to all DAGs. jq is left out, in the playbook's favour.

Exit code 1 when the product takes a hundredth of the playbook's time or more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from migration_cockpit.actions.operation import Status
from migration_cockpit.actions.pausing import PauseAll
from migration_cockpit.actions.site import Site
from migration_cockpit.config import STEP_IDS, Settings, parse
from migration_cockpit.connections import Connections
from migration_cockpit.rehearsal.database import EmbeddedPostgres, free_port
from migration_cockpit.rehearsal.real.environment import ensure
from migration_cockpit.rehearsal.real.image import image_environment
from migration_cockpit.rehearsal.seed import write_dags
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import Redactor

VERSION = "2.11.2"
ACCOUNT = "admin"
ROUNDS = 3
PARALLEL = 10
"""What the source playbook gives to `xargs -P`."""
RATIO = 100.0
READY_SECONDS = 180.0


class BenchmarkError(Exception):
    """A part of the measurement did not do what it shall measure."""


class Silent:
    """Takes what an operation tells of its way; nobody looks."""

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        """A line for the log."""

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """How far it is."""


@dataclass(frozen=True)
class Bench:
    """Real Airflow on its database, as programs of this machine."""

    programs: Path
    environment: Mapping[str, str]
    dsn: str
    work: Path

    async def airflow(self, *words: str, given: str = "") -> float:
        """Run a program of Airflow's environment to its end; seconds it took. Raises BenchmarkError."""
        return await self.run(str(self.programs / "airflow"), *words, given=given)

    async def run(self, *words: str, given: str = "", out: Path | None = None) -> float:
        """Run a program; its output goes to `out`, or to the log. Raises BenchmarkError with its last words."""
        log = self.work / "programs.log"
        started = time.monotonic()
        with (out or log).open("wb" if out else "ab") as output, log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *words, env=self.environment, stdin=asyncio.subprocess.PIPE, stdout=output, stderr=errors
            )
            await process.communicate(given.encode())
        if process.returncode:
            raise BenchmarkError(
                f"{words[0]} ended with {process.returncode}: {log.read_text('utf-8', 'replace')[-800:]}"
            )
        return time.monotonic() - started

    def active(self) -> int:
        """DAGs that are not paused, by the database."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute("select count(*) from dag where is_active and not is_paused").fetchone()
        return int(row[0]) if row else 0

    def unpause(self) -> None:
        """All DAGs active again, past Airflow."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("update dag set is_paused = false")


async def made(work: Path, postgres: EmbeddedPostgres, dags: int) -> Bench:
    """A database with so many DAGs, made by the real Airflow."""
    folder = work / "dags"
    programs = ensure(VERSION, lambda line: print(f"… {line}", flush=True)) / "bin"
    write_dags(folder, dags)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        **image_environment(VERSION),
        "PATH": f"{programs}:{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(work / "home"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.dsn(),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "PYTHONWARNINGS": "ignore",
    }
    bench = Bench(programs, environment, postgres.dsn(), work)
    await bench.airflow("db", "migrate")
    names = ("--firstname", "A", "--lastname", "A", "--email", "a@example.com")
    await bench.airflow("users", "create", "--role", "Admin", "-u", ACCOUNT, "-p", ACCOUNT, *names)
    print(f"… {dags} DAGs are serialized", flush=True)
    await bench.airflow("dags", "reserialize")
    bench.unpause()
    if (found := bench.active()) != dags:
        raise BenchmarkError(f"{found} DAGs are active, not {dags}")
    return bench


@asynccontextmanager
async def webserver(bench: Bench) -> AsyncIterator[str]:
    """A real `airflow webserver`; its address once it answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (bench.work / "webserver.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(bench.programs / "airflow"), "webserver", "--port", str(port), "--hostname", "127.0.0.1"),
            env=bench.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient() as http:
            while not await _answers(http, f"{url}/api/v1/version"):
                if process.returncode is not None or time.monotonic() > deadline:
                    raise BenchmarkError(f"the webserver does not answer; see {bench.work / 'webserver.log'}")
                await asyncio.sleep(0.5)
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 15)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url, timeout=5)).status_code == 200
    except httpx.HTTPError:
        return False


def settings_of(bench: Bench, url: str) -> Settings:
    """A config that leads to this Airflow and this database; nothing else of it is used."""
    now = datetime.now(UTC)
    none = {"context": "none", "namespace": "none", "release": "none"}
    versions = {"source_version": VERSION, "target_version": "3.2.2"}
    tables = {
        "deployment": {"name": "benchmark", "production": False, "on_call": "nobody", **versions},
        "kubernetes": none,
        "helm": {"chart": "none", "chart_version": "0", "values": []},
        "postgres": {"dsn": {"value": bench.dsn}},
        "airflow": {"url": url, "username": ACCOUNT, "password": {"value": ACCOUNT}},
        "dags": {"canary": "cockpit_canary"},
        "schedule": {**dict.fromkeys(STEP_IDS, now), "window_end": now + timedelta(hours=1)},
    }
    return parse(tables, bench.work / "config.toml")


async def product(bench: Bench, url: str) -> list[float]:
    """Seconds of each round: the operation of step 2 with its look at the database."""
    took = []
    for _ in range(ROUNDS):
        bench.unpause()
        settings = settings_of(bench, url)
        connections = Connections(settings, Redactor(), SystemClock())
        await connections.warm()
        try:
            operation = PauseAll(Site(settings, "benchmark", connections), version=VERSION)
            started = time.monotonic()
            await operation.run(Silent())
            seen = await operation.observe()
            took.append(time.monotonic() - started)
        finally:
            await connections.close()
        if seen.status is not Status.DONE or bench.active():
            raise BenchmarkError(f"the product did not pause all: {seen.detail}, {bench.active()} active")
    return took


async def playbook(bench: Bench, sample: int) -> tuple[float, float]:
    """Seconds of the list of all DAGs, and of pausing the sample one command line each, ten at a time."""
    bench.unpause()
    before = bench.active()
    listed = bench.work / "dags.json"
    listing = await bench.run(str(bench.programs / "airflow"), "dags", "list", "-o", "json", out=listed)
    text = listed.read_text("utf-8")
    names = [dag["dag_id"] for dag in json.loads(text[text.index("[") :])]
    chosen = "\n".join(names[:sample])
    airflow = str(bench.programs / "airflow")
    pausing = await bench.run("xargs", f"-P{PARALLEL}", "-I{}", airflow, "dags", "pause", "{}", given=chosen)
    if (paused := before - bench.active()) != sample:
        raise BenchmarkError(f"the playbook paused {paused} of {sample}")
    return listing, pausing


async def measure(dags: int, sample: int) -> int:
    """Make everything, measure both, print; 1 when the product is not fast enough."""
    with tempfile.TemporaryDirectory(prefix="migration-cockpit-pausing-", ignore_cleanup_errors=True) as made_for:
        work = Path(made_for)
        postgres = EmbeddedPostgres(work / "postgres")
        try:
            await postgres.start()
            await postgres.create_roles()
            bench = await made(work, postgres, dags)
            async with webserver(bench) as url:
                ours = await product(bench, url)
                listing, pausing = await playbook(bench, sample)
        finally:
            await postgres.stop()
            postgres.remove()
    mine = statistics.median(ours)
    theirs = listing + pausing / sample * dags
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"Airflow {VERSION}, {dags} DAGs, {platform.machine()}, {cores} cores, load {load:.1f} at the end")
    rounds = ", ".join(f"{each:.2f}" for each in ours)
    print(f"product   {mine:10.2f} s   pause all and look (rounds: {rounds})")
    print(f"playbook  {theirs:10.0f} s   extrapolated: list {listing:.1f} s + {pausing:.1f} s for {sample} of {dags}")
    print(f"ratio     {theirs / mine:10.0f}     {RATIO:.0f} is asked for")
    return 0 if theirs / mine > RATIO else 1


def main() -> int:
    """Take the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pausing", description=__doc__)
    parser.add_argument("--dags", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=30)
    options = parser.parse_args()
    try:
        return asyncio.run(measure(options.dags, options.sample))
    except BenchmarkError as error:
        print(f"benchmarks.pausing: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
