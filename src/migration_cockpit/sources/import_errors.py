"""The import errors of DAG files, as Airflow 2 and 3 both keep them."""

from __future__ import annotations

from migration_cockpit.connections import Connections

MOST = 20
LONGEST = 4000
_NEWEST = "select filename, right(stacktrace, %s) from import_error order by id desc limit %s"


async def newest(connections: Connections) -> list[tuple[str, str]]:
    """(file, the end of its traceback) of the newest ones. Raises Unreachable or psycopg.Error."""
    async with connections.postgres() as connection:
        rows = await (await connection.execute(_NEWEST, (LONGEST, MOST))).fetchall()
    return [(str(name), str(trace or "")) for name, trace in rows]
