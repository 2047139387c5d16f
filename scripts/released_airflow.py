"""Airflow releases for the generators: which exist, and an environment in which each can be asked.

The two versions that have a lock come from the rehearsal's cache; the others are installed as they were on the day of
their release, into `generators/` of the same cache.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from migration_cockpit.rehearsal.real import environment

RELEASED = (
    *("2.10.3", "2.10.4", "2.10.5", "2.11.0", "2.11.1", "2.11.2"),
    *("3.0.0", "3.0.1", "3.0.2", "3.0.3", "3.0.4", "3.0.6"),
    *("3.1.0", "3.1.1", "3.1.2", "3.1.3", "3.1.5", "3.1.6", "3.1.7", "3.1.8"),
    *("3.2.0", "3.2.1", "3.2.2"),
    *("3.3.0", "3.3.1", "3.3.2"),
)
"""Every release from the first one with the last 2.x schema on, yanked and skipped numbers left out."""

RESOLVED_ON = {
    "2.10.5": "2025-02-12",
    "3.0.2": "2025-06-14",
    "3.0.6": "2025-09-05",
    "3.1.7": "2026-02-10",
    "3.1.8": "2026-03-20",
    "3.3.2": "2026-09-17",
}
"""A day or a few after the release: packages newer than this are not considered."""

INSPECTED = ("2.11.2", "3.0.6", "3.1.8", "3.2.2", "3.3.2")
"""The last release of each line: these are installed and asked."""
REFERENCES = ("2.11.2", "3.0.2", "3.0.6", "3.1.7", "3.1.8", "3.2.2", "3.3.2")
"""The last release with each schema head: these give the references."""


def version_key(version: str) -> tuple[int, ...]:
    """Sort key of a release number."""
    return tuple(int(part) for part in version.split("."))


def install(version: str) -> Path:
    """The environment of one of the INSPECTED or REFERENCES releases, installed on first use."""
    if version in environment.versions():
        return environment.ensure(version, print)
    path = environment.cache_directory() / "generators" / f"airflow-{version}"
    marker = path / environment.MARKER
    if not marker.exists():
        print(f"installing Airflow {version}")
        packages = [f"apache-airflow[statsd]=={version}", "apache-airflow-providers-fab", "psycopg2-binary", "asyncpg"]
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", "3.11", str(path)], check=True)
        pip = ["uv", "pip", "install", "--quiet", "--python", str(path / "bin" / "python"), "--compile-bytecode"]
        subprocess.run([*pip, "--exclude-newer", RESOLVED_ON[version], *packages], check=True)
        marker.touch()
    return path


def variables(home: Path, connection: str | None = None) -> dict[str, str]:
    """The process environment for Airflow's own programs, talking to the database `connection`."""
    result = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PYTHONWARNINGS": "ignore",
    }
    if connection is not None:
        result["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = connection
    return result


def repository() -> Path:
    """The root of the checkout this script stands in."""
    return Path(__file__).resolve().parent.parent
