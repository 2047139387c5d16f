"""What others may do to a migration at its very beginning, when the rehearsal asks for it: each is done for real."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migration_cockpit.rehearsal.standin.database import Connection

BAD_XCOMS = {
    "nul": rb'{"a":"x\u0000y"}',
    "empty": b"",
    "encoding": b"\xff\x00",
    "json": b"not json",
    "nan": b'{"msg":"values: NaN, 3"}',
}
"""Values that the conversion of 3.2.2 does not survive, by kind."""
LATE = "late"
"""Key of the value that a task of 2.x leaves behind at the last moment."""
CUT_OFF_MS = 20

_LATE_XCOM = """
    INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
    SELECT d.id, t.task_id, t.map_index, %s, t.dag_id, t.run_id, %s, now()
    FROM (SELECT * FROM task_instance LIMIT 1) t JOIN dag_run d ON d.dag_id = t.dag_id AND d.run_id = t.run_id
    ON CONFLICT DO NOTHING
"""
_BYTES = "SELECT atttypid = 'bytea'::regtype FROM pg_attribute WHERE attrelid = 'xcom'::regclass AND attname = 'value'"


def befall(connection: Connection, world: Path | None) -> None:
    """What happens between the last look at the gates and the migration's first statement."""
    if (options := fault(world, "xcom-bad")) is not None and connection.execute(_BYTES).fetchone() == (True,):
        connection.execute(_LATE_XCOM, (LATE, BAD_XCOMS[str(options.get("kind", "nul"))]))
    if fault(world, "alembic-version-deleted") is not None:
        connection.execute("DELETE FROM alembic_version")


def cut_off(connection: Connection, world: Path | None) -> None:
    """Give a session the time-out of a role whose own settings a pooler has dropped."""
    if (options := fault(world, "statement-timeout")) is not None:
        connection.execute(f"SET statement_timeout = {int(str(options.get('milliseconds', CUT_OFF_MS)))}".encode())


@contextmanager
def somebody_else(dsn: str, world: Path | None) -> Iterator[None]:
    """Let another `airflow db migrate`, typed by a colleague, hold the lock already."""
    if fault(world, "second-migration") is None:
        yield
        return
    with psycopg.connect(dsn, application_name="airflow db migrate") as other:
        other.execute("SELECT pg_advisory_lock(1)")
        yield
