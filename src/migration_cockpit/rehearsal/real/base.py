"""The part of a rehearsal's database that only the real source version makes: schema, user, DAGs, a few real runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from migration_cockpit.rehearsal.database import die_with_parent
from migration_cockpit.rehearsal.real.environment import environment_path
from migration_cockpit.rehearsal.real.image import image_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migration_cockpit.rehearsal.seed.dags import DagSpec

USER = "admin"
PASSWORD = "admin"  # noqa: S105 - the account that every rehearsal database has, on loopback only
RUNS_SECONDS = 180.0
"""How long the first real runs may take: a loaded machine needs a minute."""

# Triggered in one process: each start of the command line costs two seconds.
_TRIGGER = """
import sys
from datetime import timedelta
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils import timezone
for number, dag_id in enumerate(sys.argv[1:]):
    trigger_dag(dag_id, execution_date=timezone.utcnow() - timedelta(minutes=number), replace_microseconds=False)
"""


class PrepareError(RuntimeError):
    """The source version did not make its database; the message has its last words."""


class SourceAirflow:
    """The real source version, run as programs on the database at `dsn` with the DAG files in `folder`."""

    def __init__(self, version: str, dsn: str, folder: Path, home: Path, log: Path) -> None:
        self._programs = environment_path(version) / "bin"
        self._dsn = dsn
        self._log = log
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            **image_environment(version),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": dsn,
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "PYTHONWARNINGS": "ignore",
        }

    async def make(self, specs: Sequence[DagSpec]) -> None:
        """Make the database: schema, admin user, serialized DAGs, and finished runs of the DAGs without a schedule.

        Raises:
            PrepareError: a command failed, or the runs did not end in time.
        """
        await self._airflow("db", "migrate")
        await asyncio.gather(
            self._airflow(
                *("users", "create", "--role", "Admin", "--username", USER, "--password", PASSWORD),
                *("--firstname", "Ada", "--lastname", "Admin", "--email", "admin@example.com"),
            ),
            self._airflow("dags", "reserialize"),
        )
        # Only these: a scheduled run made now would stand in the way of the history that is added later.
        manual = [spec.dag_id for spec in specs if spec.schedule is None]
        if manual:
            await self._run_for_real(manual)

    async def _run_for_real(self, dag_ids: list[str]) -> None:
        await asyncio.to_thread(self._execute, "UPDATE dag SET is_paused = NOT (dag_id = ANY(%s))", [dag_ids])
        await self._python("-c", _TRIGGER, *dag_ids, *dag_ids)
        scheduler = await self._start("airflow", "scheduler", "--skip-serve-logs")
        try:
            deadline = time.monotonic() + RUNS_SECONDS
            while await asyncio.to_thread(self._unfinished):
                if scheduler.returncode is not None or time.monotonic() > deadline:
                    raise PrepareError(f"the first runs of {', '.join(dag_ids)} did not end: {self._last_words()}")
                await asyncio.sleep(0.3)
        finally:
            await _end(scheduler)

    def _unfinished(self) -> int:
        query = "SELECT count(*) FROM dag_run WHERE state <> 'success'"
        with psycopg.connect(self._dsn) as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _execute(self, statement: str, parameters: list[Any]) -> None:
        with psycopg.connect(self._dsn) as connection:
            connection.execute(statement.encode(), parameters)

    async def _airflow(self, *arguments: str) -> None:
        await self._finish("airflow", *arguments)

    async def _python(self, *arguments: str) -> None:
        await self._finish("python", *arguments)

    async def _finish(self, program: str, *arguments: str) -> None:
        process = await self._start(program, *arguments)
        try:
            code = await process.wait()
        except BaseException:
            await _end(process)
            raise
        if code != 0:
            raise PrepareError(f"{program} {' '.join(arguments[:2])} ended with {code}: {self._last_words()}")

    async def _start(self, program: str, *arguments: str) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                str(self._programs / program),
                *arguments,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _last_words(self) -> str:
        return self._log.read_text("utf-8", "replace").strip()[-800:]


async def make(dsn: str, version: str, folder: Path, specs: Sequence[DagSpec], log: Path | None = None) -> None:
    """Fill the empty database at `dsn` as SourceAirflow.make says; `log` keeps what the programs print."""
    with tempfile.TemporaryDirectory(prefix="migration-cockpit-airflow-", ignore_cleanup_errors=True) as home:
        await SourceAirflow(version, dsn, folder, Path(home), log or Path(home) / "prepare.log").make(specs)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop a process and what it started: asked first, so that its job row says it ended in order."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 30)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
