"""The command line: parses it and hands over to the command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from migration_cockpit import __version__, crash, streams
from migration_cockpit.commands import USAGE_ERROR, Command
from migration_cockpit.config import ConfigError

COMMANDS = (
    "rehearse",
    "init",
    "check",
    "prepare",
    "day",
    "plan",
    "run",
    "failures",
    "report",
    "replay",
    "watch",
    "verify",
)
"""By name, in the order in which the help lists them. Each is the module of that name in `commands`."""

EXAMPLES = """\
  migration-cockpit rehearse                          fly a migration in an embedded world, nothing else needed
  migration-cockpit init                              find your release, write a config.toml for it
  migration-cockpit check --config config.toml        is everything the playbook needs there and right?
  migration-cockpit prepare --config config.toml      what must be so before the day, by evidence or sign-off
  migration-cockpit plan --config config.toml         every step with its exact commands, touching nothing
  migration-cockpit run --config config.toml          fly the migration
  migration-cockpit failures xcom-nan                 a known failure: what you see, why, and the mend
  migration-cockpit report SESSION -o report.html     what happened, for the post-mortem
  migration-cockpit replay SESSION --at step:5        the same screen again, from any moment"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 2 for a usage or config error, else as each command says."""
    if argv is None:  # the process is this program's own
        crash.install()
        streams.spell_out()
    given = sys.argv[1:] if argv is None else argv
    parser = _parser(given)
    options = parser.parse_args(given)
    if options.command is None:
        parser.print_help()
        return 0
    gc.enable()  # the process's entry has it off
    try:
        return _command(options.command).run(options)
    except ConfigError as error:
        print(f"migration-cockpit: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # Whoever read has gone, `| head` say: nothing more can be said, at the interpreter's end neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  # the boundary: a defect is told in full, but without secrets
        print(crash.report(error), file=sys.stderr)
        return 1


def _command(name: str) -> Command:
    found: Command = import_module(f"migration_cockpit.commands.{name}").COMMAND
    return found


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Where a command is given, that one alone is loaded: the screen comes sooner."""
    parser = _Parser(
        prog="migration-cockpit",
        description="Fly an Airflow 2.10/2.11 to 3.x migration from one terminal screen.",
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"migration-cockpit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
    for name in given[:1] if given and given[0] in COMMANDS else COMMANDS:
        command = _command(name)
        command.options(_subparser(commands, command))
    return parser


class _Parser(argparse.ArgumentParser):
    """Usage errors are one clear sentence and exit code 2."""

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse says NoReturn; exit() raises
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


def _subparser(commands: argparse._SubParsersAction[_Parser], command: Command) -> _Parser:
    return commands.add_parser(
        command.name,
        help=command.what,
        description=command.what[0].upper() + command.what[1:] + ".",
        epilog=f"examples:\n{command.examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
