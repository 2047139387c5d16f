"""The command line of the stand-in: Airflow's commands, options, exit codes and complaints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from migration_cockpit.rehearsal.standin.failures import AirflowFailure, end
from migration_cockpit.rehearsal.standin.logs import Log
from migration_cockpit.rehearsal.standin.releases import Release, UnknownReleaseError, release
from migration_cockpit.rehearsal.standin.settings import MissingSettingError, Settings, from_environment


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation: which release, its settings, its log and its parsed arguments."""

    release: Release
    settings: Settings
    log: Log
    args: argparse.Namespace


Handler = Callable[[Call], int]


def main(argv: list[str]) -> int:
    """Run `airflow` of release argv[0] with the arguments argv[1:]; returns its exit code."""
    from migration_cockpit.rehearsal.standin.commands.table import parser

    try:
        which = release(argv[0])
    except (IndexError, UnknownReleaseError) as error:
        sys.stderr.write(f"usage: standin VERSION AIRFLOW-ARGUMENTS...\n{error}\n")
        return 2
    args = parser(which).parse_args(argv[1:])
    try:
        settings = from_environment(which.is3)
    except MissingSettingError as error:
        sys.stderr.write(f"airflow.exceptions.AirflowConfigException: {error}\n")
        return 1
    handler: Handler = args.handler
    try:
        return handler(Call(which, settings, Log(which), args))
    except AirflowFailure as failure:
        end(failure)
    except BrokenPipeError:
        return 1


class AirflowParser(argparse.ArgumentParser):
    """argparse as Airflow dresses it: the whole help first, then one line with what was wrong, exit code 2."""

    removed: Mapping[str, str] = {}
    """Commands that this release once had -> what to type instead."""

    def error(self, message: str) -> NoReturn:
        """Print the help and the complaint; exit code 2."""
        for name, instead in self.removed.items():
            if f"invalid choice: {name!r}" in message:
                text = f"Command `airflow {name}` has been removed. Please use `airflow {instead}`"
                message = f"argument GROUP_OR_COMMAND: {text}"
        self.print_help()
        sys.stdout.flush()
        sys.stderr.write(f"\n{self.prog} command error: {message}, see help above.\n")
        raise SystemExit(2)
