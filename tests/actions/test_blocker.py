"""Ending a blocker on a real server: only while it is one, never the migration's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migration_cockpit.actions.blocker import EndBlocker
from migration_cockpit.actions.operation import OperationError, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.session.clock import SystemClock, until
from tests.connections.support import connected, make_settings
from tests.pace import PATIENCE

NOW = datetime(2026, 5, 16, 10, tzinfo=UTC)


class Held(SystemClock):
    """A clock that nobody waits for until it is let go; its own waits are all that moves it."""

    held = True
    _waited = 0.0

    def monotonic(self) -> float:
        """Seconds, those not waited for too."""
        return super().monotonic() + self._waited

    async def sleep(self, seconds: float) -> None:
        """Wait, or only count it."""
        if self.held:
            self._waited += seconds
        else:
            await super().sleep(seconds)


class Told:
    """A report that keeps its lines; what is terminated takes real time."""

    def __init__(self, clock: Held) -> None:
        self.lines: list[str] = []
        self._clock = clock

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        """Keep it."""
        self.lines.append(text)
        self._clock.held = "terminated" not in text

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """Nothing."""


class Scene:
    """A migration that waits for another session's lock."""

    def __init__(self, site: Site, sessions: dict[str, psycopg.AsyncConnection[Any]], admin: Any) -> None:
        self.site = site
        self.sessions = sessions
        self.admin = admin

    @property
    def clock(self) -> Held:
        """The clock of what is tried."""
        assert isinstance(self.site.live.clock, Held)
        return self.site.live.clock

    async def operation(self, name: str) -> EndBlocker:
        """The operation that would end a session."""
        pid = self.sessions[name].info.backend_pid
        row = await (
            await self.admin.execute("select backend_start from pg_stat_activity where pid = %s", [pid])
        ).fetchone()
        return EndBlocker(self.site, pid, row[0], NOW)

    async def alive(self, name: str) -> bool:
        """Whether a session is there."""
        pid = self.sessions[name].info.backend_pid
        return (
            await (await self.admin.execute("select 1 from pg_stat_activity where pid = %s", [pid])).fetchone()
            is not None
        )


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    server = EmbeddedPostgres(tmp_path / "pg")
    await server.start()
    await server.create_roles()
    settings = make_settings(tmp_path, postgres={"dsn": {"value": server.dsn(user="cockpit")}})
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        admin = await psycopg.AsyncConnection.connect(server.dsn(user=SUPERUSER), autocommit=True)
        stack.push_async_callback(admin.close)
        sessions = {}
        for name in ("bi-report", "airflow-db-migrate", "idle"):
            connection = await psycopg.AsyncConnection.connect(server.dsn(), application_name=name)
            sessions[name] = connection
            stack.push_async_callback(connection.close)
        await admin.execute("create table t (a int); grant all on t to airflow")
        connections = await stack.enter_async_context(connected(settings, Held()))
        yield Scene(Site(settings, "test-20260516T100000Z", connections), sessions, admin)


async def begins_to_block(operation: EndBlocker) -> None:
    """As soon as the server says that the migration waits for it."""

    async def blocks() -> bool:
        return (await operation.observe()).status is Status.NOT_STARTED

    assert await until(SystemClock(), blocks, timeout=PATIENCE, every=0.02)


async def test_an_idle_blocker_is_terminated_and_the_migration_goes_on(scene: Scene) -> None:
    await scene.admin.execute("grant pg_signal_backend to cockpit")
    await scene.sessions["bi-report"].execute("select * from t")
    migration = scene.sessions["airflow-db-migrate"]
    waits = asyncio.create_task(migration.execute("lock table t in access exclusive mode"))
    operation, report = await scene.operation("bi-report"), Told(scene.clock)
    await begins_to_block(operation)
    assert (await (await scene.operation("idle")).run(report)).endswith("nothing was done")
    assert (await (await scene.operation("airflow-db-migrate")).run(report)).endswith("nothing was done")
    assert report.lines == []
    assert "terminated and blocks no more" in await operation.run(report)
    await asyncio.wait_for(waits, 10)
    assert not await scene.alive("bi-report")
    assert await scene.alive("idle")
    assert (await operation.observe()).status is Status.DONE
    assert (await operation.run(report)).endswith("nothing was done")


async def test_without_the_right_it_says_which_one(scene: Scene) -> None:
    await scene.admin.execute("revoke pg_signal_backend from cockpit")
    await scene.sessions["bi-report"].execute("select * from t")
    migration = scene.sessions["airflow-db-migrate"]
    waits = asyncio.create_task(migration.execute("lock table t in access exclusive mode"))
    operation = await scene.operation("bi-report")
    await begins_to_block(operation)
    with pytest.raises(OperationError, match="pg_signal_backend"):
        await operation.run(Told(scene.clock))
    assert await scene.alive("bi-report")
    await scene.sessions["bi-report"].rollback()
    await asyncio.wait_for(waits, 10)
