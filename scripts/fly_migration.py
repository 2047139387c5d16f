"""Fly the steps up to the database migration with Airflow itself, between any two releases, and say how it went.

    python -m scripts.fly_migration --from 2.10.5 --to 3.2.2
    python -m scripts.fly_migration --to 3.2.2 --unknown      as if its revisions and its schema were not shipped
    python -m scripts.fly_migration --airflow standin --to 3.9.0      a release that there is not

A release without a lock of ours is resolved as it was a few days after its release day; that needs `uv` and an index.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

from scripts.released_airflow import RESOLVED_ON

from migration_cockpit.advice import revisions, schema
from migration_cockpit.advice.progress import progress
from migration_cockpit.advice.revisions import Chain
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.playbook.runner import Refused
from migration_cockpit.rehearsal import life
from migration_cockpit.rehearsal.real import environment
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.fold import fold
from migration_cockpit.session.state import State

SECONDS = 900.0
STEPS = STEP_IDS[: STEP_IDS.index("migrate") + 1]


def lock(version: str) -> None:
    """Resolve a release that has no lock. Raises SystemExit where its day is not known or uv cannot do it."""
    if version in environment.versions():
        return
    if version not in RESOLVED_ON:
        raise SystemExit(f"no release day is known for Airflow {version}: add it to RESOLVED_ON of released_airflow.py")
    place = environment.resolved_locks()
    place.mkdir(parents=True, exist_ok=True)
    like = "2.11.2" if version.startswith("2.") else "3.2.2"
    wanted = (environment.REQUIREMENTS / f"airflow-{like}.in").read_text("utf-8").replace(f"=={like}", f"=={version}")
    # The FAB provider that our lock names may be younger than this release: the newest of its line by then.
    wanted = re.sub(r"(apache-airflow-providers-fab)==(\d+)\S*", r"\1>=\2,<\2.999", wanted)
    source = place / f"airflow-{version}.in"
    source.write_text(wanted, "utf-8")
    part = place / f"airflow-{version}.part"
    uv = os.environ.get("UV", "uv")  # `uv run` names itself there
    command = [uv, "pip", "compile", "--quiet", "--python-version", "3.11", "--universal", "--generate-hashes"]
    command += [str(source), "-o", str(part), "--exclude-newer", RESOLVED_ON[version]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Airflow {version} cannot be resolved: {done.stderr[-800:]}")
    part.replace(place / f"airflow-{version}.txt")


async def reason(cockpit: Cockpit, step: str) -> str:
    """Why step 5 goes past the gate that asks whether 2.11 ran before, where this very way is tried; else empty."""
    source = cockpit.settings.deployment.source_version
    if step != "migrate" or not source.startswith("2.10."):
        return ""
    failing = [gate.name for gate in (await cockpit.runner.sheet(step, "fly-migration")).failing]
    return f"{source} is tried on purpose" if failing == ["source version"] else ""


async def fly(world: Path, session: Path) -> Cockpit:
    """Fly the steps up to the migration, each as soon as its gates hold; returns the cockpit, stopped."""
    cockpit = Cockpit(load(world / "config.toml"), session, operator="fly-migration")
    await cockpit.start()
    clock = SystemClock()
    try:
        async with asyncio.timeout(SECONDS):
            for step in STEPS:
                while True:
                    try:
                        await cockpit.runner.start(step, "fly-migration", await reason(cockpit, step))
                        break
                    except Refused as error:
                        print(f"step {step}: {error}", flush=True)
                        await clock.sleep(1.0)
                while cockpit.runner.busy:
                    if (asked := cockpit.state.decision) is not None:
                        cockpit.answer(next(iter(asked.event.choices)))
                    await clock.sleep(0.2)
                told = cockpit.state.step(step)
                print(f"step {step}: {told.outcome} {told.why}", flush=True)
                if told.outcome != "verified":
                    break
            await clock.sleep(2.0)  # the verdict is judged every second
    finally:
        await cockpit.stop("the migration was flown")
    return cockpit


def verdicts(session: Path) -> list[str]:
    """The words in their order."""
    return [e.event.verdict for e in journal.read(session / journal.FILE) if isinstance(e.event, ev.VerdictChanged)]


def shares(session: Path) -> list[int]:
    """The thousandths of the migration's bar in their order."""
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    return [e.done for e in events if isinstance(e, ev.StepProgress) and e.step == "migrate" and e.total]


def upgrades(session: Path) -> list[str]:
    """Its log's lines that begin a revision."""
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    lines = [e.text for e in events if isinstance(e, ev.LogLine) and e.source == "job"]
    return [line for line in lines if "Running upgrade" in line]


@contextmanager
def forgotten(version: str) -> Iterator[None]:
    """Know nothing of a release and its minor version: neither its revisions nor its schema are shipped."""
    minor = version.rpartition(".")[0] + "."

    def other(name: str) -> bool:
        return not name.startswith(minor)

    known = revisions.core()
    kept = Chain(
        tuple(each for each in known.revisions if other(each.version)),
        {name: head for name, head in known.heads.items() if other(name)},
    )
    names = [name for name in schema.shipped_versions() if other(name)]
    with patch.object(revisions, "core", lambda: kept), patch.object(schema, "shipped_versions", lambda: names):
        schema.reference.cache_clear()
        yield
    schema.reference.cache_clear()


def arrivals(session: Path) -> int:
    """How often an end of the migration could be told, of its readings; told by the judge that the screen has."""
    state, found = State(), 0
    for entry in journal.read(session / journal.FILE):
        state = fold(state, entry.event, entry.t, entry.seq)
        if isinstance(entry.event, ev.DatabaseRead | ev.SourceBeat) and state.session is not None:
            far = progress(state, entry.t)
            found += far is not None and far.eta is not None
    return found


def rehearsed(source: str, target: str, place: Path, *, task_instances: int = 3000, airflow: str = "real") -> Cockpit:
    """Begin a world with both releases below `place`, fly, and take it down again."""
    world = place / "world"
    arguments = [f"--airflow={airflow}", f"--from={source}", f"--to={target}", f"--task-instances={task_instances}"]
    pid = life.begin(world, arguments, lambda line: print(f"… {line}", flush=True))
    try:
        os.environ.update(
            AWS_SHARED_CREDENTIALS_FILE=str(world / "aws-credentials"),
            AWS_CONFIG_FILE=str(world / "aws-config"),
            AWS_EC2_METADATA_DISABLED="true",
        )
        return asyncio.run(fly(world, place / "session"))
    finally:
        life.end_process(pid)
        life.remove(world)


def main() -> int:
    """0 when the migration is DONE by the reference of the target's schema."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fly_migration", description=__doc__)
    parser.add_argument("--from", dest="source", default="2.11.2", metavar="VERSION")
    parser.add_argument("--to", dest="target", default="3.2.2", metavar="VERSION")
    parser.add_argument("--task-instances", type=int, default=3000)
    parser.add_argument("--airflow", choices=("real", "standin"), default="real")
    parser.add_argument("--unknown", action="store_true", help="as if nothing of the target were shipped")
    given = parser.parse_args()
    for version in (given.source, given.target) if given.airflow == "real" else ():
        lock(version)
    with tempfile.TemporaryDirectory() as scratch, forgotten(given.target) if given.unknown else nullcontext():
        place = Path(scratch)
        cockpit = rehearsed(
            given.source, given.target, place, task_instances=given.task_instances, airflow=given.airflow
        )
        step, session = cockpit.state.step("migrate"), place / "session"
        for check in step.checks:
            print(f"  {'✔' if check.holds and check.known else '✘'} {check.name}: {check.found}")
        took = (step.ended - step.started).total_seconds() if step.started and step.ended else 0.0
        words = " ".join(verdicts(session))
        done = shares(session)
        told = f"the bar went to {max(done, default=0) / 10:.0f} %, an end was told {arrivals(session)} times"
        print(
            f"{given.source} → {given.target}: {len(upgrades(session))} revisions, step 5 {took:.0f} s, {words}; {told}"
        )
        return 0 if step.outcome == "verified" and words.endswith("DONE") else 1


if __name__ == "__main__":
    sys.exit(main())
