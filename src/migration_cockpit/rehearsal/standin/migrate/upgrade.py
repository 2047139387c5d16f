"""`airflow db migrate` of a 3.x release: the recorded revisions, each in its own transaction, under the lock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from migration_cockpit.rehearsal.standin.database import Connection, connect, fab_version_of, sql, version_of
from migration_cockpit.rehearsal.standin.failures import database_failure
from migration_cockpit.rehearsal.standin.migrate import loops, schema, troubles
from migration_cockpit.rehearsal.standin.migrate.advisory import migration_lock
from migration_cockpit.rehearsal.standin.migrate.create import create_database, record_command
from migration_cockpit.rehearsal.standin.releases import FAB_BASE, FAB_FIXED
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.logs import Log
    from migration_cockpit.rehearsal.standin.releases import Release
    from migration_cockpit.rehearsal.standin.settings import Settings

_SLOW_REVISION = "d59cbbef95eb"
_SLOW_STATEMENT = "ALTER TABLE task_instance ALTER COLUMN id TYPE UUID"
_TOIL = """
    CREATE FUNCTION pg_temp.toil(kept uuid) RETURNS uuid LANGUAGE plpgsql AS $$
    DECLARE done timestamptz := clock_timestamp() + interval '0.1 s';
    BEGIN WHILE clock_timestamp() < done LOOP END LOOP; RETURN kept; END $$
"""
"""A tenth of a second of computing: a backend that only sleeps would be one that does nothing."""
_FAB_LOGGER = "airflow.providers.fab.auth_manager.models.db.FABDBManager"


def migrate(release: Release, settings: Settings, log: Log, target: str) -> None:
    """Bring the database to revision `target`; raises AirflowFailure as the real command ends when it cannot."""
    session = connect(settings.dsn)
    record_command(session, "cli_migratedb", ["airflow", "db", "migrate"])
    troubles.befall(session, settings.world)
    announce(release, settings, log)
    log.context()
    found = version_of(session)
    if not found:
        session.close()
        create_database(release, settings, log)
    else:
        steps = schema.upgrades(found[0], target)
        log.info(
            "Migrating the Airflow database",
            "airflow.utils.db",
            "db.py:1179" if release.structured_log else "db.py:1136",
        )
        session.close()
        with troubles.somebody_else(settings.dsn, settings.world), migration_lock(settings.dsn):
            _upgrade(release, settings, log, steps, target)
    finish(release, log)


def announce(release: Release, settings: Settings, log: Log) -> None:
    """The lines before the first connection: alembic's plugins and the address of the database, password hidden."""
    log.plugin_noise()
    url = shown_url(settings.url)
    if release.structured_log:
        logger = "airflow.cli.commands.db_command"
        log.info("Performing upgrade to the metadata database", logger, "db_command.py:134", url=url)
    else:
        log.plain(f"DB: {url}")
        log.plain(f"Performing upgrade to the metadata database {url}")


def finish(release: Release, log: Log) -> None:
    """The last line of a migration that worked."""
    if release.structured_log:
        log.info(release.done, "airflow.cli.commands.db_command", "db_command.py:152")
    else:
        log.plain(release.done)


def shown_url(url: str) -> str:
    """The connection string as SQLAlchemy prints it: with its driver, the password as three stars."""
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _password = login.partition(":")
    driver = "postgresql+psycopg2" if scheme in ("postgres", "postgresql") else scheme
    return f"{driver}://{user}{':***' if colon else ''}{at}{place}"


def apply(
    connection: Connection, log: Log, step: schema.Revision, work: loops.Work, direction: str, table: str
) -> None:
    """Run one revision in one transaction and move `table` (alembic_version or alembic_version_fab) along."""
    log.running(direction, step.before, step.after, step.message)
    statement = "BEGIN"
    try:
        with connection.transaction():
            for statement in step.steps:
                if statement.startswith("@loop "):
                    loops.run(statement.removeprefix("@loop "), work)
                else:
                    connection.execute(stretched(connection, statement, step.after, work))
            statement = f"UPDATE {table} SET version_num='{step.after}' WHERE {table}.version_num = '{step.before}'"  # noqa: S608 - names of our own
            connection.execute(sql(statement))
    except psycopg.Error as error:
        raise database_failure(error, statement, "20" if work.log.structured else "14") from error


def _upgrade(release: Release, settings: Settings, log: Log, steps: list[schema.Revision], target: str) -> None:
    worker = connect(settings.dsn)
    troubles.cut_off(worker, settings.world)
    work = loops.Work(worker, log, settings.batch_size, settings.slow, settings.world)
    log.context()
    version_of(worker)
    for step in steps:
        started = time.monotonic()
        apply(worker, log, step, work, "upgrade", "alembic_version")
        if not any(part.startswith("@loop ") for part in step.steps):
            work.stretch(started)
    log.context()
    if target == release.head:
        _upgrade_fab(release, worker, log, work)
    with worker.transaction():
        add_default_pool(worker)
    worker.close()


def _upgrade_fab(release: Release, worker: Connection, log: Log, work: loops.Work) -> None:
    log.context()
    if release.fab_head is None or fab_version_of(worker) == release.fab_head:
        return
    if fab_version_of(worker) is None:
        _stamp_fab(release, worker, log)
    if release.fab_head == FAB_FIXED:
        log.context()
        apply(worker, log, schema.fab("upgrade"), work, "upgrade", "alembic_version_fab")


def _stamp_fab(release: Release, worker: Connection, log: Log) -> None:
    if release.structured_log:
        text = "FABDBManager tables already exist without an Alembic version; stamping base revision "
        log.info(f"{text}{FAB_BASE} before upgrade", _FAB_LOGGER, "db.py:103")
        log.context()
        log.running("stamp_revision", "", FAB_BASE)
    else:
        log.running("upgrade", "", FAB_BASE, "placeholder migration.")
    with worker.transaction():
        worker.execute(
            "CREATE TABLE alembic_version_fab (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_fab_pkc PRIMARY KEY (version_num))"
        )
        worker.execute("INSERT INTO alembic_version_fab (version_num) VALUES (%s)", (FAB_BASE,))


def add_default_pool(connection: Connection) -> None:
    """Make the default pool where there is none (a database that was never used)."""
    connection.execute(
        "INSERT INTO slot_pool (pool, slots, description, include_deferred) SELECT 'default_pool', 128, "
        "'Default pool', false WHERE NOT EXISTS (SELECT 1 FROM slot_pool WHERE pool = 'default_pool')"
    )


def stretched(connection: Connection, statement: str, revision: str, work: loops.Work) -> bytes:
    """The statement itself, or under fault slow-alter the same ALTER with work to do for some of the table's rows."""
    options = fault(work.world, "slow-alter") if revision == _SLOW_REVISION else None
    if options is None or not statement.startswith(_SLOW_STATEMENT):
        return sql(statement)
    row = connection.execute("SELECT count(*) FROM task_instance").fetchone()
    seconds = float(str(options.get("seconds", 45)))
    share = seconds * 10 / max(1, int(str(row[0])) if row else 1)
    connection.execute(_TOIL)
    return sql(f"{_SLOW_STATEMENT} USING (CASE WHEN random() < {share:.9f} THEN pg_temp.toil(id) ELSE id END)")
