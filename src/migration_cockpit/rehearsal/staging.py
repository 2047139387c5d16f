"""Staging beside the world's production: the same DAGs on the target version for a while already.

A database of its own, a scheduler, a dag-processor and an api-server of the target version, and metrics of its own.
No cluster: what is looked at on staging is Airflow itself. Its faults are switched in its own directory, so that what
is worse there is not worse in production.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from pathlib import Path

import httpx
import psycopg
from psycopg import sql

from migration_cockpit.rehearsal.database import EmbeddedPostgres, die_with_parent, free_port
from migration_cockpit.rehearsal.metrics import MetricsServer
from migration_cockpit.rehearsal.seed import seed

NAME = "staging"
COMPONENTS = ("scheduler", "dag-processor", "api-server")
COMPARED = ("airflow_scheduler_scheduler_loop_duration", "airflow_dag_processing_total_parse_time")
READY_SECONDS = 60.0
STOP_SECONDS = 10.0


class StagingError(Exception):
    """Staging does not come up; the message says which part, and where its log is."""


class Staging:
    """The staging of a world; `stop` may be called when `start` has failed."""

    def __init__(
        self,
        world: Path,
        postgres: EmbeddedPostgres,
        *,
        source: str,
        target: str,
        folder: Path,
        dags: int,
        task_instances: int,
        scrape_seconds: float,
        summary_seconds: float,
    ) -> None:
        """`folder` holds production's DAG files: staging has the same."""
        self.directory = world / NAME
        self._world, self._postgres, self._source, self._target = world, postgres, source, target
        self._folder, self._dags, self._rows = folder, dags, task_instances
        self.directory.mkdir(parents=True, exist_ok=True)
        self.metrics = MetricsServer(self.directory, scrape_seconds=scrape_seconds, summary_seconds=summary_seconds)
        self._port = 0
        self._jwt = secrets.token_urlsafe(24)
        self._processes: list[asyncio.subprocess.Process] = []

    @property
    def url(self) -> str:
        """Where its Airflow is."""
        return f"http://127.0.0.1:{self._port}"

    def dsn(self, user: str) -> str:
        """Its metadata database."""
        return self._postgres.handle().dsn(NAME, user)

    async def start(self) -> None:
        """Return when its Airflow answers. Raises StagingError."""
        await self.metrics.start()
        await asyncio.to_thread(self._fill)
        self._port = free_port()
        migrate = await self._airflow("db", "migrate")
        if await migrate.wait():
            raise StagingError(f"staging cannot be migrated: see {self._log('db')}")
        for name in COMPONENTS:
            self._processes.append(await self._airflow(name))
        await self._answers()

    def _fill(self) -> None:
        with psycopg.connect(self._postgres.handle().dsn("airflow", "airflow"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
        seed(
            self.dsn("airflow"), version=self._source, dags=self._dags, task_instances=self._rows, running=0,
            folder=str(self._folder),
        )  # fmt: skip

    async def _airflow(self, *words: str) -> asyncio.subprocess.Process:
        """One process of the target version; it ends with this one."""
        host, port = self.metrics.statsd_address
        home = self.directory / words[0]
        home.mkdir(exist_ok=True)
        environment = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.dsn("airflow"),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._folder),
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API_AUTH__JWT_SECRET": self._jwt,
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": host,
            "AIRFLOW__METRICS__STATSD_PORT": str(port),
            "PORT": str(self._port),
            "REHEARSAL_DIR": str(self.directory),
        }
        image = self._world / "images" / f"apache-airflow-{self._target}" / "bin" / "airflow"
        with self._log(words[0]).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                str(image),
                *words,
                env={name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    async def _answers(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(base_url=self.url) as client:
            while time.monotonic() < deadline:
                for name, process in zip(COMPONENTS, self._processes, strict=True):
                    if process.returncode is not None:
                        raise StagingError(f"staging's {name} ended: see {self._log(name)}")
                try:
                    answer = await client.get("/api/v2/version")
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code == 200 and self._measured() and await asyncio.to_thread(self._parsed):
                    return
                await asyncio.sleep(0.1)
        raise StagingError(f"staging is not ready after {READY_SECONDS:.0f} s: see {self.directory}")

    def _measured(self) -> bool:
        """Whether what D-7 compares was scraped: a scheduler may answer before it has said anything of itself."""
        return all(self.metrics.store.named(name) for name in COMPARED)

    def _parsed(self) -> bool:
        """Whether every DAG is shown and serialized again: the migration had emptied that table."""
        with psycopg.connect(self.dsn("airflow"), autocommit=True) as connection:
            row = connection.execute(
                "SELECT count(DISTINCT dag_id) FROM serialized_dag JOIN dag USING (dag_id) WHERE NOT is_stale"
            ).fetchone()
        return row is not None and int(str(row[0])) >= self._dags

    async def stop(self) -> None:
        """End its processes and its metrics."""
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        for process in self._processes:
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        await self.metrics.stop()
