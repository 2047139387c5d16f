"""`check`: try every connection that the playbook needs."""

from __future__ import annotations

import argparse

from migration_cockpit.commands import Command, config_option, configured
from migration_cockpit.commands.paper import width


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    config_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 when something is wrong."""
    import asyncio

    from migration_cockpit.playbook.preflight import as_json, as_table, examine

    findings = asyncio.run(examine(configured(options.config)))
    print(as_json(findings) if options.json else as_table(findings, width=width(120)))
    return 0 if all(finding.ok for finding in findings) else 1


COMMAND = Command(
    "check",
    "try every connection the playbook needs and say what is wrong",
    """\
  migration-cockpit check --config config.toml
  migration-cockpit check --config config.toml --json | jq '.[] | select(.ok | not)'""",
    options,
    run,
)
