"""How long the slow revisions take by the size of what they rewrite; built in, or measured on one's own copy.

How the built-in rates stand to each other are the medians of seven migrations by Airflow itself of 100,000 to 1,000,000
task instances, each taken by the pace of its own machine: PostgreSQL 18 six times, quiet, loaded and on one core, and
PostgreSQL 15 once. How high they are is from two more, PostgreSQL 18 on two cores that nobody else used: nine tenths of
what those medians were. The one with PostgreSQL 15 took three quarters of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from migration_cockpit.config import Settings


@dataclass(frozen=True)
class Rate:
    """What one revision costs."""

    table: str
    """Whose rows it goes through; `conf` is the DAG runs whose conf is converted one by one."""
    seconds: float
    """For each million rows."""
    measured: float
    """Millions of rows at which that was measured."""
    by_row: bool = False
    """One statement a row from the client: each costs a round trip as well."""
    row_bytes: float = 0.0
    """Bytes a row had where it was measured, when larger rows take longer in proportion."""
    batches: float = 0.0
    """Share of its time that it prints batches for."""


@dataclass(frozen=True)
class Rates:
    """Rates by revision, and what they were measured on."""

    by_revision: Mapping[str, Rate]
    start: float = 3.5
    """Seconds until the first revision begins."""
    end: float = 0.7
    """Seconds from the last line to the program's end."""
    base: float = 0.014
    """Seconds of a revision that rewrites nothing."""
    own: bool = False
    """Measured on a copy of one's own, not the built-in ones."""
    said: str = "built-in rates"


BUILT_IN = Rates(
    {
        "1cdc775ca98f": Rate("dag_run", 1.3, 0.1),
        "d59cbbef95eb": Rate("task_instance", 64.0, 0.8, batches=0.88),
        "d8cd3297971e": Rate("task_instance", 1.1, 0.8),
        "2b47dc6bc8df": Rate("task_instance", 0.45, 0.8),
        "eed27faa34e3": Rate("xcom", 24.0, 0.3, row_bytes=343.0),
        "e39a26ac59f6": Rate("conf", 320.0, 0.1, by_row=True, batches=1.0),
        "6a9e7a527a88": Rate("dag_run", 24.0, 0.1),
        "7645189f3479": Rate("task_instance_history", 364.0, 0.055, by_row=True),
        "cf87489a35df": Rate("task_instance", 0.18, 0.8),
        "d469d27e2a64": Rate("task_reschedule", 30.0, 0.05),
        "29ce7909c52b": Rate("task_instance_history", 2.3, 0.055),
        "3ac9e5732b1f": Rate("task_instance", 0.24, 0.8),
        "82dbd68e6171": Rate("task_reschedule", 0.72, 0.05),
        "edc4f85a4619": Rate("log", 0.22, 0.5),
        "888b59e02a5b": Rate("task_instance", 0.9, 0.8),
        "9ff64e1c35d3": Rate("task_instance", 0.32, 0.8),
    }
)


class RatesError(Exception):
    """A file of rates that cannot be used; the message names file, place, what was found and the mend."""


def load(path: Path) -> Rates:
    """Rates from a file that `save` wrote; what it does not name is built in. Raises RatesError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RatesError(f"{path}: cannot be read: {error.strerror or error}; run with --save-rates again") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RatesError(f"{path}: is not TOML: {error}; run with --save-rates again") from error
    found = dict(BUILT_IN.by_revision)
    revisions = raw.get("revision", {})
    if not isinstance(revisions, dict):
        raise RatesError(f"{path}: revision: found {revisions!r}, takes tables [revision.<id>]")
    for revision, values in revisions.items():
        found[revision] = _rate(path, revision, values)
    start = raw.get("start", BUILT_IN.start)
    if not _number(start):
        raise RatesError(f"{path}: start: found {start!r}, takes seconds above zero")
    return Rates(found, start=float(start), own=True, said=f"rates of {raw.get('measured', path.name)}")


@cache
def _loaded(path: str) -> Rates:
    return load(Path(path))


def of(settings: Settings) -> Rates:
    """The rates that the config names, else the built-in ones. Raises RatesError."""
    return _loaded(settings.estimate.rates) if settings.estimate.rates else BUILT_IN


def _rate(path: Path, revision: str, values: Any) -> Rate:
    place = f"{path}: revision.{revision}"
    before = BUILT_IN.by_revision.get(revision)
    if before is None:
        raise RatesError(f"{place}: is not a revision whose cost depends on sizes; remove the table")
    if not isinstance(values, dict):
        raise RatesError(f"{place}: found {values!r}, takes a table with seconds_per_million and rows")
    seconds: Any = values.get("seconds_per_million")
    rows: Any = values.get("rows")
    if not _number(seconds):
        raise RatesError(f"{place}.seconds_per_million: found {seconds!r}, takes a number above zero")
    if not _number(rows):
        raise RatesError(f"{place}.rows: found {rows!r}, takes a number of rows above zero")
    row_bytes = values.get("row_bytes", before.row_bytes)
    if row_bytes and not _number(row_bytes):
        raise RatesError(f"{place}.row_bytes: found {row_bytes!r}, takes bytes above zero")
    return Rate(
        before.table,
        float(seconds),
        float(rows) / 1e6,
        # A measured rate has the round trips in it.
        by_row=before.by_row,
        row_bytes=float(row_bytes),
        batches=before.batches,
    )


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e12


@dataclass(frozen=True)
class Found:
    """What a finished revision took."""

    revision: str
    seconds: float
    rows: float
    row_bytes: float = 0.0


def toml(found: list[Found], start: float | None, measured: str) -> str:
    """The text of a file of rates. `measured` says on what and when."""
    lines = [
        "# Rates of a database migration, measured; the config's key estimate.rates names this file.",
        f'measured = "{measured}"',
    ]
    lines += [f"start = {start:.2f}"] if start else []
    for each in found:
        lines += ["", f"[revision.{each.revision}]", f"seconds_per_million = {each.seconds / each.rows * 1e6:.4g}"]
        lines += [f"rows = {each.rows:.0f}"]
        lines += [f"row_bytes = {each.row_bytes:.1f}"] if each.row_bytes else []
    return "\n".join(lines) + "\n"
