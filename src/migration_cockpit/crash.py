"""What a defect says when it ends the program or one of its threads: its traceback, without secrets and variables."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType

REPORT = (
    "migration-cockpit: this is a defect; nothing in the cluster was stopped by it, and the session can be gone on with"
)


def install() -> None:
    """Let every way in which Python itself tells of an exception pass the redactors of this process."""
    sys.excepthook = _ended
    threading.excepthook = _thread_ended
    sys.unraisablehook = _unraisable
    if logging.lastResort is not None:  # where asyncio tells of a task that nobody waited for
        logging.lastResort.setFormatter(_Formatter("%(message)s"))


def told(error: BaseException | None = None) -> str:
    """The traceback of an exception, by default of the one that is being dealt with, cleaned of secrets."""
    error = error or sys.exception()
    return cleaned("".join(traceback.format_exception(error))) if error else ""


def cleaned(text: str) -> str:
    """The text without any secret that this process knows, or nothing of it."""
    try:
        from migration_cockpit.session.redact import clean_everywhere

        return clean_everywhere(text)
    except Exception as error:  # noqa: BLE001  # while the interpreter ends, or without memory: silence before a leak
        return f"(what was to be said cannot be cleaned of secrets: {type(error).__name__})\n"


def report(error: BaseException) -> str:
    """The traceback of a defect that ends the program, and what it means."""
    return told(error) + REPORT


def _ended(_kind: type[BaseException], error: BaseException, _where: TracebackType | None) -> None:
    print(report(error), file=sys.stderr)


def _thread_ended(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not isinstance(given.exc_value, SystemExit):
        print(told(given.exc_value), end="", file=sys.stderr)


def _unraisable(given: sys.UnraisableHookArgs) -> None:
    if given.exc_value is not None:
        print(told(given.exc_value), end="", file=sys.stderr)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return cleaned(super().format(record))
