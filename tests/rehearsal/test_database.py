"""The embedded PostgreSQL: it starts, keeps its data over a crash, and never outlives its owner."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.rehearsal import binaries
from migration_cockpit.rehearsal.binaries import AS_NOBODY, NAMESPACE, PLAIN, Account, PostgresError
from migration_cockpit.rehearsal.database import EmbeddedPostgres, sweep
from tests.pace import PATIENCE


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "pg")
    await server.start()
    yield server
    await server.stop()
    server.remove()


async def fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        return await (await connection.execute(query)).fetchall()


async def test_roles_see_what_they_should(postgres: EmbeddedPostgres) -> None:
    await postgres.create_roles()
    async with await psycopg.AsyncConnection.connect(postgres.dsn(), autocommit=True) as owner:
        await owner.execute("CREATE TABLE dag AS SELECT 7 AS id")
    assert await fetch(postgres.dsn(user="cockpit"), "SELECT id FROM dag") == [(7,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await fetch(postgres.dsn(user="cockpit"), "DELETE FROM dag RETURNING id")
    version = await fetch(postgres.dsn(user="cockpit"), "SELECT current_setting('server_version_num')::int")
    assert isinstance(version[0][0], int)
    assert version[0][0] >= 150000
    assert await fetch(postgres.dsn(), "SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]


async def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    dsn = f"postgresql://postgres:wrong@127.0.0.1:{postgres.port}/postgres"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        await fetch(dsn, "SELECT 1")


async def test_what_was_committed_survives_a_crash(postgres: EmbeddedPostgres) -> None:
    await postgres.create_roles()
    async with await psycopg.AsyncConnection.connect(postgres.dsn(), autocommit=True) as owner:
        await owner.execute("CREATE TABLE dag AS SELECT 7 AS id")
    port = postgres.port
    await postgres.kill()
    assert not postgres.running
    await postgres.start()
    assert postgres.port == port
    assert await fetch(postgres.dsn(), "SELECT id FROM dag") == [(7,)]


@pytest.mark.parametrize("account", [NAMESPACE, AS_NOBODY] if os.geteuid() == 0 else [PLAIN])
async def test_it_runs_below_a_closed_directory_and_leaves_it_closed(tmp_path: Path, account: Account) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "pg", account=account)
    await server.start()
    try:
        owner = os.geteuid() if account.uid is None else account.uid
        assert server.data.stat().st_uid == owner
        assert closed.stat().st_mode & 0o777 == 0o700
        assert await fetch(server.dsn("postgres", "postgres"), "SELECT 1") == [(1,)]
        sweep(tmp_path)
        deadline = time.monotonic() + PATIENCE
        while server.running:
            assert time.monotonic() < deadline, "the sweep did not end the server"
            await asyncio.sleep(0.05)
    finally:
        await server.stop()
    assert server.place.exists() == (account.uid is None)


def test_no_way_to_run_it_is_said_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(binaries, "_works", lambda *_, **__: False)
    with pytest.raises(PostgresError, match="ordinary user"):
        binaries.choose_account()


def test_a_directory_without_programs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(binaries.PG_BIN_VARIABLE, str(tmp_path))
    with pytest.raises(PostgresError, match="has no initdb"):
        binaries.find_binaries()


OWNER = """
import asyncio, sys
from pathlib import Path
from migration_cockpit.rehearsal.database import EmbeddedPostgres, sweep

async def main() -> None:
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server.handle().server_pid(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


if sys.platform == "linux":  # parent-death signals are Linux's; elsewhere the world's sweep ends what was left

    async def test_the_server_dies_with_its_killed_owner(tmp_path: Path) -> None:
        owner = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OWNER, str(tmp_path / "pg"), stdout=asyncio.subprocess.PIPE
        )
        assert owner.stdout is not None
        server = int(await asyncio.wait_for(owner.stdout.readline(), 60))
        assert _alive(server)
        owner.send_signal(signal.SIGKILL)
        await owner.wait()
        deadline = time.monotonic() + PATIENCE
        while _alive(server):
            assert time.monotonic() < deadline, "the server outlived its owner"
            await asyncio.sleep(0.05)
