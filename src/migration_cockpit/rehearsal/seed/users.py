"""Who may log in to the rehearsal's Airflow, and what is stored for the DAGs: user, connections, variables."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

USERNAME = "admin"
PASSWORD = "admin"  # noqa: S105 - the chart's own default user, on loopback only
_SALT = "rehearsal0000000"


def add(connection: psycopg.Connection[tuple[Any, ...]], now: datetime) -> None:
    """Add the admin user, two connections and three variables to a fresh schema."""
    day = now.replace(tzinfo=None)
    row = connection.execute(
        "INSERT INTO ab_user (id, first_name, last_name, username, password, active, email, created_on, changed_on) "
        "VALUES (nextval('ab_user_id_seq'), 'Ada', 'Admin', %s, %s, true, 'admin@example.com', %s, %s) RETURNING id",
        (USERNAME, password_hash(PASSWORD, _SALT), day, day),
    ).fetchone()
    connection.execute(
        "INSERT INTO ab_user_role (id, user_id, role_id) "
        "SELECT nextval('ab_user_role_id_seq'), %s, id FROM ab_role WHERE name = 'Admin'",
        (row[0] if row else None,),
    )
    for name, kind, host in (("warehouse", "postgres", "warehouse.internal"), ("object_store", "aws", None)):
        connection.execute(
            "INSERT INTO connection (conn_id, conn_type, host, is_encrypted, is_extra_encrypted) "
            "VALUES (%s, %s, %s, false, false)",
            (name, kind, host),
        )
    for key, value in (("environment", "rehearsal"), ("retention_days", "90"), ("region", "eu-central-1")):
        connection.execute("INSERT INTO variable (key, val, is_encrypted) VALUES (%s, %s, false)", (key, value))


def password_hash(password: str, salt: str) -> str:
    """`password` as Werkzeug stores it for the FAB provider: scrypt, N 32768, r 8, p 1."""
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=32768, r=8, p=1, maxmem=64 * 1024 * 1024)
    return f"scrypt:32768:8:1${salt}${digest.hex()}"
