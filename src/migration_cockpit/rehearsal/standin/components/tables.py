"""Writing rows into whatever columns the schema has.

The columns of a table differ from release to release. A process reads them once, when it starts, as its models would
have fixed them: when a migration changes the schema under it, its next statement fails like the real one's.
"""

from __future__ import annotations

from typing import Any

from migration_cockpit.rehearsal.standin.database import Connection, sql

Values = dict[str, Any]


class Tables:
    """The columns of schema public at the moment of its making, and inserts that fit them."""

    def __init__(self, connection: Connection) -> None:
        query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        self._columns: dict[str, set[str]] = {}
        for table, column in connection.execute(query):
            self._columns.setdefault(str(table), set()).add(str(column))

    def has(self, table: str, column: str) -> bool:
        """Whether `table` had `column`."""
        return column in self._columns.get(table, set())

    def insert(self, connection: Connection, table: str, rows: list[Values], *, tail: str = "") -> None:
        """Insert `rows` (same keys each), leaving out columns that the table has not; `tail` is an ON CONFLICT."""
        if not rows:
            return
        names = [name for name in rows[0] if self.has(table, name)]
        columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("%s" for _ in names)
        statement = sql(f"INSERT INTO {table} ({columns}) VALUES ({marks}) {tail}")  # noqa: S608 - names of our own
        with connection.cursor() as cursor:
            cursor.executemany(statement, [[row[name] for name in names] for row in rows])

    def upsert(self, connection: Connection, table: str, key: str, rows: list[Values], keep: tuple[str, ...]) -> None:
        """Insert `rows` or update those whose `key` is there; the columns of `keep` are only set on insert."""
        names = [name for name in (rows[0] if rows else {}) if self.has(table, name)]
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name != key and name not in keep)
        self.insert(connection, table, rows, tail=f"ON CONFLICT ({key}) DO UPDATE SET {changes}")
