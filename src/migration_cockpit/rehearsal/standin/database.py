"""Connections as Airflow's processes hold them: libpq reads PGAPPNAME and PGOPTIONS, the session speaks UTC."""

from __future__ import annotations

from typing import Any

import psycopg

from migration_cockpit.rehearsal.standin.failures import AirflowFailure

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(dsn: str, *, autocommit: bool = True) -> Connection:
    """Open a session; raises AirflowFailure with the words of a real process when the server cannot be reached."""
    try:
        connection = psycopg.connect(dsn, autocommit=autocommit, prepare_threshold=None)
    except psycopg.OperationalError as error:
        text = f"(psycopg2.OperationalError) {str(error).strip()}"
        raise AirflowFailure(f"sqlalchemy.exc.OperationalError: {text}") from error
    return connection


def sql(text: str) -> bytes:
    """A statement that is only known at run time (psycopg's types ask for literals; bytes are taken as they are)."""
    return text.encode()


def version_of(connection: Connection) -> list[str]:
    """The rows of alembic_version; an empty list when there are none or no such table."""
    exists = connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
    if not exists or not exists[0]:
        return []
    return [str(row[0]) for row in connection.execute("SELECT alembic_version.version_num FROM alembic_version")]


def fab_version_of(connection: Connection) -> str | None:
    """The revision of the FAB provider's own chain, None where it has none yet."""
    exists = connection.execute("SELECT to_regclass('public.alembic_version_fab') IS NOT NULL").fetchone()
    if not exists or not exists[0]:
        return None
    row = connection.execute("SELECT alembic_version_fab.version_num FROM alembic_version_fab").fetchone()
    return str(row[0]) if row else None
