"""The faults that strike a database migration from outside, each for real: a lock that is held, a pod that is evicted,
a server that is restarted, a process that hangs, a disk that is full.

Each strikes a Job once, so that what is mended stays mended; a later Job is struck again while the fault is on.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from migration_cockpit.rehearsal import faults, release
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.rehearsal.database import DATABASE, SUPERUSER, EmbeddedPostgres
from migration_cockpit.rehearsal.faults import STORAGE_FULL

LOOK = 0.1
JOB = "airflow-db-migrate"
"""How the names of the migration's Jobs begin, and what its sessions are called."""
MESSAGE = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 61204Ki."
HOLDERS = {
    "blocked-by-idle-transaction": ("bi-report", "SELECT count(*) FROM task_instance WHERE state = 'failed'"),
    "blocked-by-create-user-job": ("airflow-create-user", "SELECT id, name FROM ab_role WHERE name = 'Admin'"),
}
"""Who reads a table and leaves the transaction open: application and statement."""
_IN_THE_MIDDLE = r"""
    SELECT pid FROM pg_stat_activity
    WHERE application_name = %s AND query ~ 'UPDATE task_instance\M|task_instance, between two batches'
"""
"""Its backend in the revision that rewrites task_instance, before that commits."""
_HEAP = """
    SELECT (pg_stat_file(pg_relation_filepath('task_instance'))).size
"""
"""Bytes of the table's file; pg_relation_size would wait for the migration."""


class MigrationFaults:
    """Acts on them for as long as the world runs."""

    def __init__(self, directory: Path, cluster: Cluster, postgres: EmbeddedPostgres) -> None:
        self._directory = directory
        self._cluster = cluster
        self._postgres = postgres
        self._struck: set[tuple[str, str]] = set()
        self._holding: dict[str, psycopg.AsyncConnection[Any]] = {}
        self._frozen: list[dict[str, Any]] = []
        self._strikes: dict[str, Callable[[int], Awaitable[None]]] = {
            "pod-evicted": self._evict,
            "database-restart": self._restart,
            "quiet": self._freeze,
            "disk-filling": self._fill,
        }

    async def run(self) -> None:
        """Look again and again until cancelled."""
        try:
            while True:
                # The server may be down, by our own doing or another's: looked at again in a moment.
                with suppress(psycopg.Error, OSError, LookupError):
                    await self._look()
                await asyncio.sleep(LOOK)
        finally:
            for session in self._holding.values():
                await session.close()

    async def _look(self) -> None:
        await self._let_go()
        job = self._job()
        if job is None:
            return
        uid = job["metadata"]["uid"]
        for name in HOLDERS:
            if self._due(name, uid):
                self._struck.add((name, uid))
                self._holding[name] = await self._hold(*HOLDERS[name])
        due = [name for name in self._strikes if self._due(name, uid)]
        if due and (pid := await self._in_the_middle()) is not None:
            for name in due:
                self._struck.add((name, uid))
                await self._strikes[name](pid)

    def _due(self, name: str, uid: str) -> bool:
        return (name, uid) not in self._struck and faults.active(self._directory, name) is not None

    def _job(self) -> dict[str, Any] | None:
        """The migration's Job that has not ended."""
        for job in self._cluster.list("Job", release.NAMESPACE):
            ended = any(each["status"] == "True" for each in (job.get("status") or {}).get("conditions") or [])
            if job["metadata"]["name"].startswith(JOB) and not ended:
                return job
        return None

    async def _let_go(self) -> None:
        """Take back what is over: a fault that was switched off ends the harm that it does."""
        for name in [name for name in self._holding if faults.active(self._directory, name) is None]:
            await self._holding.pop(name).close()
        if self._frozen and faults.active(self._directory, "quiet") is None:
            for pod in self._frozen:
                with suppress(LookupError):
                    self._cluster.freeze(pod, frozen=False)
            self._frozen = []
        if faults.active(self._directory, "disk-filling") is None:
            (self._directory / STORAGE_FULL).unlink(missing_ok=True)

    async def _hold(self, application: str, statement: str) -> psycopg.AsyncConnection[Any]:
        session = await psycopg.AsyncConnection.connect(self._postgres.dsn(), application_name=application)
        await session.execute(statement.encode())
        return session

    async def _admin(self) -> psycopg.AsyncConnection[Any]:
        dsn = self._postgres.dsn(DATABASE, SUPERUSER)
        return await psycopg.AsyncConnection.connect(dsn, autocommit=True, application_name="rehearsal")

    async def _in_the_middle(self) -> int | None:
        async with await self._admin() as admin:
            row = await (await admin.execute(_IN_THE_MIDDLE, (JOB,))).fetchone()
            return int(row[0]) if row else None

    def _pods(self) -> list[dict[str, Any]]:
        pods = self._cluster.list("Pod", release.NAMESPACE)
        return [
            pod
            for pod in pods
            if pod["metadata"]["name"].startswith(JOB) and pod.get("status", {}).get("phase") == "Running"
        ]

    async def _evict(self, _: int) -> None:
        for pod in self._pods():
            self._cluster.evict(pod, MESSAGE)

    async def _restart(self, _: int) -> None:
        await self._postgres.restart()

    async def _freeze(self, _: int) -> None:
        for pod in self._pods():
            self._cluster.freeze(pod, frozen=True)
            self._frozen.append(pod)

    async def _fill(self, pid: int) -> None:
        """Let the backend find no room behind the table's last page, as on a full disk, and the storage be used up.

        The limit is on the size of a file; new WAL begins in a fresh segment, so that only the table meets it.
        """
        async with await self._admin() as admin:
            row = await (await admin.execute(_HEAP)).fetchone()
            await admin.execute("SELECT pg_switch_wal()")
        (self._directory / STORAGE_FULL).touch()
        size = int(row[0]) if row else 0
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        except PermissionError:  # the server is another user's, and this container's root may not do everything
            program = shutil.which("prlimit") or "prlimit"
            await self._postgres.execute(program, f"--pid={pid}", f"--fsize={size}:unlimited")
