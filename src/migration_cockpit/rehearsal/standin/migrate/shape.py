"""The shape of a database: what a migration must have made of it, whatever way it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_COLUMNS = """
SELECT table_name || '.' || column_name, udt_name, coalesce(character_maximum_length, 0), is_nullable
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1
"""
# NOT NULL is a constraint of its own from PostgreSQL 18 on; the columns above already tell it.
_CONSTRAINTS = """
SELECT conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n' ORDER BY 1
"""
_INDEXES = "SELECT tablename || '.' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


def read_shape(connection: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    """Columns, constraints and indexes of schema public: kind -> qualified name -> definition."""
    return {
        kind: {str(name): " ".join(str(part) for part in rest) for name, *rest in connection.execute(query)}
        for kind, query in (("columns", _COLUMNS), ("constraints", _CONSTRAINTS), ("indexes", _INDEXES))
    }
