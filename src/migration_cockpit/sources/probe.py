"""What stands in a migration's way in the server itself: time-outs that a session gets, and others' objects.

They raise psycopg.Error when the database does not answer as asked; `postgres.why` says that in words. Neither waits
behind a migration's locks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migration_cockpit.sources.dialects import text

if TYPE_CHECKING:
    import psycopg

    from migration_cockpit.connections import Connections

    Connection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True)
class RoleSettings:
    """Settings that a new session of a role gets, by name, and where each comes from."""

    role: str
    current: dict[str, int]
    """statement_timeout, lock_timeout and idle_in_transaction_session_timeout in milliseconds, 0 for none."""
    sources: dict[str, str]
    """`role`, `database`, `role in database` or `server`."""


@dataclass(frozen=True)
class Foreign:
    """Something of others on Airflow's tables that DDL trips over."""

    kind: str
    """view, materialized view, trigger or publication."""
    name: str
    table: str


async def _rows(connection: Connection, sql: str, parameters: Any = None) -> list[Any]:
    return await (await connection.execute(sql, parameters)).fetchall()


async def role_settings(connections: Connections, role: str = "") -> RoleSettings:
    """What a new session of the role gets in this database; without a role: of the owner of Airflow's tables.

    Role in database beats role, role beats database, database beats the server's own. Opens a session of its own: the
    cockpit's others have set these very settings. Raises Unreachable.
    """
    async with connections.postgres(plain=True) as connection:
        rows = await _rows(connection, text("role_settings"), {"role": role or None})
    return RoleSettings(
        rows[0][0] or role,
        {name: milliseconds(value) for _, name, value, _ in rows},
        {name: source for _, name, _, source in rows},
    )


def milliseconds(value: str) -> int:
    """A time-out as PostgreSQL takes it (`900`, `15min`) in milliseconds; without a unit it is in milliseconds."""
    units = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(us|ms|s|min|h|d)?\s*", value)
    return round(float(match[1]) * units[match[2] or "ms"]) if match else 0


async def foreign_objects(connection: Connection) -> tuple[Foreign, ...]:
    """Views, triggers and publications of others on the tables of the version table's owner and schema."""
    return tuple(Foreign(*row) for row in await _rows(connection, text("foreign_objects")))
