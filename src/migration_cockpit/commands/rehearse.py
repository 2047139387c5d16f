"""`rehearse`: fly in an embedded world on this machine."""

from __future__ import annotations

import argparse
import sys

from migration_cockpit.commands import USAGE_ERROR, Command, look_options, operator_option, rates_option, session_option
from migration_cockpit.config import STEP_IDS


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}, takes a whole number above zero")
    return value


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
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
    parser.add_argument("--staging", action="store_true", help="with a staging on the target version, for `day D-7`")
    parser.add_argument(
        "--connection",
        choices=["chart", "external-secrets", "pgbouncer"],
        default="chart",
        help="who owns the connection to the database: the chart's Secret, External Secrets, or PgBouncer's "
        "configuration (default: %(default)s)",
    )
    parser.add_argument(
        "--repoint",
        choices=["swap", "secret"],
        default="swap",
        help="how Airflow finds the restored database: rollback.repoint (default: %(default)s)",
    )
    session_option(parser)
    parser.add_argument("--autopilot", action="store_true", help="press the keys by itself")
    parser.add_argument("--headless", action="store_true", help="no screen: a line per event and a final table")
    parser.add_argument("--keep", action="store_true", help="leave the world running after the flight, until Ctrl-C")
    parser.add_argument(
        "--rollback-after",
        choices=STEP_IDS,
        metavar="STEP",
        help="fly back once this step has ended, or where the flight fails before it; with --autopilot",
    )
    parser.add_argument(
        "--by",
        choices=["restore", "dump", "downgrade"],
        default="restore",
        help="the way back once the schema has moved; dump rehearses a database without RDS (default: %(default)s)",
    )
    operator_option(parser)
    rates_option(parser)
    look_options(parser)


def run(options: argparse.Namespace) -> int:
    """Fly in an embedded world; returns the flight's exit code."""
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
    if options.rollback_after and not options.autopilot:
        print(
            "migration-cockpit rehearse: --rollback-after needs --autopilot, nobody else begins the way back then",
            file=sys.stderr,
        )
        return USAGE_ERROR
    from migration_cockpit.rehearsal.airflow import unsupported

    if why := unsupported(options.airflow, options.source, options.target):
        print(f"migration-cockpit rehearse: {why}", file=sys.stderr)
        return USAGE_ERROR
    from migration_cockpit.rehearse import rehearse

    return rehearse(options)


COMMAND = Command(
    "rehearse",
    "fly in an embedded world on this machine",
    """\
  migration-cockpit rehearse                          press the keys yourself
  migration-cockpit rehearse --autopilot              watch it fly
  migration-cockpit rehearse --headless --autopilot   no screen: a line per event, a table at the end
  migration-cockpit rehearse --fault canary-fails     what does it look like when tasks do not run?
  migration-cockpit rehearse --headless --autopilot --rollback-after smoke --by downgrade
                                                      and back again: exit code 0 when 2.x works as before
  migration-cockpit rehearse --airflow real           with Airflow itself, installed on first use""",
    options,
    run,
)
