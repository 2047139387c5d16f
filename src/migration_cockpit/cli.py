"""The commands a person types. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from migration_cockpit import __version__
from migration_cockpit.config import ConfigError

USAGE_ERROR = 2

EXAMPLES = {
    "": """\
  migration-cockpit rehearse                          fly a migration in an embedded world, nothing else needed
  migration-cockpit check --config config.toml        is everything the playbook needs there and right?
  migration-cockpit plan --config config.toml         every step with its exact commands, touching nothing
  migration-cockpit run --config config.toml          fly the migration""",
    "rehearse": """\
  migration-cockpit rehearse                          press the keys yourself
  migration-cockpit rehearse --autopilot              watch it fly
  migration-cockpit rehearse --headless --autopilot   no screen: a line per event, a table at the end
  migration-cockpit rehearse --fault canary-fails     what does it look like when tasks do not run?
  migration-cockpit rehearse --airflow real           with Airflow itself, installed on first use""",
    "run": """\
  migration-cockpit run --config config.toml          goes on with the deployment's unfinished session
  migration-cockpit run --config config.toml --new    starts another one""",
    "plan": """\
  migration-cockpit plan --config config.example.toml""",
    "check": """\
  migration-cockpit check --config config.toml
  migration-cockpit check --config config.toml --json | jq '.[] | select(.ok | not)'""",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 2 for a usage or config error, else as each command says."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        code = _COMMANDS[options.command](options)
    except ConfigError as error:
        print(f"migration-cockpit: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="migration-cockpit",
        description="Fly an Airflow 2.10/2.11 to 3.x migration from one terminal screen.",
        epilog=f"examples:\n{EXAMPLES['']}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"migration-cockpit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
    _rehearse_options(_command(commands, "rehearse", "fly in an embedded world on this machine"))
    run = _command(commands, "run", "fly the migration of a real deployment")
    _config_option(run)
    _session_option(run)
    run.add_argument("--new", action="store_true", help="start another session although one is unfinished; asks first")
    run.add_argument("--operator", default=None, help="your name in the journal (default: the SSH user)")
    _config_option(_command(commands, "plan", "print every step with its gates and exact commands; touches nothing"))
    check = _command(commands, "check", "try every connection the playbook needs and say what is wrong")
    _config_option(check)
    check.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


class _Parser(argparse.ArgumentParser):
    """Usage errors are one clear sentence and exit code 2."""

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse says NoReturn; exit() raises
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


def _command(commands: argparse._SubParsersAction[_Parser], name: str, what: str) -> _Parser:
    return commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=f"examples:\n{EXAMPLES[name]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, required=True, help="config.toml; config.example.toml documents every key"
    )


def _session_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--session", type=Path, default=None, metavar="DIR", help="directory of the session")


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}, takes a whole number above zero")
    return value


def _rehearse_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--airflow", choices=["standin", "real"], default="standin", help="a small stand-in, or Airflow"
    )
    parser.add_argument("--from", dest="source", default="2.11.2", metavar="VERSION", help="default: %(default)s")
    parser.add_argument("--to", dest="target", default="3.2.2", metavar="VERSION", help="default: %(default)s")
    parser.add_argument(
        "--pace", choices=["fast", "real"], default="fast", help="waits of seconds, or the playbook's own"
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="make something go wrong; repeatable"
    )
    parser.add_argument("--list-faults", action="store_true", help="print the faults and the step that each breaks")
    parser.add_argument("--dags", type=_positive, default=30, metavar="N", help="default: %(default)s")
    parser.add_argument("--task-instances", type=_positive, default=20_000, metavar="N", help="default: %(default)s")
    _session_option(parser)
    parser.add_argument("--autopilot", action="store_true", help="press the keys by itself")
    parser.add_argument("--headless", action="store_true", help="no screen: a line per event and a final table")
    parser.add_argument("--keep", action="store_true", help="leave the world running after the flight, until Ctrl-C")
    parser.add_argument("--operator", default=None, help="your name in the journal (default: the SSH user)")


def _rehearse(options: argparse.Namespace) -> int:
    from migration_cockpit.rehearsal import faults

    if options.list_faults:
        for fault in faults.FAULTS.values():
            print(f"{fault.name:24} {fault.step:10} {fault.sentence}")
        return 0
    for name in options.fault:
        if name not in faults.FAULTS:
            known = ", ".join(faults.FAULTS)
            print(f"migration-cockpit rehearse: {name} is not a fault; there are {known}", file=sys.stderr)
            return USAGE_ERROR
    from migration_cockpit.rehearsal.airflow import unsupported

    if why := unsupported(options.airflow, options.source, options.target):
        print(f"migration-cockpit rehearse: {why}", file=sys.stderr)
        return USAGE_ERROR
    from migration_cockpit.rehearse import rehearse

    return rehearse(options)


def _run(options: argparse.Namespace) -> int:
    from migration_cockpit.config import load
    from migration_cockpit.launch import choose_session, fly_on_screen, operator_name
    from migration_cockpit.session.journal import JournalError

    settings = load(options.config)
    try:
        directory = choose_session(settings.deployment.name, options.session, new=options.new)
    except JournalError as error:
        print(f"migration-cockpit: {error}", file=sys.stderr)
        return 1
    if directory is None:
        return USAGE_ERROR
    return fly_on_screen(settings, directory, operator=operator_name(options.operator))


def _plan(options: argparse.Namespace) -> int:
    from migration_cockpit.config import load
    from migration_cockpit.playbook.plan import plan_text

    print(plan_text(load(options.config)))
    return 0


def _check(options: argparse.Namespace) -> int:
    import asyncio

    from migration_cockpit.config import load
    from migration_cockpit.playbook.preflight import as_json, as_table, examine

    findings = asyncio.run(examine(load(options.config)))
    print(as_json(findings) if options.json else as_table(findings, width=_width()))
    return 0 if all(finding.ok for finding in findings) else 1


def _width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 120


_COMMANDS = {"rehearse": _rehearse, "run": _run, "plan": _plan, "check": _check}
