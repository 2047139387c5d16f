"""7 the backup is tested: the newest dump is whole, and was restored into a scratch database with equal row counts."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from migration_cockpit.actions.dump import PROOF, SUM_SUFFIX, sha256
from migration_cockpit.actions.operation import OperationError, Report, Silent
from migration_cockpit.actions.scratch import RestoreInScratch, left, swept
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Postgres, SecretRef, Settings
from migration_cockpit.connections import Connections, WorldError
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.prepare import versions
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.places import days_of
from migration_cockpit.session.redact import of_deployment

SECONDS = 120.0
TEST = "migration-cockpit prepare test-backup --config FILE restores it into a scratch database and compares its rows"
_ROWS = """
select relname, reltuples::bigint from pg_class where relkind = 'r' and relname in
('dag', 'dag_run', 'task_instance', 'serialized_dag', 'connection', 'variable', 'slot_pool', 'ab_user')
"""
"""What no backup may lack; the tables that Airflow fills and empties by itself are not missed."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a dump's restore."""

    dump: str
    digest: str
    at: datetime
    why: str = ""
    """Why it failed; empty for equal rows."""
    rows: Mapping[str, int] = {}
    """By table, as they were in the scratch database."""
    database: str = ""


Do = Callable[[RestoreInScratch], Awaitable[str]]
"""Runs the operation and returns its detail; a flight writes it ahead, the command line only prints. Raises
OperationError."""


class NothingToTest(Exception):
    """There is no dump, or no place to restore it into; the message says what to do."""


def dumps(sessions: Path, settings: Settings) -> list[Path]:
    """Those of this deployment's sessions and of its days before, the newest last; nobody else's proves anything."""
    it = settings.deployment
    stamp = re.compile(re.escape(it.name) + r"-\d{8}-\d{6}.*")
    found = [one for one in sessions.glob("*/artifacts/*.dump") if stamp.fullmatch(one.parent.parent.name)]
    days = days_of(sessions, it.name, it.source_version, it.target_version)
    found += days.glob("artifacts/*.dump")
    return sorted(found, key=lambda one: one.stat().st_mtime)


def path(sessions: Path, deployment: str) -> Path:
    """Where the last test's evidence is kept: beside the sign-offs."""
    return sessions.parent / "prepare" / f"{deployment}.backup.json"


def read(file: Path) -> Tested | None:
    """The last test's evidence; None where there is none that can be read: it is made again by another test."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Tested)
    except (OSError, msgspec.DecodeError):
        return None


def scratch(settings: Settings) -> SecretRef | None:
    """The connection to the server that has room for a scratch database: never production's unless it is named."""
    return settings.prepare.scratch_dsn or settings.prepare.staging_dsn


def operation(
    settings: Settings, sessions: Path, dump: Path | None, connections: Connections | None, key: str = ""
) -> RestoreInScratch:
    """The test of this dump, or of the newest; `key` is its name where it was shown before. Raises NothingToTest."""
    if scratch(settings) is None:
        raise NothingToTest("no server for a scratch database is known: set prepare.scratch_dsn, a role with CREATEDB")
    known = dumps(sessions, settings)
    if dump is None and not known:
        raise NothingToTest("no dump is kept with the sessions of this deployment: name one with --dump FILE")
    return RestoreInScratch(Site(settings, settings.deployment.name, connections), dump or known[-1], key)


async def _tested(settings: Settings, sessions: Path, what: RestoreInScratch, do: Do, now: datetime) -> Tested:
    """Run the test and keep what came of it, a failure too."""
    why = ""
    try:
        await do(what)
    except OperationError as error:
        why = str(error)
    at = now.replace(microsecond=0)
    tested = Tested(dump=str(what.dump), digest=what.digest, at=at, why=why, rows=what.rows, database=what.key)
    await in_thread(_keep, path(sessions, settings.deployment.name), tested)
    return tested


@asynccontextmanager
async def _scratch_server(settings: Settings, like: Connections) -> AsyncIterator[Connections]:
    """Connections of their own to the scratch server; `like` gives clock and redactor."""
    ref = scratch(settings)
    there = settings if ref is None else msgspec.structs.replace(settings, postgres=Postgres(dsn=ref))
    connections = Connections(there, like.redactor, like.clock)
    try:
        yield connections
    finally:
        await connections.close()


async def restore_by(settings: Settings, sessions: Path, do: Do, like: Connections, shown: RestoreInScratch) -> Tested:
    """Run the test that was shown. Raises NothingToTest."""
    async with _scratch_server(settings, like) as connections:
        what = operation(settings, sessions, shown.dump, connections, shown.key)
        await connections.warm()
        return await _tested(settings, sessions, what, do, like.clock.now())


async def restore_alone(
    settings: Settings, sessions: Path, shown: RestoreInScratch, report: Report | None = None
) -> Tested:
    """The same without a session: nothing is written ahead, for nothing but the scratch database is touched. Raises
    NothingToTest."""
    like = Connections(settings, of_deployment(settings), SystemClock())
    return await restore_by(settings, sessions, lambda one: one.run(report or Silent()), like, shown)


async def sweep(settings: Settings, like: Connections) -> list[str]:
    """Drop what tests that were broken off have left; a sentence for each. Raises WorldError."""
    if scratch(settings) is None:
        return []
    async with _scratch_server(settings, like) as connections:
        return await swept(Site(settings, settings.deployment.name, connections))


async def _left(settings: Settings, like: Connections) -> tuple[str, ...]:
    """What such tests have left, where that can be seen: it takes nothing from the evidence."""
    if scratch(settings) is None:
        return ()
    try:
        async with _scratch_server(settings, like) as connections:
            names = await left(Site(settings, settings.deployment.name, connections))
    except WorldError:
        return ()
    return (f"left of a test that broke off, the next one drops it: {', '.join(names)}",) if names else ()


def _keep(file: Path, tested: Tested) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_bytes(msgspec.json.format(msgspec.json.encode(tested), indent=1))
    part.replace(file)


async def look(where: Where) -> Seen:
    """The newest dump can be read; the last restore's rows were equal, and no table of production is missing in it."""
    seen = await _judged(where)
    more = await _left(where.settings, where.place.connections)
    return replace(seen, found=(*seen.found, *more))


async def _judged(where: Where) -> Seen:
    kept = await in_thread(dumps, where.sessions, where.settings)
    tested = await in_thread(read, path(where.sessions, where.settings.deployment.name))
    newest = None
    if kept:
        newest = await in_thread(readable, kept[-1], where.settings.dump.pg_restore)
        if newest.status == FAILS:
            return newest
    if tested is None:
        if newest is None:
            mend = f"take a dump; then {TEST}"
            return Seen(UNKNOWN, ("no dump is kept with the sessions of this deployment",), mend)
        return newest
    name = Path(tested.dump).name
    if tested.why:
        return Seen(
            FAILS, (f"{name} was restored into {tested.database}: {tested.why}",), f"mend that; then {TEST}", tested.at
        )
    rows = sum(tested.rows.values())
    found = [f"{name} was restored into {tested.database}: {len(tested.rows)} tables and {rows} rows equal"]
    if missing := await _missing(where, tested):
        return Seen(
            FAILS, (*found, missing), "take a dump with a role that may read all tables, and test that", tested.at
        )
    if newest is not None and kept[-1].name != name:
        found.append(f"a newer dump, {kept[-1].name}, is readable and was not restored")
    return Seen(HOLDS, tuple(found), at=tested.at)


async def _missing(where: Where, tested: Tested) -> str:
    """Which of the tables that matter have rows in production and had none in the dump. Raises Unreachable."""
    here = dict(await versions.query(where.place.connections, _ROWS))
    lost = sorted(table for table, count in here.items() if count >= 1 and not tested.rows.get(f"public.{table}"))
    return f"production has rows in {', '.join(lost)}, and the dump had none" if lost else ""


def readable(dump: Path, pg_restore: str) -> Seen:
    """Whether a dump has its checksum and its list holds the task instances."""
    at = datetime.fromtimestamp(dump.stat().st_mtime, UTC)
    mend = "take another; a dump that cannot be read is none"
    if not dump.stat().st_size:
        return Seen(FAILS, (f"{dump.name} is empty",), mend, at)
    summed = dump.with_name(dump.name + SUM_SUFFIX)
    if summed.exists() and summed.read_text("utf-8").split()[:1] != [sha256(dump)]:
        return Seen(FAILS, (f"{dump.name} is not what it was: its checksum differs",), mend, at)
    try:
        ran = subprocess.run(
            [pg_restore, "-l", str(dump)], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except OSError as error:
        return Seen(UNKNOWN, (f"{pg_restore} cannot be started: {error.strerror}",), "set dump.pg_restore", at)
    except subprocess.TimeoutExpired:
        return Seen(UNKNOWN, (f"pg_restore -l did not end within {SECONDS:.0f} s",), "", at)
    if ran.returncode or PROOF not in ran.stdout:
        said = " ".join(ran.stderr.split())[:200] or "its list has no task instances"
        return Seen(FAILS, (f"{dump.name} cannot be read: {said}",), mend, at)
    return Seen(UNKNOWN, (f"{dump.name} is readable and lists task_instance; it was not restored yet",), TEST, at)
