"""`airflow db downgrade`: the way back, FAB first, one transaction per revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.database import connect, fab_version_of, version_of
from migration_cockpit.rehearsal.standin.failures import AirflowFailure
from migration_cockpit.rehearsal.standin.migrate import loops, schema
from migration_cockpit.rehearsal.standin.migrate.advisory import migration_lock
from migration_cockpit.rehearsal.standin.migrate.upgrade import apply, shown_url
from migration_cockpit.rehearsal.standin.releases import FAB_BASE, FAB_FIXED, SOURCE_HEAD

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.logs import Log
    from migration_cockpit.rehearsal.standin.releases import Release
    from migration_cockpit.rehearsal.standin.settings import Settings

_COMMAND = "airflow.cli.commands.db_command"
_DB = "airflow.utils.db"
_FAB = "airflow.providers.fab.auth_manager.models.db.FABDBManager"


def downgrade(release: Release, settings: Settings, log: Log, target: str) -> None:
    """Take the database back to revision `target`; raises AirflowFailure as the real command ends."""
    log.plugin_noise()
    log.info("Performing downgrade with database", _COMMAND, "db_command.py:188", url=shown_url(settings.url))
    log.info(f"Attempting downgrade to revision {target}", _DB, "db.py:1382")
    worker = connect(settings.dsn)
    found = version_of(worker)
    if not release.is3 and found != [SOURCE_HEAD]:
        raise schema.cannot_locate(found[0] if found else "None")
    if not found:
        raise AirflowFailure(
            "alembic.util.exc.CommandError: Destination is not a valid downgrade target from current head(s)"
        )
    work = loops.Work(worker, log, settings.batch_size, settings.slow, settings.world)
    steps = schema.downgrades(found[0], target)
    if target == SOURCE_HEAD and fab_version_of(worker) == FAB_FIXED:
        log.info(f"Attempting downgrade of FAB migration to revision {FAB_BASE}", _FAB, "db.py:181")
        log.info("Applying FAB downgrade migrations.", _FAB, "db.py:198")
        log.context()
        apply(worker, log, schema.fab("downgrade"), work, "downgrade", "alembic_version_fab")
    with migration_lock(settings.dsn):
        log.info("Applying downgrade migrations to Airflow database.", _DB, "db.py:1409")
        log.context()
        for step in steps:
            apply(worker, log, step, work, "downgrade", "alembic_version")
    worker.close()
    log.info("Downgrade complete", _COMMAND, "db_command.py:203")
