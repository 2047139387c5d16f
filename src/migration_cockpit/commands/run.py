"""`run`: fly the migration of a real deployment."""

from __future__ import annotations

import argparse
import sys

from migration_cockpit.commands import (
    USAGE_ERROR,
    Command,
    config_option,
    configured,
    look_options,
    operator_option,
    rates_option,
    session_option,
)


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    config_option(parser)
    session_option(parser)
    parser.add_argument(
        "--new", action="store_true", help="start another session although one is unfinished; asks first"
    )
    operator_option(parser)
    rates_option(parser)
    look_options(parser)


def run(options: argparse.Namespace) -> int:
    """Fly it on the screen; returns the flight's exit code."""
    from migration_cockpit.app import painting_first

    with painting_first():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from migration_cockpit.launch import choose_session, fly_on_screen, operator_name
    from migration_cockpit.session.journal import JournalError

    settings = configured(options.config)
    try:
        directory = choose_session(settings.deployment.name, options.session, new=options.new)
    except JournalError as error:
        print(f"migration-cockpit: {error}", file=sys.stderr)
        return 1
    if directory is None:
        return USAGE_ERROR
    return fly_on_screen(
        settings,
        directory,
        operator=operator_name(options.operator),
        save_rates=options.save_rates,
        theme=options.theme,
        glyphs=options.glyphs,
    )


COMMAND = Command(
    "run",
    "fly the migration of a real deployment",
    """\
  migration-cockpit run --config config.toml          goes on with the deployment's unfinished session
  migration-cockpit run --config config.toml --new    starts another one""",
    options,
    run,
)
