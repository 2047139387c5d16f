"""`airflow db check` and `airflow db check-migrations`: what the init containers and the probes of the chart run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.database import connect, fab_version_of, version_of
from migration_cockpit.rehearsal.standin.failures import AirflowFailure

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.logs import Log
    from migration_cockpit.rehearsal.standin.releases import Release
    from migration_cockpit.rehearsal.standin.settings import Settings


def check(settings: Settings, log: Log) -> None:
    """`db check`: connectivity and nothing else, whatever the schema."""
    connect(settings.dsn).close()
    log.info("Connection successful.", "airflow.utils.db", "db.py:1521")


def check_migrations(release: Release, settings: Settings, log: Log, timeout: int) -> None:
    """Wait up to `timeout` seconds for alembic_version to equal this image's head, and compare nothing but that."""
    session = connect(settings.dsn)
    seconds = timeout or 1
    found: set[str] = set()
    for second in range(seconds):
        found = set(version_of(session))
        if found == {release.head} and (release.fab_head is None or fab_version_of(session) == release.fab_head):
            log.context()
            return
        time.sleep(1)
        log.info(f"Waiting for migrations... {second} second(s)", "airflow.utils.db", "db.py:913")
    shown = repr(found) if found else "set()"
    raise AirflowFailure(
        f"TimeoutError: There are still unapplied migrations after {seconds} seconds. "
        f"MigrationHead(s) in DB: {shown} | Migration Head(s) in Source Code: {{{release.head!r}}}"
    )
