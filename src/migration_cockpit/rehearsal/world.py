"""The embedded world: one process that starts every server of a rehearsal on loopback and takes them all down again."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from migration_cockpit.rehearsal import faults, life, release
from migration_cockpit.rehearsal.building import Options, build, stage
from migration_cockpit.rehearsal.pace import choose

GRACE = 120.0
"""Seconds that a world without an owner waits for a flight to be started again."""


def main() -> int:
    """Run a world until its owner is gone or it is asked to end."""
    options = _options()
    note = life.register(options.directory)
    try:
        asyncio.run(_run(options))
    finally:
        note.unlink(missing_ok=True)
    return 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m migration_cockpit.rehearsal.world")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--airflow", choices=["standin", "real"], default="standin")
    parser.add_argument("--from", dest="source", default="2.11.2")
    parser.add_argument("--to", dest="target", default="3.2.2")
    parser.add_argument("--pace", choices=["fast", "real"], default="fast")
    parser.add_argument("--dags", type=int, default=30)
    parser.add_argument("--task-instances", type=int, default=20_000)
    parser.add_argument("--no-rds", dest="rds", action="store_false")
    parser.add_argument("--staging", action="store_true")
    parser.add_argument("--connection", choices=release.CONNECTIONS, default=release.CHARTS)
    parser.add_argument("--repoint", choices=["swap", "secret"], default="swap")
    parser.add_argument("--operator", default="")
    parser.add_argument("--fault", action="append", default=[])
    given = parser.parse_args()
    pace = choose(given.pace, airflow=given.airflow).hastened(faults.limits_of(given.fault))
    counts = (given.dags, given.task_instances, tuple(given.fault))
    places = (given.dir.resolve(), given.airflow, given.source, given.target)
    return Options(*places, pace, *counts, given.rds, given.staging, given.connection, given.repoint, given.operator)


async def _run(options: Options) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(_start(options, stack))
        ending = asyncio.create_task(ended.wait())
        owner = asyncio.create_task(_owner_gone(options.directory))
        await asyncio.wait({starting, ending, owner}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()  # raises what went wrong; it stands in the log then
            await asyncio.wait({ending, owner}, return_when=asyncio.FIRST_COMPLETED)
        for task in (starting, ending, owner):
            task.cancel()
        await asyncio.gather(starting, ending, owner, return_exceptions=True)


async def _owner_gone(directory: Path) -> None:
    """Return when no living process has owned the world for the time of grace."""
    gone_since: float | None = None
    while True:
        if life.alive(life.owner_of(directory)):
            gone_since = None
        elif gone_since is None:
            gone_since = time.monotonic()
        elif time.monotonic() - gone_since > GRACE:
            return
        await asyncio.sleep(1.0)


async def _start(options: Options, stack: AsyncExitStack) -> None:
    """Build it, and say that it is ready."""
    await build(options, stack)
    ready = {"pid": os.getpid(), "started": time.time(), "id": secrets.token_hex(4)}
    part = options.directory / "world.part"
    part.write_text(json.dumps(ready), encoding="utf-8")
    part.replace(options.directory / life.READY)
    stage("ready")


if __name__ == "__main__":
    sys.exit(main())
