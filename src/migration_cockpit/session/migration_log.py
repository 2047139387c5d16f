"""What a line of `airflow db migrate` says of its progress, in the formats of 2.x and 3.x."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RUNNING = re.compile(r"Running (?:upgrade|stamp_revision) (\S*) -> (\w+)(?:, (.*?))?(?:\s+\[alembic|$)")
_ROWS = re.compile(r"Migrated (\d+) (\w+) rows")
_CONF = re.compile(r"converting dag run conf\. batch=(\d+)")
_DONE = re.compile(r"Database migrat(?:ion|ing) done!")


@dataclass(frozen=True)
class Begun:
    """`Running upgrade a -> b, message`: printed when b starts; a is committed then."""

    before: str
    revision: str
    message: str


@dataclass(frozen=True)
class Batch:
    """Rows of the running revision: `rows` more, or `at` so many in all."""

    rows: int = 0
    at: int | None = None


@dataclass(frozen=True)
class Finished:
    """The last line of a migration that worked."""


def read(text: str) -> Begun | Batch | Finished | None:
    """What a line says; None when it says nothing of the progress."""
    if begun := _RUNNING.search(text):
        return Begun(begun[1], begun[2], (begun[3] or "").replace("``", "").rstrip("."))
    if rows := _ROWS.search(text):
        return Batch(rows=int(rows[1]))
    if conf := _CONF.search(text):
        return Batch(at=int(conf[1]) - 1)
    return Finished() if _DONE.search(text) else None
