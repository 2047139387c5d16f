"""`python -m tests.flight.torture`: kill -9 at every named point and at many random moments, and look what is left.

Each flight ends only when all its kills are spent; then it must be verified to the end, with nothing lost that was
acknowledged, no call made twice that must not be, and a journal whose chain is whole. What was done is kept in a
directory (`--dir`), so that an interrupted torture goes on with what is left: a flight counts once it was looked at.

`--back STEP WAY` tortures that way back instead, from that step: `--back smoke restore`; with `--repoint secret` the
connection is changed instead of swapped, with `--job end` it goes back while the Job of step 5 is at work. `--real`
kills ten times while the migration of Airflow itself runs, a tenth of its revisions between two kills.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from migration_cockpit.advice.progress import PARTS
from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.playbook.rollback.plan import DUMP, END, JOB_CHOICES
from migration_cockpit.rehearsal.configure import CANARY
from migration_cockpit.session import journal
from migration_cockpit.session.events import LogLine, RollbackEnded, RollbackStageEnded, RollbackStarted, StepProgress
from migration_cockpit.session.journal import SessionLock
from tests.flight import migration_kills, points
from tests.flight import world as rehearsal
from tests.flight.migration_kills import job_log
from tests.flight.points import Point

FLIGHT_SECONDS = 1800
"""A flight with all its kills that takes longer hangs."""
LEAST, MOST = 0.3, 12.0
"""Seconds of life between two random kills."""
A_FLIGHT, NAMED = 10, 50
"""Kills in one flight: random ones, and at most so many at named points."""
ONCE = {"CreateDBSnapshot", "RestoreDBInstanceFromDBSnapshot", "create jobs"}
"""Calls that must not be made twice with the same key; renaming an instance is another."""
VERIFIED = [(step, "verified") for step in STEP_IDS]


@dataclass
class Flight:
    """One session in one world, over all its lives."""

    world: Path
    session: Path
    back: tuple[str, str] | None = None
    """The step after which it flies back, and the way."""
    job: str = ""
    """What becomes of the migration Job that is at work then; empty when none is."""
    kills: int = 0
    hit: list[Point] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> Path:
        """Numbers of the events whose record was through."""
        return self.session.with_suffix(".acknowledged")

    def life(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the cockpit, the first time or again."""
        order = ["--back", *self.back] if self.back else []
        order += ["--job", self.job] if self.job else []
        noted = ("--acknowledged", str(self.acknowledged))
        command = rehearsal.killable(self.world, self.session, *noted, *order, *options)
        log = (self.session.parent / "flight.log").open("ab")
        with log:
            return subprocess.Popen(
                command, cwd=rehearsal.ROOT, env=rehearsal.environment(self.world), stdout=log, stderr=log
            )

    def check(self, returncode: int) -> None:
        """Look at what the flight has left, while its world still runs."""
        entries = list(journal.read(self.session / journal.FILE))
        events = [entry.event for entry in entries]
        self._must(returncode == 0, f"the last life ended with {returncode}")
        self._must(rehearsal.chain_is_whole(self.session), "the chain is broken")
        written = {entry.seq for entry in entries}
        lost = [int(line) for line in self.acknowledged.read_text().split() if int(line) not in written]
        self._must(not lost, f"acknowledged and lost: {lost}")
        twice = {name: count for name, count in not_repeatable(self.world).items() if count > 1}
        self._must(not twice, f"made twice: {twice}")
        lines = [event.text for event in events if isinstance(event, LogLine) and event.source == "job"]
        printed = job_log(self.world)
        # Of a Job that was ended nobody heard the last lines.
        self._must(
            lines == printed or self.job == END,
            f"{len(lines)} lines of the migration are recorded, {len(printed)} were printed",
        )
        told = [event for event in events if isinstance(event, StepProgress)]
        shares = [event.done for event in told if event.step == "migrate" and event.total == PARTS]
        self._must(shares == sorted(shares), "the progress of the migration fell")
        if self.back is None:
            outcomes = [told for told in rehearsal.steps_of(self.session) if told[1] not in {"started", "failed"}]
            self._must(outcomes == VERIFIED, f"steps ended {outcomes}")
            return
        begun = [event for event in events if isinstance(event, RollbackStarted)]
        stages = [(e.stage, e.outcome) for e in events if isinstance(e, RollbackStageEnded)]
        self._must(len(begun) == 1, f"{len(begun)} ways back were begun")
        planned = [(stage.stage, "verified") for each in begun for stage in each.stages]
        self._must(stages == planned, f"stages ended {stages}")
        ended = [event.outcome for event in events if isinstance(event, RollbackEnded)]
        self._must(ended in (["rolled back"], ["aborted"]), f"the way back ended {ended}")

    def _must(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)


def not_repeatable(world: Path) -> dict[str, int]:
    """How often each call that must not be made twice arrived at the emulated servers."""
    counted: dict[str, int] = {}
    for (who, call, key), count in rehearsal.made(world).items():
        if who == "helm" and call in {"upgrade", "rollback"}:
            counted[f"helm {call}"] = counted.get(f"helm {call}", 0) + count
        elif call in ONCE or (call == "ModifyDBInstance" and "->" in key):
            counted[f"{call} {key}"] = count
    return counted


@contextmanager
def flight(directory: Path, back: tuple[str, str] | None, world: Sequence[str], job: str = "") -> Iterator[Flight]:
    """A flight in a world of its own, which is taken down afterwards. What an interrupted one left is put away."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    # As a rehearsal does: a database that is not RDS has a dump as its recovery point.
    given = (*world, *(["--no-rds"] if back and back[1] == DUMP else []))
    with rehearsal.world(directory / "world", *given) as running:
        # A canary that was paused on purpose: it is paused again, which is an operation too.
        rehearsal.pause_dag(running, CANARY)
        yield Flight(running, directory / "session", back, job)


def at_points(
    directory: Path,
    wanted: list[Point],
    back: tuple[str, str] | None = None,
    world: Sequence[str] = (),
    job: str = "",
) -> Flight:
    """One flight that is killed at each of the points that it comes to."""
    with flight(directory, back, world, job) as flown:
        left, file = list(wanted), directory / "points"
        deadline = time.monotonic() + FLIGHT_SECONDS
        while True:
            file.write_text(json.dumps([[each.moment, each.kind, each.name] for each in left]), encoding="utf-8")
            code = flown.life("--points", str(file)).wait(max(1.0, deadline - time.monotonic()))
            if code != -signal.SIGKILL:
                break
            hit = Point(*json.loads(file.with_suffix(".hit").read_text(encoding="utf-8")))
            left.remove(hit)
            flown.kills += 1
            flown.hit.append(hit)
        flown.check(code)
    return flown


def at_random(directory: Path, dice: random.Random, kills: int) -> Flight:
    """One flight that is killed at random moments, as often as is wanted or as it lives."""
    with flight(directory, None, ()) as flown:
        deadline = time.monotonic() + FLIGHT_SECONDS
        while True:
            life = flown.life()
            try:
                left = deadline - time.monotonic()
                code = life.wait(min(left, dice.uniform(LEAST, MOST)) if flown.kills < kills else left)
                break
            except subprocess.TimeoutExpired:
                life.kill()
                life.wait()
                flown.kills += 1
                if time.monotonic() > deadline:
                    raise
        flown.check(code)
    return flown


def while_it_migrates(directory: Path, world: Sequence[str]) -> Flight:
    """One flight that is killed ten times while its migration runs, and flown to its end then."""
    with flight(directory, None, world) as flown:
        shown = directory / "shown"

        def start() -> subprocess.Popen[bytes]:
            return flown.life("--shown", str(shown))

        for killed in migration_kills.kill_while_it_runs(flown.world, flown.session, start):
            flown.kills += 1
            print(f"kill {flown.kills}: {killed.words()}", flush=True)
            if not (killed.active and killed.agreed):
                flown.problems.append(f"kill {flown.kills} missed the migration: {killed.words()}")
        code = start().wait(FLIGHT_SECONDS)
        flown.check(code)
        looks = migration_kills.looked_at(flown.session, flown.world, shown)
        flown.problems += looks.problems
        print(f"the end rested on: {'; '.join(looks.bases)}", flush=True)
    return flown


@dataclass
class Progress:
    """What is done, on disk after each flight."""

    path: Path
    seed: int
    hit: list[str] = field(default_factory=list)
    random_kills: int = 0
    flights: int = 0
    problems: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path, seed: int) -> Progress:
        """What an earlier torture has done, or nothing."""
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"seed": seed}
        return cls(path, **known)

    def save(self) -> None:
        """Keep it."""
        kept = {name: getattr(self, name) for name in ("seed", "hit", "random_kills", "flights", "problems")}
        self.path.write_text(json.dumps(kept, indent=1), encoding="utf-8")

    def flown(self, flown: Flight, what: str) -> None:
        """A flight is over."""
        self.flights += 1
        self.hit += [str(point) for point in flown.hit]
        self.problems += [f"{what} ({flown.session}): {problem}" for problem in flown.problems]
        self.save()
        print(f"{what}: {flown.kills} kills, {'; '.join(flown.problems) or 'all as it must be'}", flush=True)


def main() -> int:
    """Torture; 1 when anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--dir", type=Path, default=Path("torture"), help="what was done is kept here")
    parser.add_argument("--random", type=int, default=100, metavar="N", help="kills at random moments")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="only while the migration runs, and that of Airflow itself")
    parser.add_argument("--back", nargs=2, metavar=("STEP", "WAY"), help="torture this way back, from this step")
    parser.add_argument("--repoint", choices=["swap", "secret"], default="swap", help="how Airflow finds the database")
    parser.add_argument("--job", choices=JOB_CHOICES, default="", help="go back while the Job of step 5 is at work")
    parser.add_argument("--only", nargs="*", metavar="WORD", help="only the named points with one of these words in it")
    given = parser.parse_args()
    directory: Path = given.dir.resolve()
    settings = load(rehearsal.ROOT / "config.example.toml")
    back, named, moments = None, points.every(settings), given.random
    if given.back:
        back = (given.back[0], given.back[1])
        rollback = msgspec.structs.replace(settings.rollback, repoint=given.repoint)
        settings = msgspec.structs.replace(settings, rollback=rollback)
        named, moments = points.of_the_way_back(settings, back[1], given.job), 0
        other = [given.job, given.repoint if given.repoint != "swap" else ""]
        directory /= "-".join([*back, *filter(None, other)])
    if given.only:
        named, moments = [point for point in named if any(word in str(point) for word in given.only)], 0
    world: tuple[str, ...] = ("--airflow=real",) if given.real else (f"--repoint={given.repoint}",)
    if given.real:
        directory /= "real"
    # Else the migration is over before anybody has typed what ends it.
    world += ("--task-instances=200000",) if given.job else ()
    directory.mkdir(parents=True, exist_ok=True)
    lock = SessionLock(directory)
    lock.take(f"a torture, process {os.getpid()}")  # two in one directory would take each other's worlds away
    progress = Progress.load(directory / "torture.json", given.seed)
    begun = time.monotonic()
    if given.real:
        flown = while_it_migrates(directory / f"migration-{progress.flights}", world)
        progress.flown(flown, "while Airflow's own migration runs")
        print(f"{time.monotonic() - begun:.0f} s")
        return 1 if progress.problems else 0
    left = [point for point in named if str(point) not in progress.hit]
    while left:
        wanted, left = left[:NAMED], left[NAMED:]
        what = f"{len(wanted)} of {len(named)} named points"
        progress.flown(at_points(directory / f"points-{progress.flights}", wanted, back, world, given.job), what)
    while progress.random_kills < moments:
        seed = f"{progress.seed}-{progress.random_kills}"
        kills = min(A_FLIGHT, moments - progress.random_kills)
        flown = at_random(directory / f"random-{progress.flights}", random.Random(seed), kills)  # noqa: S311 - no secret
        progress.random_kills += max(1, flown.kills)
        progress.flown(flown, f"random moments, seed {seed}")
    missed = [str(point) for point in named if str(point) not in progress.hit]
    print(f"{len(named) - len(missed)} of {len(named)} named points, {progress.random_kills} random kills,")
    print(f"{progress.flights} flights, {time.monotonic() - begun:.0f} s; never reached: {missed or 'none'}")
    for problem in progress.problems:
        print(f"PROBLEM {problem}")
    return 1 if progress.problems or missed else 0


if __name__ == "__main__":
    sys.exit(main())
