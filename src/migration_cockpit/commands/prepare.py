"""`prepare`: the prerequisites of migration day, by evidence or by a person's word."""

from __future__ import annotations

import argparse
import json
import os
import sys

from migration_cockpit.commands import USAGE_ERROR, Command, config_option, operator_option

WIDEST = 120


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("action", nargs="?", choices=["sign"], help="sign a prerequisite off in your name")
    parser.add_argument("id", nargs="?", metavar="ID", help="which one, by id or number")
    config_option(parser)
    parser.add_argument("--note", default="", help="with sign: what you looked at, who approved it; required")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    operator_option(parser)


def run(options: argparse.Namespace) -> int:
    """Print the prerequisites, 1 when one is not ready; or sign one off."""
    from migration_cockpit.config import load
    from migration_cockpit.launch import sessions_home
    from migration_cockpit.playbook.prepare.signoffs import SignOffError

    settings = load(options.config)
    try:
        if options.action == "sign":
            return _sign(options, settings.deployment.name, settings.prepare.stale_days)
        import asyncio
        from datetime import UTC, datetime

        from migration_cockpit.playbook.prepare import examine
        from migration_cockpit.playbook.prepare.printed import as_data, as_table

        results = asyncio.run(examine(settings, sessions=sessions_home(), now=datetime.now(UTC)))
    except SignOffError as error:
        print(f"migration-cockpit prepare: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps([as_data(each) for each in results], indent=2, ensure_ascii=False))
    else:
        print(as_table(results, width=_width()))
    return 0 if all(each.ready for each in results) else 1


def _sign(options: argparse.Namespace, deployment: str, stale_days: float) -> int:
    from datetime import UTC, datetime

    from migration_cockpit.launch import operator_name, sessions_home
    from migration_cockpit.playbook.prepare import PREREQUISITES, by_id, signoffs

    asked = by_id(options.id or "")
    if asked is None:
        names = ", ".join(each.id for each in PREREQUISITES)
        found = f"{options.id} is no prerequisite" if options.id else "which one is not said"
        print(f"migration-cockpit prepare: {found}; there are {names}", file=sys.stderr)
        return USAGE_ERROR
    if not options.note.strip():
        print("migration-cockpit prepare: --note is missing: say what you looked at", file=sys.stderr)
        return USAGE_ERROR
    name = operator_name(options.operator)
    signed = signoffs.SignOff(asked.id, name, datetime.now(UTC).replace(microsecond=0), options.note.strip())
    signoffs.add(signoffs.path(sessions_home(), deployment), signed)
    print(f"{name} has signed {asked.number} {asked.id}: {asked.sign}. It counts for {stale_days:g} days.")
    return 0


def _width() -> int:
    try:
        return min(WIDEST, os.get_terminal_size().columns)
    except OSError:
        return WIDEST


COMMAND = Command(
    "prepare",
    "check the fifteen prerequisites of migration day by evidence, or sign one off",
    """\
  migration-cockpit prepare --config config.toml
  migration-cockpit prepare --config config.toml --json | jq -r '.[] | select(.status == "fails") | .id'
  migration-cockpit prepare sign window --config config.toml --note "approved in CAB 4711"
  migration-cockpit prepare sign 10 --config config.toml --operator ada --note "texts shown to support" """.rstrip(),
    options,
    run,
)
