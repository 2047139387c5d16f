"""`airflow db ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.database import connect, version_of
from migration_cockpit.rehearsal.standin.failures import AirflowFailure
from migration_cockpit.rehearsal.standin.migrate import check as checks
from migration_cockpit.rehearsal.standin.migrate import schema
from migration_cockpit.rehearsal.standin.releases import SOURCE_HEAD, head_of

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call


def check(call: Call) -> int:
    """`airflow db check`."""
    call.log.plugin_noise()
    checks.check(call.settings, call.log)
    return 0


def check_migrations(call: Call) -> int:
    """`airflow db check-migrations -t SECONDS`."""
    call.log.plugin_noise()
    checks.check_migrations(call.release, call.settings, call.log, call.args.migration_wait_timeout)
    return 0


def migrate(call: Call) -> int:
    """`airflow db migrate`: nothing at all in a 2.x image on its own schema, the whole chain in a 3.x one."""
    target = _target(call)
    if call.args.show_sql_only:
        return _show(call, target)
    if not call.release.is3:
        return _migrate_source(call)
    from migration_cockpit.rehearsal.standin.migrate.upgrade import migrate as upgrade

    upgrade(call.release, call.settings, call.log, target)
    return 0


def downgrade(call: Call) -> int:
    """`airflow db downgrade --to-version V -y`; only a 3.x image knows the way back."""
    if not (call.args.to_version or call.args.to_revision):
        raise SystemExit("Must provide either --to-revision or --to-version.")
    if not call.args.yes and not call.args.show_sql_only:
        raise SystemExit("Cancelled; without -y the command asks, and nobody answers here.")
    from migration_cockpit.rehearsal.standin.migrate.downgrade import downgrade as back

    back(call.release, call.settings, call.log, _target(call))
    return 0


def _target(call: Call) -> str:
    if call.args.to_revision:
        return str(call.args.to_revision)
    if not call.args.to_version:
        return call.release.head
    # A partial or unknown version silently means the nearest lower release that has a revision of its own.
    parts = [*(int(part) for part in str(call.args.to_version).split(".") if part.isdigit()), 0, 0][:3]
    wanted = min((parts[0], parts[1], parts[2]), call.release.number)
    head = head_of(wanted)
    if head is None:
        raise SystemExit(f"Unknown version {call.args.to_version!r} supplied as `--to-version`.")
    return head


def _migrate_source(call: Call) -> int:
    """2.x: on its own schema it says that it is done; over a 3.x schema it trips before it starts."""
    from migration_cockpit.rehearsal.standin.migrate.create import create_source
    from migration_cockpit.rehearsal.standin.migrate.upgrade import announce, finish

    session = connect(call.settings.dsn)
    announce(call.release, call.settings, call.log)
    call.log.context()
    found = version_of(session)
    if not found:
        row = session.execute("SELECT to_regclass('public.dag_run') IS NOT NULL").fetchone()
        if row and row[0]:
            call.log.running("stamp_revision", "", SOURCE_HEAD)
            session.execute("INSERT INTO alembic_version (version_num) VALUES (%s)", (SOURCE_HEAD,))
        else:
            create_source(session)
    elif found != [SOURCE_HEAD]:
        raise AirflowFailure("AttributeError: execution_date")
    finish(call.release, call.log)
    return 0


def _show(call: Call, target: str) -> int:
    session = connect(call.settings.dsn)
    found = version_of(session)
    call.log.plain("BEGIN;\n")
    for step in schema.upgrades(call.args.from_revision or (found[0] if found else SOURCE_HEAD), target):
        call.log.plain(f"-- Running upgrade {step.before} -> {step.after}\n")
        for statement in (text for text in step.steps if not text.startswith("@")):
            call.log.plain(f"{statement};\n")
    call.log.plain("COMMIT;\n")
    return 0
