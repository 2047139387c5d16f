"""Log lines as Airflow writes them: structlog's in 3.1 and later, bracketed ones before. All go to stdout."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.releases import Release

_MIGRATION = "alembic.runtime.migration"
_PLUGINS = ("schemas", "tables", "types", "constraints", "defaults", "comments")


class Log:
    """Writes the lines of one release.

    Plain `print` lines stay in Python's buffer until the next log line unless PYTHONUNBUFFERED is set, as in the
    real one.
    """

    def __init__(self, release: Release) -> None:
        self.structured = release.structured_log

    def info(self, message: str, logger: str, loc: str, **fields: object) -> None:
        """One line at level info; `loc` is "file.py:line"."""
        self._line("info", message, logger, loc, fields)

    def warning(self, message: str, logger: str, loc: str, **fields: object) -> None:
        """One line at level warning."""
        self._line("warning", message, logger, loc, fields)

    def error(self, message: str, logger: str, loc: str, **fields: object) -> None:
        """One line at level error."""
        self._line("error", message, logger, loc, fields)

    def plain(self, text: str) -> None:
        """A line without time or level: what a revision prints with `print`."""
        sys.stdout.write(text + "\n")

    def context(self) -> None:
        """The two lines with which alembic opens each of its contexts."""
        impl, ddl = ("migration.py:210", "migration.py:213") if self.structured else ("migration.py:205",) * 2
        self.info("Context impl PostgresqlImpl.", _MIGRATION, impl)
        self.info("Will assume transactional DDL.", _MIGRATION, ddl)

    def running(self, what: str, before: str, after: str, message: str = "") -> None:
        """Alembic's line at the start of a revision; `what` is upgrade, downgrade or stamp_revision."""
        tail = f", {message}" if message else ""
        loc = "migration.py:621" if self.structured else "migration.py:616"
        self.info(f"Running {what} {before} -> {after}{tail}", _MIGRATION, loc)

    def plugin_noise(self) -> None:
        """The lines that alembic 1.18 and later puts on stdout before anything else, JSON output included."""
        for name in _PLUGINS:
            self.info(f"setup plugin alembic.autogenerate.{name}", "alembic.runtime.plugins", "plugins.py:37")

    def _line(self, level: str, message: str, logger: str, loc: str, fields: dict[str, object]) -> None:
        now = datetime.now(UTC)
        if self.structured:
            pairs = " ".join(f"{key}={value}" for key, value in sorted({**fields, "loc": loc}.items()))
            stamp = f"{now:%Y-%m-%dT%H:%M:%S.%f}Z"
            text = f"{stamp} [{level:<9}] {message:<30} [{logger}] {pairs}"
        else:
            stamp = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}+0000"
            extra = "".join(f" {value}" for value in fields.values())
            text = f"[{stamp}] {{{loc}}} {level.upper()} - {message}{extra}"
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
