"""Sessions of the database: who is who, and their statements without anything that may be a secret."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from migration_cockpit.connections.postgres import APPLICATION, MIGRATION_APPLICATION
from migration_cockpit.session.readings import Backend

QUERY_LENGTH = 200
BYSTANDERS = 8
"""Sessions that matter to nobody and are listed all the same; the total counts the others.

A busy Airflow has hundreds, each with another statement every second: whole, they would be most of the journal.
"""

# A literal may be cut off by the end of the text. Airflow's driver puts values into the statement on its own side, so
# that a password or a run's conf stands in pg_stat_activity as it is.
_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*(?:'|$)|\$(\w*)\$.*?(?:\$\1\$|$)", re.DOTALL)
_URL_PASSWORD = re.compile(r"(://[^\s:@/]*:)[^\s@]+@")


class Session(msgspec.Struct, frozen=True):
    """A row of pg_stat_activity as database.sql tells it."""

    pid: int
    kind: str | None = None
    user: str = ""
    application: str = ""
    address: str = ""
    state: str = ""
    wait_type: str = ""
    wait: str = ""
    query: str = ""
    leader: int | None = None
    backend_start: datetime | None = None
    xact_start: datetime | None = None
    query_start: datetime | None = None
    writes: bool = False
    long: bool = False
    """Whether its statement has been running for more than two seconds."""
    io: int = 0
    """Bytes that it read and wrote, where the server tells."""


def statement(query: str) -> str:
    """The beginning of a statement on one line, its literals masked."""
    masked = _URL_PASSWORD.sub(r"\1…@", _LITERAL.sub("'…'", query))
    return " ".join(masked.split())[:QUERY_LENGTH]


def notable(sessions: list[Session], lock_pid: int | None, owner: str, blockers: frozenset[int]) -> tuple[Backend, ...]:
    """The sessions that matter, whole, and the first few others without what they happen to run.

    A session matters when it is the migration's, waits for a lock, is waited for, writes, keeps a transaction open or
    has been at one statement for long.
    """
    roles = _roles(sessions, lock_pid, owner)
    matter, others = [], []
    for session in sessions:
        role = roles[session.pid]
        if _matters(session, role) or session.pid in blockers:
            matter.append(_backend(session, role))
        else:
            others.append(
                Backend(
                    pid=session.pid,
                    user=session.user,
                    application=session.application,
                    address=session.address,
                    state=session.state,
                    backend_start=session.backend_start,
                    role=role,
                )
            )
    # Strangers first: Airflow's own are expected to be there.
    return (*matter, *sorted(others, key=lambda one: (one.role != "other", one.pid))[:BYSTANDERS])


def _matters(session: Session, role: str) -> bool:
    return (
        role in {"migration", "migration-lock", "autovacuum"}
        or session.wait_type == "Lock"
        or session.writes
        or session.long
        or session.state.startswith("idle in transaction")
    )


def _backend(session: Session, role: str) -> Backend:
    return Backend(
        pid=session.pid,
        user=session.user,
        application=session.application,
        address=session.address,
        state=session.state,
        wait_type=session.wait_type,
        wait=session.wait,
        query=statement(session.query),
        backend_start=session.backend_start,
        xact_start=session.xact_start,
        query_start=session.query_start,
        role=role,
        io=session.io if role == "migration" else 0,
    )


def _roles(sessions: list[Session], lock_pid: int | None, owner: str) -> dict[int, str]:
    holder = next((session for session in sessions if session.pid == lock_pid), None)
    roles = {session.pid: _role(session, holder, owner) for session in sessions}
    for session in sessions:
        # A parallel worker is what its leader is.
        if session.leader is not None and session.leader in roles:
            roles[session.pid] = roles[session.leader]
    return roles


def _role(session: Session, holder: Session | None, owner: str) -> str:
    if session.application == APPLICATION:
        return "cockpit"
    if session.kind == "autovacuum worker":
        return "autovacuum"
    if holder is not None and session.pid == holder.pid:
        return "migration-lock"
    if session.application == MIGRATION_APPLICATION:
        return "migration"
    # A migration that someone else started has no name: it is the writer of the same user from the same address.
    nameless = holder is not None and holder.application != MIGRATION_APPLICATION
    if nameless and holder is not None and session.writes and _origin(session) == _origin(holder):
        return "migration"
    return "airflow" if owner and session.user == owner else "other"


def _origin(session: Session) -> tuple[str, str, str]:
    return session.user, session.address, session.application
