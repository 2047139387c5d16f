"""The guided pages gather their evidence in a world, and each finds what was put there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from migration_cockpit.cockpit.dialogs import guide as desk
from migration_cockpit.commands import failures as command
from migration_cockpit.config import load
from migration_cockpit.connections import Connections
from migration_cockpit.playbook import ledger
from migration_cockpit.playbook.guided import FAMILIES, by_id, gather
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State
from tests.flight.world import environment
from tests.pace import PATIENCE
from tests.playbook.prepare.team import place

pytestmark = pytest.mark.world
TRACE = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'airflow.operators.bash_operator'\n"
Page = Callable[..., Any]


@pytest.fixture
async def page(directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    """Gathers a family; each look's words by its name."""
    for name, value in environment(directory).items():
        monkeypatch.setenv(name, value)
    connections = Connections(load(directory / "config.toml"), Redactor(), SystemClock())
    await connections.warm()

    async def found(name: str, state: State | None = None, artifacts: Path | None = None) -> dict[str, ev.GuideFound]:
        family = by_id(name)
        assert family is not None
        told: list[ev.GuideFound] = []
        looked = await gather(family, connections, state or State(), artifacts, told.append)
        assert tuple(told) == looked, "each is told as it is found"
        assert [each.look for each in looked] == [look for look, _ in family.looks]
        return {each.look: each for each in looked}

    yield found
    await connections.close()


def owner(directory: Path, **more: Any) -> psycopg.Connection[Any]:
    return psycopg.connect(**place(directory, "airflow"), autocommit=True, **more)


def said(found: ev.GuideFound) -> str:
    return " | ".join((found.status, *found.found, found.mend))


def test_the_desk_and_the_command_offer_the_same_pages() -> None:
    names = tuple(each.id for each in FAMILIES)
    assert names == desk.FAMILIES == command.FAMILIES


async def test_a_world_in_order_has_nothing_that_fails(page: Page) -> None:
    for family in FAMILIES:
        for each in (await page(family.id)).values():
            assert each.status != "fails", said(each)
            assert each.found


async def test_an_empty_alembic_version_and_a_time_out_are_found(page: Page, directory: Path) -> None:
    with owner(directory) as connection:
        head = connection.execute("delete from alembic_version returning version_num").fetchone()
        connection.execute("alter role airflow set statement_timeout = '15s'")
        try:
            found = await page("migration")
        finally:
            assert head is not None
            connection.execute("insert into alembic_version values (%s)", head)
            connection.execute("alter role airflow reset statement_timeout")
    assert "alembic_version has no row although the tables are there" in said(found["schema"])
    assert "do not migrate" in found["schema"].mend


async def test_who_stands_in_the_migrations_way_is_named(page: Page, directory: Path) -> None:
    with (
        owner(directory, application_name="nightly-report") as holder,
        owner(directory, application_name="airflow-db-migrate") as migration,
    ):
        holder.execute("begin")
        holder.execute("lock table dag_run in access share mode")
        migration.execute("begin")
        waits = asyncio.create_task(asyncio.to_thread(migration.execute, "lock table dag_run"))
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := (await page("migration"))["locks"]).status == "holds":
                    await asyncio.sleep(0.1)
        finally:
            holder.execute("rollback")
            await asyncio.gather(waits, return_exceptions=True)
        assert f"waits for pid {holder.info.backend_pid} (airflow, nightly-report, idle in transaction)" in said(found)
        assert "end the one in the way, not the migration" in found.mend


async def test_import_errors_of_one_cause_stand_together_with_their_mend(page: Page, directory: Path) -> None:
    with owner(directory) as connection:
        for name in ("a.py", "b.py"):
            connection.execute(
                "insert into import_error (timestamp, filename, stacktrace) values (now(), %s, %s)", (name, TRACE)
            )
        try:
            found = (await page("dags"))["import errors"]
        finally:
            connection.execute("delete from import_error where filename in ('a.py', 'b.py')")
    assert found.status == "fails"
    assert found.found[0].startswith("2 of 2: ")
    assert "(failures import-removed)" in found.found[0]
    assert found.found[1] == "files: a.py, b.py"


async def test_a_dag_that_is_lost_is_told_by_the_ledger(page: Page, tmp_path: Path, directory: Path) -> None:
    with owner(directory) as connection:
        dags = tuple(str(row[0]) for row in connection.execute("select dag_id from dag where is_active").fetchall())
    kept = ledger.Ledger(session="s", taken="", version="2.11.2", all=(*dags, "gone_dag"), active=dags)
    (tmp_path / ledger.ARTIFACT).write_bytes(msgspec.json.encode(kept))
    written = ev.LedgerWritten(artifact=ledger.ARTIFACT, active=len(dags), total=len(dags) + 1)
    found = (await page("ui", State(ledger=written), tmp_path))["set of DAGs"]
    assert (found.status, found.found) == ("fails", ("lost: gone_dag",))


def test_the_command_prints_a_page(directory: Path) -> None:
    program = [sys.executable, "-m", "migration_cockpit", "failures", "--family", "ui"]
    bare = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (bare.returncode, "--family needs --config" in bare.stderr) == (2, True)
    program += ["--config", str(directory / "config.toml")]
    ran = subprocess.run(
        program, env=environment(directory), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (ran.returncode, ran.stderr) == (1, ""), "the ledger of before is not at hand: that is unknown"
    assert "✔ holds   delivery" in ran.stdout
