"""What Airflow does to a database that has no version: it takes it for new.

It creates the tables that are missing, leaves those that are there as they are, and stamps its head. On an empty
database that is right. Over a full one whose alembic_version was emptied it fails while the tables are too old for the
foreign keys of the new ones, and from the 3.0.0 schema on it succeeds and lies: stamped with the head, columns missing.
"""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import psycopg

from migration_cockpit.rehearsal.standin.database import Connection, connect, sql
from migration_cockpit.rehearsal.standin.failures import database_failure
from migration_cockpit.rehearsal.standin.migrate import schema, unreleased
from migration_cockpit.rehearsal.standin.migrate.advisory import migration_lock
from migration_cockpit.rehearsal.standin.releases import UNRELEASED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migration_cockpit.rehearsal.standin.logs import Log
    from migration_cockpit.rehearsal.standin.releases import Release
    from migration_cockpit.rehearsal.standin.settings import Settings

_CREATES = re.compile(r"CREATE TABLE \"?(\w+)\"?")
_INDEXES = re.compile(r"CREATE (?:UNIQUE )?INDEX \w+ ON (\w+)")
_DB = "airflow.utils.db"
_POOL = "Pool status: Pool size: 5  Connections in pool: 0 Current Overflow: -3 Current Checked out connections: 2"
_FAB_LOGGER = "airflow.providers.fab.auth_manager.models.db.FABDBManager"


def create_database(release: Release, settings: Settings, log: Log) -> None:
    """Create what is missing and stamp the head; raises AirflowFailure where PostgreSQL refuses."""
    log.context()
    log.info(
        "Creating Airflow database tables from the ORM", _DB, "db.py:739" if release.structured_log else "db.py:730"
    )
    if release.structured_log:
        log.info("Creating global lock context", _DB, "db.py:720")
        log.info(_POOL, _DB, "db.py:723")
        log.info("Creating metadata", _DB, "db.py:725")
    with migration_lock(settings.dsn):
        worker = connect(settings.dsn)
        core, fab = _split(schema.statements("create-all"))
        empty = worker.execute("SELECT to_regclass('public.dag') IS NULL").fetchone() == (True,)
        _create(worker, core)
        if release.number == UNRELEASED and empty:
            for _, _, statement, _ in unreleased.REVISIONS:
                worker.execute(sql(statement))
        log.context()
        log.running("stamp_revision", "", release.head)
        _stamp(worker, "alembic_version", release.head)
        log.info("Airflow database tables created", _DB, "db.py:734" if release.structured_log else "db.py:741")
        log.context()
        log.info("Creating FABDBManager tables from the ORM", _FAB_LOGGER, "db_manager.py:124")
        _create(worker, fab)
        if release.fab_head:
            log.context()
            log.running("stamp_revision", "", release.fab_head)
            _stamp(worker, "alembic_version_fab", release.fab_head)
        log.info("FABDBManager tables have been created from the ORM", _FAB_LOGGER, "db_manager.py:130")
        worker.close()


def create_source(connection: Connection, *, rows: bool = True) -> None:
    """Make a whole Airflow 2.11.2 schema in an empty database, with the rows every one of them has."""
    for statement in schema.statements("base"):
        connection.execute(sql(statement))
    if rows:
        for statement in schema.statements("base-data"):
            connection.execute(sql(statement))


def record_command(connection: Connection, event: str, command: list[str]) -> None:
    """The row that every `airflow` command leaves in the audit log; without a log table it leaves none."""
    extra = json.dumps({"host_name": socket.gethostname(), "full_command": str(command)})
    try:
        connection.execute(
            "INSERT INTO log (dttm, event, owner, extra) VALUES (clock_timestamp(), %s, current_user, %s)",
            (event, extra),
        )
    except psycopg.Error:
        return


def _create(worker: Connection, statements: Iterable[str]) -> None:
    present = {
        str(row[0])
        for row in worker.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    }
    statement = "BEGIN"
    try:
        with worker.transaction():
            for statement in statements:
                if _wanted(statement, present):
                    worker.execute(sql(statement))
    except psycopg.Error as error:
        raise database_failure(error, statement) from error


def _wanted(statement: str, present: set[str]) -> bool:
    name = _CREATES.match(statement) or _INDEXES.match(statement) or re.match(r"CREATE SEQUENCE (\w+)", statement)
    return name is not None and name[1] not in present


def _split(statements: tuple[str, ...]) -> tuple[list[str], list[str]]:
    tables = [text for text in statements if "TABLE alembic_version" not in text]
    fab = [text for text in tables if re.match(r"CREATE .*\b(ab_\w+|TABLE session)", text.splitlines()[0])]
    return [text for text in tables if text not in fab], fab


def _stamp(worker: Connection, table: str, head: str) -> None:
    with worker.transaction():
        worker.execute(
            sql(
                f"CREATE TABLE IF NOT EXISTS {table} (version_num VARCHAR(32) NOT NULL, "
                f"CONSTRAINT {table}_pkc PRIMARY KEY (version_num))"
            )
        )
        worker.execute(sql(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
        worker.execute(sql(f"INSERT INTO {table} (version_num) VALUES (%s)"), (head,))  # noqa: S608 - names of our own
