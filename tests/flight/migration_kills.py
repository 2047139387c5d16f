"""kill -9 of the cockpit at ten moments of a migration that runs, and what each next start makes of it.

The migration's pod is held back as the kernel does with one that has used up its share of the CPU, so that the Job runs
on, slowly, while cockpits die and start; each kill waits until the migration is a tenth further and the new cockpit has
recorded lines of its log.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from migration_cockpit.advice import revisions
from migration_cockpit.advice.progress import progress
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.fold import fold
from migration_cockpit.session.fold.migration import LOG_SOURCE
from migration_cockpit.session.state import State
from tests.flight import killable
from tests.flight import world as rehearsal
from tests.pace import PATIENCE

WAY = ("2.11.2", "3.2.2")
KILLS = 10
WORKS, SLEEPS = 0.005, 0.5
"""Seconds of every turn in which a pod works that is held back, and in which it sleeps."""
FLIGHT_SECONDS = 800.0
FREE = 0.02
"""Seconds of every turn in which it works while it is not held back."""
BRAKE = """
create function brake() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return null; end';
create trigger brake before update on alembic_version for each statement execute function brake();
"""
"""Each revision takes so long at least: where many want a core, a stop comes late."""
BEGINS = "Running upgrade "
"""In a line of the migration's log: a revision begins."""


class Life(Protocol):
    """A cockpit's process."""

    @property
    def pid(self) -> int | None:
        """Its number."""

    def kill(self) -> None:
        """End it with SIGKILL."""

    def poll(self) -> int | None:
        """Its exit code, minus the signal that ended it; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The same, waited for. Raises TimeoutExpired or TimeoutError."""


@dataclass
class Killed:
    """What was seen at a kill."""

    seq: int
    """The last event that the killed cockpit wrote."""
    number: int
    """Revisions that had begun, by the pod's log."""
    active: bool
    """Whether the Job was at work right after the kill."""
    agreed: bool
    """Whether the revision that the cockpit told was the database's."""

    def words(self) -> str:
        """In a line."""
        at = "at work" if self.active else "NOT at work"
        told = "told right" if self.agreed else "NOT told right"
        return f"event {self.seq}, revision {self.number} {told}, migration {at}"


@dataclass
class Looks:
    """What one pass over the journal found."""

    problems: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    """On what the time of arrival rested at each start that found the migration at work."""


class Throttle:
    """Holds the migration's pod back once it has begun `allowed` revisions."""

    def __init__(self, world: Path) -> None:
        self._world = world
        self.allowed = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Throttle:
        rehearsal.as_owner(self._world, BRAKE)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        rehearsal.as_owner(self._world, "drop function brake() cascade")

    def begun(self) -> int:
        """Revisions that the pod's log says were begun."""
        return sum(BEGINS in line for line in job_log(self._world))

    def _run(self) -> None:
        while not self._over.is_set():
            self._signal(signal.SIGSTOP)
            held = self.begun() >= self.allowed
            self._over.wait(SLEEPS if held else 0)
            self._signal(signal.SIGCONT)
            # Short turns on the way there too: on a loaded machine a stop that comes late lets it run far past.
            time.sleep(WORKS if held else FREE)

    def _signal(self, number: int) -> None:
        for file in self._world.glob("pods/*-db-migrate-*/*/pid"):
            with suppress(ProcessLookupError, ValueError):
                os.killpg(int(file.read_text()), number)


def job_log(world: Path) -> list[str]:
    """What the migration's pods have printed."""
    logs = sorted(world.glob("pods/*-db-migrate-*/*/*.log"), key=lambda path: path.stat().st_mtime)
    lines = [line.split(" ", 3) for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
    return [line[3] for line in lines if len(line) == 4]


def kill_while_it_runs(world: Path, session: Path, start: Callable[[], Life], kills: int = KILLS) -> list[Killed]:
    """Start a cockpit, kill it while the migration runs, and so on; the last one is left to the caller to start."""
    killed = []
    whole = len(revisions.way(*WAY))
    with Throttle(world) as throttle:
        for number in range(1, kills + 1):
            # Short of the end: the last one must still find the migration at work.
            throttle.allowed = number * whole // (kills + 2)
            life = start()
            try:
                killed.append(_killed(world, session, life, throttle))
            finally:
                life.kill()
                life.wait(PATIENCE)
    return killed


def _killed(world: Path, session: Path, life: Life, throttle: Throttle) -> Killed:
    """Wait until this cockpit is at the migration's log and kill it."""
    deadline = time.monotonic() + PATIENCE
    agreed = False
    while time.monotonic() < deadline and life.poll() is None:
        time.sleep(0.05)
        # No session of ours before the migration runs: the gates would see it.
        if not _lines(session, life.pid) or throttle.begun() < throttle.allowed:
            continue
        # The log is followed, and the migration goes on: what is told is between what was and what is.
        before, state = _committed(world), _state(session)
        told = progress(state, state.t) if state.t is not None else None
        agreed = told is not None and before <= told.number <= _committed(world) + 1
        if agreed:
            break
    life.kill()
    code = life.wait(PATIENCE)
    assert code == -signal.SIGKILL, f"it ended by itself, with {code}"
    entries = list(journal.read(session / journal.FILE))
    return Killed(entries[-1].seq, throttle.begun(), _active(world), agreed)


def _lines(session: Path, pid: int | None) -> int:
    """Lines of the Job's log that this process has recorded."""
    lines, driver = 0, None
    with suppress(journal.JournalError, FileNotFoundError):
        for entry in journal.read(session / journal.FILE):
            if isinstance(entry.event, ev.DriverChanged):
                lines, driver = 0, entry.event.pid
            lines += isinstance(entry.event, ev.LogLine) and entry.event.source == LOG_SOURCE
    return lines if driver == pid else 0


def _state(session: Path) -> State:
    """What the journal says now."""
    state = State()
    for entry in journal.read(session / journal.FILE):
        state = fold(state, entry.event, entry.t, entry.seq)
    return state


def _committed(world: Path) -> int:
    """Revisions that the database has."""
    rows = rehearsal.query(world, "select version_num from alembic_version")
    place = revisions.place(rows[0][0], *WAY)
    return place[0] if place else 0


def _active(world: Path) -> bool:
    """Whether a migration's session is on the database: the program itself, whatever the cluster's status says."""
    sql = "select count(*) from pg_stat_activity where application_name = 'airflow-db-migrate'"
    return bool(rehearsal.query(world, sql)[0][0])


def looked_at(session: Path, world: Path, shown: Path) -> Looks:
    """One pass over the journal of a flight whose migration is over: what it must be, whatever was killed."""
    found = Looks()
    told = {int(line["seq"]): line for line in map(json.loads, shown.read_text("utf-8").splitlines())}
    state, bar = State(), 0.0
    lines: list[str] = []
    for entry in journal.read(session / journal.FILE):
        before, state = state, fold(state, entry.event, entry.t, entry.seq)
        if isinstance(entry.event, ev.LogLine) and entry.event.source == LOG_SOURCE:
            lines.append(entry.event.text)
        if isinstance(entry.event, ev.MigrationMeasured) and before.migration.job:
            found.problems.append(f"the tables were measured again after the Job was intended, at event {entry.seq}")
        far = progress(state, entry.t)
        if far is not None:
            if far.share < bar:
                found.problems.append(f"the bar fell from {bar:.4f} to {far.share:.4f} at event {entry.seq}")
            bar = far.share
        if entry.seq in told and far is not None and far.eta is not None:
            was = progress(before, entry.t)
            if (had := killable.said(was.eta if was else None)) != (now := told[entry.seq]["eta"]):
                found.problems.append(f"before the kill the end was {had}, the next start says {now}")
            if told[entry.seq]["share"] != far.share:
                found.problems.append(f"the next start shows {told[entry.seq]['share']}, it was {far.share}")
            found.bases.append(far.eta.rests)
    printed = job_log(world)
    if lines != printed:
        found.problems.append(f"{len(lines)} lines of the migration are recorded, {len(printed)} were printed")
    if len(jobs := {pod.parent.name for pod in world.glob("pods/*-db-migrate-*/*")}) != 1:
        found.problems.append(f"pods of the migration: {jobs}")
    return found


class Forked:
    """A cockpit's process, forked from one that has loaded its program already: it starts in a third of the time."""

    LOG = "flight.log"
    """The file beside the session to which its output is added."""

    def __init__(self, world: Path, session: Path, *options: str) -> None:
        arguments = [str(world / "config.toml"), str(session), *options]
        log = str(session.parent / self.LOG)
        self._process = _context().Process(target=_fly, args=(arguments, rehearsal.environment(world), log))
        self._process.start()

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def poll(self) -> int | None:
        """Its exit code, or None."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises TimeoutError."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError("the cockpit does not end")
        return self._process.exitcode


def fly_once(
    world: Path, session: Path, point: Sequence[str] = (), *, back: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """As rehearsal.fly_once, by a process that need not load its program."""
    points, log = world / "points", session.parent / Forked.LOG
    points.write_text(json.dumps([list(point)] if point else []), encoding="utf-8")
    printed = log.stat().st_size if log.exists() else 0
    options = ["--points", str(points), *(["--back", *back] if back else [])]
    life = Forked(world, session, *options)
    try:
        code = life.wait(FLIGHT_SECONDS)
    finally:
        life.kill()
    said = log.read_bytes()[printed:].decode(errors="replace")
    return subprocess.CompletedProcess(options, code, said, "")


def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flight.killable", *LOADED])
    return context


LOADED = ("migration_cockpit.cockpit.headless", "migration_cockpit.connections", "boto3", "psycopg", "httpx")
"""What a cockpit loads when it starts."""


def _fly(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """In the forked process: the output goes to a file, the rest is killable's."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.clear()
    os.environ.update(environment)
    raise SystemExit(killable.main(arguments))
