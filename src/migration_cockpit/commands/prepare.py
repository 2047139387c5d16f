"""`prepare`: the prerequisites of migration day, by evidence or by a person's word."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.commands import USAGE_ERROR, Command, config_option, configured, operator_option
from migration_cockpit.commands.paper import width

if TYPE_CHECKING:
    from migration_cockpit.config import Settings

WIDEST = 120


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=["sign", "test-backup"],
        help="sign a prerequisite off in your name, or restore a dump into a scratch database and compare its rows",
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="which one, by id or number")
    config_option(parser)
    parser.add_argument("--note", default="", help="with sign: what you looked at, who approved it; required")
    parser.add_argument(
        "--dump", type=Path, metavar="FILE", help="with test-backup: this one; default: the newest of the sessions"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    operator_option(parser)


def run(options: argparse.Namespace) -> int:
    """Print the prerequisites, 1 when one is not ready; or sign one off."""
    from migration_cockpit.playbook.prepare.signoffs import SignOffError
    from migration_cockpit.session.places import sessions_home

    settings = configured(options.config)
    try:
        if options.action == "sign":
            return _sign(options, settings.deployment.name, settings.prepare.stale_days)
        if options.action == "test-backup":
            return _test_backup(options.dump, settings)
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
        print(as_table(results, width=width(WIDEST)))
    return 0 if all(each.ready for each in results) else 1


def _sign(options: argparse.Namespace, deployment: str, stale_days: float) -> int:
    from datetime import UTC, datetime

    from migration_cockpit.launch import operator_name
    from migration_cockpit.playbook.prepare import PREREQUISITES, by_id, signoffs
    from migration_cockpit.session.places import sessions_home

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


def _test_backup(dump: Path | None, settings: Settings) -> int:
    """Print what will be done, do it, keep what came of it as evidence; 1 where the rows are not equal."""
    import asyncio

    from migration_cockpit.actions.operation import Silent
    from migration_cockpit.playbook.prepare import backup
    from migration_cockpit.session.places import sessions_home

    class Lines(Silent):
        """Prints what is said beside the result."""

        def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
            """Print it."""
            print(f"  {text}")

    if dump is not None and not dump.is_file():
        print(f"migration-cockpit prepare: {dump} is no file", file=sys.stderr)
        return USAGE_ERROR
    try:
        shown = backup.operation(settings, sessions_home(), dump, None)
    except backup.NothingToTest as error:
        print(f"migration-cockpit prepare: {error}", file=sys.stderr)
        return USAGE_ERROR
    for command in shown.describe():
        print(f"  {command.text}" + (f"   # {command.what}" if command.what else ""))
    tested = asyncio.run(backup.restore_alone(settings, sessions_home(), shown, Lines()))
    if tested.why:
        print(f"✘ {tested.why}")
        return 1
    print(f"✔ {len(tested.rows)} tables and {sum(tested.rows.values())} rows are equal; {tested.database} is dropped")
    return 0


COMMAND = Command(
    "prepare",
    "check the fifteen prerequisites of migration day by evidence, or sign one off",
    """\
  migration-cockpit prepare --config config.toml
  migration-cockpit prepare --config config.toml --json | jq -r '.[] | select(.status == "fails") | .id'
  migration-cockpit prepare test-backup --config config.toml      restore the newest dump, compare, drop it again
  migration-cockpit prepare sign window --config config.toml --note "approved in CAB 4711"
  migration-cockpit prepare sign 10 --config config.toml --operator ada --note "texts shown to support" """.rstrip(),
    options,
    run,
)
