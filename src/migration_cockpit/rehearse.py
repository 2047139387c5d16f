"""`migration-cockpit rehearse`: begin the embedded world, fly the cockpit in it, and leave nothing behind."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
import types
from pathlib import Path

from migration_cockpit.app import refused
from migration_cockpit.config import load
from migration_cockpit.launch import fly_headless, fly_on_screen, new_session, operator_name
from migration_cockpit.rehearsal import life
from migration_cockpit.session import journal
from migration_cockpit.session.journal import JournalError, SessionLock, make_directory

PAUSE = {"fast": 1.0, "real": 3.0}
"""Seconds between two keys of the autopilot on the screen: slow enough to be watched."""
HEADLESS_PAUSE = 0.05


def rehearse(options: argparse.Namespace) -> int:
    """Run a rehearsal and return the flight's exit code; 1 when the world cannot be started."""
    if options.headless and not options.autopilot:
        print(
            "migration-cockpit rehearse: --headless needs --autopilot, nobody else presses keys there", file=sys.stderr
        )
        return 2
    if not options.headless and refused("migration-cockpit rehearse"):  # before a world is begun for nothing
        return 2
    directory: Path = options.session.resolve() if options.session else new_session("rehearsal")
    world = directory / "world"
    try:
        pid = _enter(options, directory, world)
    except (JournalError, life.WorldError) as error:
        print(f"migration-cockpit rehearse: {error}", file=sys.stderr)
        return 1
    try:
        return _fly(options, directory, world)
    finally:
        try:
            if options.keep and life.is_world(pid):
                _keep(world, pid)
        finally:  # a terminal that is gone cannot be told anything; the world ends all the same
            if life.owner_of(world) == os.getpid():  # else another flight has taken it over
                life.end_process(pid)
                life.remove(world)


def _enter(options: argparse.Namespace, directory: Path, world: Path) -> int:
    """Take over the session's world, or begin it; returns its process.

    The session's lock is held meanwhile: whoever else flies it keeps their world. Raises JournalError when somebody
    does, or when the directory cannot be written; WorldError when there can be no world.
    """
    make_directory(directory)
    lock = SessionLock(directory)
    lock.take(f"{operator_name(options.operator)} on {socket.gethostname()}, process {os.getpid()}")
    try:
        for removed in life.sweep(keep=world):
            print(f"removed what a killed rehearsal left at {removed}")
        pid = life.attach(world)
        if pid is not None:
            print(f"going on in the world at {world}")
            return pid
        if (directory / journal.FILE).exists():
            raise life.WorldError(f"the world of session {directory} is gone; choose another --session")
        return life.begin(world, world_arguments(options), lambda line: print(f"… {line}", flush=True))
    finally:
        lock.release()


def _fly(options: argparse.Namespace, directory: Path, world: Path) -> int:
    os.environ.update(
        AWS_SHARED_CREDENTIALS_FILE=str(world / "aws-credentials"),
        AWS_CONFIG_FILE=str(world / "aws-config"),
        AWS_EC2_METADATA_DISABLED="true",
    )
    settings = load(world / "config.toml")
    operator = operator_name(options.operator)
    back = (options.rollback_after, options.by) if options.rollback_after else None
    rates: Path | None = options.save_rates.resolve() if options.save_rates else None
    if options.headless:
        return fly_headless(settings, directory, operator=operator, pause=HEADLESS_PAUSE, back=back, save_rates=rates)
    autopilot = PAUSE[options.pace] if options.autopilot else None
    return fly_on_screen(
        settings,
        directory,
        operator=operator,
        autopilot=autopilot,
        back=back,
        save_rates=rates,
        theme=options.theme,
        glyphs=options.glyphs,
    )


def _keep(world: Path, pid: int) -> None:
    print(f"the world runs on at {world} (config.toml, kubeconfig, helm in it); Ctrl-C ends it", flush=True)

    def end(_number: int, _frame: types.FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        while life.is_world(pid):
            time.sleep(1.0)
    except KeyboardInterrupt:
        return


def world_arguments(options: argparse.Namespace) -> list[str]:
    """The options of a rehearsal that shape its world, as the world's own arguments."""
    arguments = [
        f"--airflow={options.airflow}",
        f"--from={options.source}",
        f"--to={options.target}",
        f"--pace={options.pace}",
        f"--dags={options.dags}",
        f"--task-instances={options.task_instances}",
        f"--operator={operator_name(options.operator)}",
    ]
    # A database that is not RDS has a dump as its recovery point, and nothing else.
    arguments += ["--no-rds"] if options.rollback_after and options.by == "dump" else []
    arguments += ["--staging"] if options.staging else []
    arguments += [f"--connection={options.connection}", f"--repoint={options.repoint}"]
    return arguments + [f"--fault={name}" for name in options.fault]
