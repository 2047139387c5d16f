"""The commands a person types, one module each: what it takes (`options`), examples, and what it does (`run`).

A module here imports nothing heavy at its top: that is done when its command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from migration_cockpit.config import Glyphs, Theme

if TYPE_CHECKING:
    from migration_cockpit.config import Settings

USAGE_ERROR = 2
"""Exit code of a usage or config error: nothing was touched."""


@dataclass(frozen=True)
class Command:
    """One command: its name, what it is for in half a sentence, examples, its options and what it does."""

    name: str
    what: str
    examples: str
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Returns the exit code. May raise ConfigError."""


def config_option(parser: argparse.ArgumentParser) -> None:
    """`--config`, as every command takes it that needs one."""
    parser.add_argument(
        "--config", type=Path, required=True, help="config.toml; config.example.toml documents every key"
    )


def configured(path: Path) -> Settings:
    """The settings of a config file, its keys held against those that the cockpit has. Raises ConfigError."""
    from migration_cockpit.config import load

    settings = load(path)
    if settings.screen.keys:
        from migration_cockpit.app.controls import more_keys

        more_keys(settings.screen.keys, path)
    return settings


def _directory(text: str) -> Path:
    # An unset shell variable: the session would be written into whatever directory is current.
    if not text.strip():
        raise argparse.ArgumentTypeError("found nothing, takes a directory's name")
    return Path(text)


def session_option(parser: argparse.ArgumentParser) -> None:
    """`--session`, as every command takes it that flies one."""
    parser.add_argument("--session", type=_directory, default=None, metavar="DIR", help="directory of the session")


def operator_option(parser: argparse.ArgumentParser) -> None:
    """`--operator`, as every command takes it that acts in somebody's name."""
    parser.add_argument("--operator", default=None, help="your name in the journal (default: the SSH user)")


def rates_option(parser: argparse.ArgumentParser) -> None:
    """`--save-rates`, as every command takes it that flies a migration."""
    words = "write what the migration's revisions took, for the config's estimate.rates"
    parser.add_argument("--save-rates", type=Path, default=None, metavar="FILE", help=words)


def look_options(parser: argparse.ArgumentParser) -> None:
    """`--theme` and `--glyphs`, as every command takes them that draws the screen."""
    words = "colours of the screen (default: the config's screen.theme; NO_COLOR outranks both)"
    parser.add_argument("--theme", default=None, choices=get_args(Theme), help=words)
    words = "what frames and signs are drawn with (default: the config's screen.glyphs)"
    parser.add_argument("--glyphs", default=None, choices=get_args(Glyphs), help=words)
