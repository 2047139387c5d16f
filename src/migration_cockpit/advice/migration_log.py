"""How far a database migration is, from what `airflow db migrate` of 2.x and 3.x prints."""

from __future__ import annotations

import re

from migration_cockpit.advice import revisions

_RUNNING = re.compile(r"Running upgrade (\S*) -> (\w+)(?:, (.*?))?(?:\s+\[alembic|$)")
_ROWS = re.compile(r"Migrated (\d+) (\w+) rows")
_CONF = re.compile(r"converting dag run conf\. batch=(\d+)")


class MigrationLog:
    """Reads line by line; a line that says something of the progress gives its words and the count of revisions.

    The line `Running upgrade a -> b` is printed when b starts: b is not committed before the next one.
    """

    def __init__(self, source: str, target: str) -> None:
        """`source` and `target` are Airflow versions."""
        self._source, self._target = source, target
        self._done, self._total = 0, 0
        self._title = ""
        self._rows = 0

    def read(self, text: str) -> tuple[str, int, int] | None:
        """The progress after this line: words, revisions committed, revisions in all; None when it says nothing."""
        if running := _RUNNING.search(text):
            return self._started(running[2], running[3] or "")
        if not self._title:
            return None
        if rows := _ROWS.search(text):
            self._rows += int(rows[1])
            return f"{self._title} · {self._rows} {rows[2]} rows", self._done, self._total
        if conf := _CONF.search(text):
            return f"{self._title} · {conf[1]} DAG runs looked at", self._done, self._total
        return None

    def _started(self, revision: str, message: str) -> tuple[str, int, int]:
        self._rows = 0
        place = revisions.place(revision, self._source, self._target)
        message = message.replace("``", "").rstrip(".")
        if place is None:
            self._title = f"{revision}: {message}"
        else:
            number, self._total = place
            # A resumed log begins in the middle; what came before is committed.
            self._done = number - 1
            self._title = f"revision {number} of {self._total}, {revision}: {message}"
        return self._title, self._done, self._total
