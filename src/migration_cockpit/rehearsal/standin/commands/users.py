"""`airflow users list | create` and `airflow connections list`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.seed.users import password_hash
from migration_cockpit.rehearsal.standin.commands.dags import open_session
from migration_cockpit.rehearsal.standin.commands.output import Row, show

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call


def list_users(call: Call) -> int:
    """The users of the FAB tables with their roles."""
    session = open_session(call)
    query = (
        "SELECT u.id, u.username, u.email, u.first_name, u.last_name, array_agg(r.name) FROM ab_user u "
        "LEFT JOIN ab_user_role ur ON ur.user_id = u.id LEFT JOIN ab_role r ON r.id = ur.role_id GROUP BY 1 ORDER BY 1"
    )
    names = ("id", "username", "email", "first_name", "last_name", "roles")
    rows: list[Row] = [dict(zip(names, map(str, row), strict=True)) for row in session.execute(query)]
    show(call.log, rows, call.args.output)
    return 0


def create(call: Call) -> int:
    """Make a user with a role; one that is there already is left alone, rc 0."""
    session = open_session(call)
    args = call.args
    if session.execute("SELECT 1 FROM ab_user WHERE lower(username) = lower(%s)", (args.username,)).fetchone():
        call.log.plain(f"{args.username} already exists in the db")
        return 0
    role = session.execute("SELECT id FROM ab_role WHERE name = %s", (args.role,)).fetchone()
    if role is None:
        raise SystemExit(f"{args.role} is not a valid role.")
    password = args.password or secrets.token_urlsafe(12)
    with session.transaction():
        made = session.execute(
            "INSERT INTO ab_user (id, first_name, last_name, username, password, active, email, created_on, changed_on)"
            " VALUES (nextval('ab_user_id_seq'), %s, %s, %s, %s, true, %s, now(), now()) RETURNING id",
            (args.firstname, args.lastname, args.username, password_hash(password, secrets.token_hex(8)), args.email),
        ).fetchone()
        session.execute(
            "INSERT INTO ab_user_role (id, user_id, role_id) VALUES (nextval('ab_user_role_id_seq'), %s, %s)",
            (made[0] if made else None, role[0]),
        )
    call.log.plain(f'User "{args.username}" created with role "{args.role}"')
    return 0


def list_connections(call: Call) -> int:
    """The stored connections, without their passwords."""
    session = open_session(call)
    query = "SELECT id, conn_id, conn_type, coalesce(host, '') FROM connection ORDER BY id"
    names = ("id", "conn_id", "conn_type", "host")
    rows: list[Row] = [dict(zip(names, map(str, row), strict=True)) for row in session.execute(query)]
    show(call.log, rows, call.args.output)
    return 0
