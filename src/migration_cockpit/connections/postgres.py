"""The metadata database: how it is reached, and sessions that can do no harm.

A session of the cockpit is read-only unless it says otherwise, ends its statements and its waits for locks early, and
stays out of transactions (autocommit): it never holds a lock that a migration could wait for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from migration_cockpit.connections.errors import NotSupported, Unreachable, one_line
from migration_cockpit.connections.threads import in_thread

if TYPE_CHECKING:
    import psycopg

APPLICATION = "migration-cockpit"
"""application_name of the cockpit's own sessions."""
MIGRATION_APPLICATION = "airflow-db-migrate"
"""application_name of the migration Job's sessions, by PGAPPNAME; Airflow itself sets none."""
CONNECT_SECONDS = 5
LOCK_TIMEOUT_MS = 300
STATEMENT_TIMEOUT_MS = 3000
WHAT = "Postgres"


def check_dsn(dsn: str) -> str:
    """A DSN as libpq takes it: SQLAlchemy's driver suffix goes. Raises NotSupported for any other database."""
    scheme = re.match(r"\s*(\w+)(\+\w+)?://", dsn)
    if scheme is None:
        return dsn.strip()
    name = scheme[1].lower()
    if name in {"postgresql", "postgres"}:
        return "postgresql://" + dsn.strip().split("://", 1)[1]
    if name in {"mysql", "mariadb"}:
        raise NotSupported(WHAT, "the metadata database is MySQL, and the cockpit flies migrations on PostgreSQL only")
    raise NotSupported(WHAT, f"the metadata database is {name}, and the cockpit flies migrations on PostgreSQL only")


def parameters(dsn: str) -> dict[str, Any]:
    """The parts of a DSN (URI or key=value) by libpq's names. Raises Unreachable when it is neither.

    Imports psycopg: call it in a thread, or after the first connection.
    """
    from psycopg import conninfo

    try:
        return dict(conninfo.conninfo_to_dict(check_dsn(dsn)))
    except Exception as error:
        if isinstance(error, Unreachable):
            raise
        # The text of the error may quote the DSN, password and all: it is not passed on.
        mend = "it takes postgresql://user:password@host:port/database"
        raise Unreachable(WHAT, "the DSN cannot be read", mend) from None


async def connect(
    dsn: str,
    *,
    write: bool = False,
    plain: bool = False,
    forwarded: tuple[str, int] | None = None,
    at: tuple[str, int] | None = None,
    database: str = "",
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
) -> psycopg.AsyncConnection[Any]:
    """Open a session with the cockpit's settings. Raises Unreachable.

    `at` is another server than the DSN's, `database` another database; account and TLS stay the DSN's.

    `plain` sessions keep the time-outs that the server gives them, in order to read them.
    `forwarded` is a loopback address that leads to the server: the DSN's host name stays what TLS checks.
    """
    psycopg = await in_thread(_psycopg)
    given = await in_thread(parameters, dsn)
    if at is not None:
        given.pop("hostaddr", None)
        given |= {"host": at[0], "port": at[1]}
    if database:
        given["dbname"] = database
    if forwarded is not None:
        given |= {"hostaddr": forwarded[0], "port": forwarded[1]}
    settings = {"default_transaction_read_only": "off" if write else "on"}
    if not plain:
        settings |= {
            "lock_timeout": f"{LOCK_TIMEOUT_MS}ms",
            "statement_timeout": f"{statement_timeout_ms}ms",
            "idle_in_transaction_session_timeout": "10s",
        }
    options = " ".join([given.pop("options", None) or "", *(f"-c {name}={value}" for name, value in settings.items())])
    # A network that swallows packets must not hold a read for the quarter of an hour that TCP would.
    given |= {"keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 10000}
    given |= {"application_name": APPLICATION, "options": options.strip(), "connect_timeout": CONNECT_SECONDS}
    try:
        connection = await psycopg.AsyncConnection.connect(**given, autocommit=True)
    except psycopg.Error as error:
        raise refused(error) from error
    try:
        if not plain:
            await _settings_took(connection, write)
    except BaseException:
        await connection.close()
        raise
    return connection  # type: ignore[no-any-return]  # psycopg is imported late


async def _settings_took(connection: psycopg.AsyncConnection[Any], write: bool) -> None:
    """A pooler may drop start-up options without a word; then nothing would keep this session harmless."""
    cursor = await connection.execute(
        "select current_setting('default_transaction_read_only') = %s"
        " and (select setting::int from pg_settings where name = 'lock_timeout') = %s",
        ["off" if write else "on", LOCK_TIMEOUT_MS],
    )
    row = await cursor.fetchone()
    if row is None or not row[0]:
        raise Unreachable(
            WHAT,
            "the session settings did not take: a pooler between the cockpit and the server drops them",
            "let postgres.dsn name the server itself, not PgBouncer",
        )


def refused(error: BaseException) -> Unreachable:
    """Why there is no session, with the mend where it is known."""
    text = one_line(error)
    for sign, why, mend in (
        ("unsupported startup parameter", "PgBouncer refuses the session settings", "let postgres.dsn name the server"),
        ("password authentication failed", "the password is wrong", "check postgres.dsn"),
        ("Connection refused", "the server refuses connections", ""),
        ("does not exist", "the role or the database does not exist", "check postgres.dsn"),
        ("the database system is starting up", "the server is starting up", ""),
        ("the database system is shutting down", "the server is shutting down", ""),
        ("due to administrator command", "the server ended the session: it shuts down, or someone terminated it", ""),
        ("server closed the connection", "the server closed the connection", ""),
        ("too many clients", "the server has no connection left", "raise max_connections or end idle sessions"),
        ("no pg_hba.conf entry", "the server does not let this address in", "check pg_hba.conf or the security group"),
        ("timeout expired", f"no answer within {CONNECT_SECONDS} s", "check the network path and the security group"),
        ("could not translate host name", "the host name does not resolve", "check postgres.dsn"),
        ("failed to resolve host", "the host name does not resolve", "check postgres.dsn"),
    ):
        if sign in text:
            return Unreachable(WHAT, why, mend)
    return Unreachable(WHAT, text)


def why(error: BaseException) -> str:
    """What went wrong with a query, for the screen. psycopg is imported by then."""
    import psycopg

    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "a table is locked (by the migration, while one runs)"
    if isinstance(error, psycopg.errors.QueryCanceled):
        return "the query was cancelled: it took too long"
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return f"the schema is neither of the source nor of the target version: {error.diag.message_primary}"
    if isinstance(error, psycopg.OperationalError):
        return refused(error).why
    return one_line(error)


def _psycopg() -> Any:
    import psycopg

    return psycopg
