"""A Postgres session that a source keeps for as long as it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from migration_cockpit.connections import Connections
from migration_cockpit.connections.errors import WorldError
from migration_cockpit.connections.postgres import why
from migration_cockpit.sources.loop import explain

if TYPE_CHECKING:
    import psycopg


class Session:
    """Opens at the first use and again after a loss; one user at a time."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._at: tuple[str, int] | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """The session. After a failure that broke it, or a cancel in the middle of a query, the next use opens anew."""
        if self._at != self._connections.led_to:
            await self.close()  # the database has another server by now
        if self._connection is None or self._connection.closed:
            self._at = self._connections.led_to
            self._connection = await self._connections.connect_postgres()
        connection = self._connection
        try:
            yield connection
        except Exception:
            if connection.closed:  # also true when the server went away
                self._connection = None
            raise
        except BaseException:
            self._connection = None
            await connection.close()
            raise

    async def close(self) -> None:
        """Close the session."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()


def explain_postgres(error: BaseException) -> str:
    """Why a read of the database failed, for the screen."""
    if isinstance(error, WorldError | TimeoutError):
        return explain(error)
    import psycopg

    return f"Postgres: {why(error)}" if isinstance(error, psycopg.Error) else explain(error)
