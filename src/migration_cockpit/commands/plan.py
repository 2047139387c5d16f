"""`plan`: print every step with its gates and exact commands."""

from __future__ import annotations

import argparse

from migration_cockpit.commands import Command, config_option, configured


def run(options: argparse.Namespace) -> int:
    """Print the plan; nothing is touched."""
    from migration_cockpit.playbook.plan import plan_text

    print(plan_text(configured(options.config)))
    return 0


COMMAND = Command(
    "plan",
    "print every step with its gates and exact commands; touches nothing",
    """\
  migration-cockpit plan --config config.example.toml""",
    config_option,
    run,
)
