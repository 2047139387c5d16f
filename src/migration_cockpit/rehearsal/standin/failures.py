"""How a failing Airflow process ends: SQLAlchemy's and psycopg2's words around PostgreSQL's own message."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import psycopg

# The class SQLAlchemy wraps it in, and the key of its "Background on this error" address, by SQLSTATE class.
_WRAPPERS = {
    "22": ("DataError", "9h9h"),
    "23": ("IntegrityError", "gkpj"),
    "25": ("InternalError", "2j85"),
    "42": ("ProgrammingError", "f405"),
    "57": ("OperationalError", "e3q8"),
    "55": ("OperationalError", "e3q8"),
}


class AirflowFailure(Exception):
    """Something the real command would end with: a traceback whose last line is `text`, exit code `code`."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def database_failure(error: psycopg.Error, statement: str, sqlalchemy: str = "20") -> AirflowFailure:
    """`error` of `statement` as the last lines of the real traceback; `sqlalchemy` is 14 or 20 (its version)."""
    state = error.sqlstate or ""
    wrapper, key = _WRAPPERS.get(state[:2], ("OperationalError", "e3q8"))
    inner = type(error).__name__ if state else "OperationalError"
    module = "psycopg2.errors" if state else "psycopg2"
    message = str(error).strip()
    if not state:
        message = "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n"
        message += "\tbefore or while processing the request."
    lines = [
        f"{module}.{inner}: {message}",
        "",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        f"sqlalchemy.exc.{wrapper}: ({module}.{inner}) {message}",
        "",
        f"[SQL: {statement}]",
        f"(Background on this error at: https://sqlalche.me/e/{sqlalchemy}/{key})",
    ]
    return AirflowFailure("\n".join(lines))


def end(failure: AirflowFailure) -> NoReturn:
    """Print `failure` the way Python prints an uncaught exception, and leave with its exit code."""
    sys.stdout.flush()
    sys.stderr.write("Traceback (most recent call last):\n")
    sys.stderr.write('  File "/home/airflow/.local/bin/airflow", line 8, in <module>\n    sys.exit(main())\n')
    sys.stderr.write(failure.text + "\n")
    sys.stderr.flush()
    raise SystemExit(failure.code)
