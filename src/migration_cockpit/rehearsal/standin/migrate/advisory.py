"""The lock that keeps two migrations apart, with the mistake the real one makes.

It is a session-level `pg_advisory_lock(1)` on a connection of its own, which stays `idle in transaction` for the whole
migration. The wait is meant to be 30 minutes, but `SET LOCK_TIMEOUT to 1800` is milliseconds in PostgreSQL: the second
migration gives up after 1.8 s.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from migration_cockpit.rehearsal.standin.database import connect
from migration_cockpit.rehearsal.standin.failures import AirflowFailure, database_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABORTED = "current transaction is aborted, commands ignored until end of transaction block"


@contextmanager
def migration_lock(dsn: str) -> Iterator[None]:
    """Hold the lock for the length of the block; raises AirflowFailure when it cannot be had or given back."""
    session = connect(dsn, autocommit=False)
    try:
        _take(session)
        yield
        _give_back(session)
    finally:
        session.close()


def _take(session: psycopg.Connection[tuple[object, ...]]) -> None:
    session.execute("SET LOCK_TIMEOUT to 1800")
    try:
        session.execute("SELECT pg_advisory_lock(1)")
    except psycopg.errors.LockNotAvailable as error:
        first = database_failure(error, "SELECT pg_advisory_lock(1)").text
        raise AirflowFailure(
            f"{first}\n\nDuring handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n"
            f"sqlalchemy.exc.InternalError: (psycopg2.errors.InFailedSqlTransaction) {_ABORTED}\n\n"
            "[SQL: SET LOCK_TIMEOUT TO DEFAULT]\n(Background on this error at: https://sqlalche.me/e/20/2j85)"
        ) from error


def _give_back(session: psycopg.Connection[tuple[object, ...]]) -> None:
    try:
        session.execute("SET LOCK_TIMEOUT TO DEFAULT")
        freed = session.execute("SELECT pg_advisory_unlock(1)").fetchone()
        session.rollback()
    except psycopg.Error as error:
        raise database_failure(error, "SET LOCK_TIMEOUT TO DEFAULT") from error
    if not freed or not freed[0]:
        raise AirflowFailure("RuntimeError: Error releasing DB lock!")
