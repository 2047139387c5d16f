"""The metadata database: reached, readable as the cockpit needs it, and at the source version's schema."""

from __future__ import annotations

from migration_cockpit.actions import database
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import revisions
from migration_cockpit.connections import Unreachable, postgres
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place

AREA = "Postgres"

_GRANTS = """
select pg_has_role('pg_monitor', 'usage') or rolsuper, pg_has_role('pg_signal_backend', 'usage') or rolsuper
from pg_roles where rolname = current_user
"""
_UNREADABLE = """
select c.relname from pg_class c
where c.relkind in ('r', 'p') and c.relnamespace = (select relnamespace from pg_class where oid = to_regclass('dag'))
  and not has_table_privilege(c.oid, 'select')
order by 1
"""
_FUTURE = "select pg_has_role('pg_read_all_data', 'usage') or rolsuper from pg_roles where rolname = current_user"
_TIMEOUTS = """
select coalesce(r.rolname, 'every role'), unnest(s.setconfig)
from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
"""


async def look(place: Place) -> list[Finding]:
    """Reached with session settings that took, its roles, its revision."""
    await _register_password(place)
    site = place.database
    sql = "select current_setting('server_version'), current_database(), current_user"
    version, name, user = (await database.rows(site, sql))[0]
    grants = await _grants(site, user)
    readable = all(each.ok for each in grants if each.name == "pg_read_all_data")
    return [
        Finding(AREA, "reach", True, f"PostgreSQL {version}, database {name} as {user}"),
        # connect() refuses a session whose settings a pooler dropped: this one has them.
        Finding(AREA, "session", True, "read-only, lock_timeout 300 ms, statement_timeout 3 s: they took"),
        *grants,
        *await _revision(place, readable=readable),
        await _timeouts(site),
    ]


async def _register_password(place: Place) -> None:
    """Let the redactor know the password inside a key=value DSN too, before anything can quote it."""
    given = await in_thread(postgres.parameters, await place.connections.dsn())
    if given.get("password"):
        place.connections.redactor.register(str(given["password"]))


async def _grants(site: Site, user: str) -> list[Finding]:
    monitor, signal = (await database.rows(site, _GRANTS))[0]
    mend = f"GRANT pg_monitor TO {user}: without it other roles' sessions and their queries are hidden"
    found = [Finding(AREA, "pg_monitor", monitor, "granted" if monitor else "missing", "" if monitor else mend)]
    unreadable = [str(row[0]) for row in await database.rows(site, _UNREADABLE)]
    everything = bool((await database.rows(site, _FUTURE))[0][0])
    if unreadable:
        text = f"{len(unreadable)} tables may not be read: {', '.join(unreadable[:3])}" + " …" * (len(unreadable) > 3)
    else:
        text = "granted" if everything else "missing: tables that the migration makes could not be read"
    mend = f"GRANT pg_read_all_data TO {user}"
    found.append(Finding(AREA, "pg_read_all_data", everything and not unreadable, text, "" if everything else mend))
    text = (
        "granted" if signal else "not granted: a session that blocks the migration is ended by the DBA then, not with K"
    )
    return [*found, Finding(AREA, "pg_signal_backend", True, text)]


async def _revision(place: Place, *, readable: bool) -> list[Finding]:
    """The revision; nothing where a missing grant hides it, which is a finding already."""
    try:
        return [await revision(place)]
    except Unreachable:
        if readable:
            raise
        return []


async def revision(place: Place) -> Finding:
    heads = await database.heads(place.database)
    source = place.settings.deployment.source_version
    wanted = revisions.head(source)
    text = f"{', '.join(heads.revisions) or 'none'}, Airflow {source} has {wanted}"
    ok = heads.revisions == (wanted,)
    mend = "the database is not at the source version: deployment.source_version, or a migration that began already"
    return Finding(AREA, "alembic_version", ok, text, "" if ok else mend)


async def _timeouts(site: Site) -> Finding:
    """Time-outs set for a role or database would end a long migration; its Job sets its own over them."""
    wanted = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")
    rows = [f"{role}: {text}" for role, text in await database.rows(site, _TIMEOUTS) if text.split("=")[0] in wanted]
    text = "; ".join(rows) + ": the migration Job sets its own" if rows else "no timeout is set for a role or database"
    return Finding(AREA, "session timeouts", True, text)
