"""config.toml as typed settings.

An error names the file, the key, what was found there and what is taken.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from .checks import ConfigError, check, version_tuple
from .places import anchor
from .sections import (
    STEP_IDS,
    Airflow,
    Cadence,
    Dags,
    Deployment,
    Dump,
    Estimate,
    Glyphs,
    Grafana,
    Helm,
    Kubernetes,
    Limits,
    Postgres,
    Prepare,
    Queries,
    Rds,
    Rollback,
    Schedule,
    Screen,
    SecretRef,
    Section,
    Settings,
    Slack,
    Theme,
)

__all__ = [
    "STEP_IDS",
    "Airflow",
    "Cadence",
    "ConfigError",
    "Dags",
    "Deployment",
    "Dump",
    "Estimate",
    "Glyphs",
    "Grafana",
    "Helm",
    "Kubernetes",
    "Limits",
    "Postgres",
    "Prepare",
    "Queries",
    "Rds",
    "Rollback",
    "Schedule",
    "Screen",
    "SecretRef",
    "Section",
    "Settings",
    "Slack",
    "Theme",
    "load",
    "parse",
    "version_tuple",
]


def load(path: Path) -> Settings:
    """Read and check a config file.

    Raises ConfigError for an unreadable file, a file that is not TOML, a missing or unknown key, a wrong type, a
    version that is not supported or times out of order.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); config.toml is a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{path}: is not a config.toml: brackets within brackets, too deep to be read") from None
    return parse(raw, path)


def parse(raw: dict[str, Any], path: Path) -> Settings:
    """Turn the tables of a config file into settings; `path` is named in errors and anchors relative paths."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        from .explain import explain  # with the first error

        raise ConfigError(f"{path}: {explain(str(error), raw)}") from error
    check(settings, path)
    return anchor(settings, path.parent)
