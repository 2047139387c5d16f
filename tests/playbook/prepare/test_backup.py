"""The backup's test: a dump counts once it was restored; nothing of it is left, whatever became of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg
import pytest

from migration_cockpit.actions.operation import Silent
from migration_cockpit.actions.scratch import MARK
from migration_cockpit.config import SecretRef
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.pace import PATIENCE
from tests.playbook.prepare.team import (
    Team,
    backup_tested,
    place,
    spoil,
    words,
)

pytestmark = pytest.mark.world


def scratch_by(team: Team, user: str) -> None:
    """Name the world's own server as the one with room, by this role."""
    file = team.home / "scratch-dsn"
    file.write_text(psycopg.conninfo.make_conninfo(**place(team.directory, user)))
    prepare = msgspec.structs.replace(team.settings.prepare, scratch_dsn=SecretRef(file=str(file)))
    team.settings = msgspec.structs.replace(team.settings, prepare=prepare)


def databases(team: Team) -> set[str]:
    with psycopg.connect(**place(team.directory, "airflow"), autocommit=True) as connection:
        return {str(row[0]) for row in connection.execute("select datname from pg_database").fetchall()}


async def test_a_dump_counts_once_it_was_restored_and_its_rows_were_equal(team: Team, dump: str) -> None:
    before = (await team.results())["backup"]
    assert before.status == UNKNOWN
    assert "it was not restored yet" in words(before)
    there = databases(team)
    first = await backup_tested(team)
    assert first.why == ""
    assert first.rows["public.task_instance"] >= 500
    assert databases(team) == there, "the scratch database is gone again"
    found = (await team.results())["backup"]
    assert (found.status, "rows equal" in words(found)) == (HOLDS, True), words(found)
    assert found.seen.at is not None, "the evidence ages"
    spoil(Path(dump))
    assert (await team.results())["backup"].status == FAILS, "the newest dump is broken: what was tested is gone"


@pytest.mark.parametrize(("user", "said"), [("cockpit", "may not create databases: ALTER ROLE cockpit CREATEDB")])
async def test_a_role_that_may_not_create_databases_is_told_so(team: Team, dump: str, user: str, said: str) -> None:
    scratch_by(team, user)
    assert said in (await backup_tested(team, Path(dump))).why


async def test_a_dump_that_breaks_off_fails_its_test_and_leaves_nothing(team: Team, dump: str) -> None:
    there = databases(team)
    spoil(Path(dump))
    assert "cannot be read to its end" in (await backup_tested(team, Path(dump))).why
    assert databases(team) == there
    found = (await team.results())["backup"]
    assert (found.status, "airflow.dump" in words(found)) == (FAILS, True)


async def test_two_tests_at_once_have_a_database_each(team: Team, dump: str) -> None:
    there = databases(team)
    both = await asyncio.gather(backup_tested(team), backup_tested(team))
    assert [each.why for each in both] == ["", ""]
    assert len({each.database for each in both}) == 2
    assert databases(team) == there


class Heard(Silent):
    """What a test says beside its result."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        """Keep it."""
        self.lines.append(text)


async def test_what_a_broken_off_test_left_is_told_and_dropped_by_the_next_and_nothing_else_is(
    team: Team, dump: str
) -> None:
    prefix = "migration_cockpit_scratch_rehearsal_"
    marked, bare, used, strange = (f"{prefix}{token}" for token in ("aaaaaa", "bbbbbb", "cccccc", "dddddd"))
    with psycopg.connect(**place(team.directory, "airflow"), autocommit=True) as connection:
        there = databases(team)
        for name in (marked, bare, used, strange):
            connection.execute(f'create database "{name}"'.encode())
        for name in (marked, used):
            connection.execute(f"""comment on database "{name}" is '{MARK.replace("'", "''")}'""".encode())
        with psycopg.connect(**{**place(team.directory, "airflow"), "dbname": strange}, autocommit=True) as other:
            other.execute("create table somebodys (x int)")
        with psycopg.connect(**{**place(team.directory, "airflow"), "dbname": "postgres"}, autocommit=True) as runs:
            runs.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [used])
            found = (await team.results())["backup"]
            assert f"left of a test that broke off, the next one drops it: {marked}, {bare}, {strange}" in words(found)
            heard = Heard()
            assert (await backup_tested(team, None, heard)).why == ""
            assert databases(team) - there == {used, strange}, "one is in use, one holds somebody's table"
        assert heard.lines == [
            f"{marked} was left of a backup's test that broke off: it is dropped",
            f"{bare} was left of a backup's test that broke off: it is dropped",
            f"{strange} has the name of a scratch database and not its comment: look at it, drop it",
        ]
        for name in (used, strange):
            connection.execute(f'drop database "{name}" with (force)'.encode())


async def test_a_cockpit_that_is_killed_in_a_backups_test_says_so_when_it_is_back_and_leaves_nothing(
    team: Team, dump: str
) -> None:
    there, session = databases(team), team.home / "s"
    slow = team.home / "pg_restore"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *--dbname=*) sleep 60 ;; esac\nexec {team.settings.dump.pg_restore} "$@"\n'
    )
    slow.chmod(0o755)
    text = (team.directory / "config.toml").read_text()
    config = team.directory / "killed.toml"
    config.write_text(text.replace(f'pg_restore = "{team.settings.dump.pg_restore}"', f'pg_restore = "{slow}"'))
    program = [sys.executable, "-m", "tests.playbook.prepare.presses", str(config), str(session)]
    surroundings = os.environ | {"XDG_STATE_HOME": str(team.home / "state")}
    team.sessions.parent.mkdir(exist_ok=True)
    (team.home / "state").mkdir()
    (team.home / "state" / "migration-cockpit").symlink_to(team.home)
    first = await asyncio.create_subprocess_exec(*program, "p", "t", "enter", env=surroundings)
    try:
        await until(lambda: databases(team) > there)
    finally:
        first.kill()
        await first.wait()
    (name,) = databases(team) - there
    second = await asyncio.to_thread(
        lambda: subprocess.run(program, env=surroundings, capture_output=True, text=True, timeout=PATIENCE, check=False)
    )
    assert second.returncode == 0, second.stdout + second.stderr
    assert databases(team) == there
    said = f"the backup's test was broken off: {name} was left of a backup's test that broke off: it is dropped"
    assert said in second.stdout
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    (ended,) = [each for each in events if isinstance(each, ev.OperationEnded)]
    assert (ended.operation, ended.key, ended.outcome) == (ev.BACKUP_TEST, name, "failed")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.05)
