"""Whether the way back could be flown: who may restore, and whether what is restored can be looked at from here."""

from __future__ import annotations

from migration_cockpit.actions import database
from migration_cockpit.advice import schema
from migration_cockpit.connections import postgres
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place

AREA = "Way back"


async def look(place: Place) -> list[Finding]:
    """What a restore needs, as far as it can be asked without restoring."""
    found = []
    if place.settings.rds is not None:
        text = "the actions that a restore needs are looked at with the others of AWS; the restore itself is not tried"
        found.append(Finding(AREA, "restore", True, text))
        if place.settings.postgres.port_forward:
            text = "what is restored is compared from here, and postgres.port_forward leads to the old server"
            mend = "open the network from here to the RDS instances of this subnet group, for the comparison"
            found.append(Finding(AREA, "reach of a restored instance", False, text, mend))
    if place.settings.dump.enabled:
        found.append(await _creator(place, "restore of a dump"))
    if schema.image_is_asked(place.settings):
        found.append(await _creator(place, "schema reference"))
    return found


async def _creator(place: Place, what: str) -> Finding:
    """Whether the role that restores a dump may create databases and be the role that Airflow connects as.

    The same role makes the scratch database on which the target's image tells its schema.
    """
    owner = await database.owner(place.database)
    given = place.settings.rollback.admin_dsn
    role = owner
    if given is not None:
        parts = await in_thread(postgres.parameters, await place.connections.secret(given))
        role = str(parts.get("user") or owner)
    rows = await database.rows(
        place.database,
        "select (rolcreatedb or rolsuper), pg_has_role(oid, %s, 'member') from pg_roles where rolname = %s",
        owner,
        role,
    )
    creates, member = rows[0] if rows else (False, False)
    text = f"{role} may {'' if creates else 'not '}create databases"
    text += "" if member else f" and may not become {owner}"
    mend = f"ALTER ROLE {role} CREATEDB (and GRANT {owner} TO {role}), or set rollback.admin_dsn"
    return Finding(AREA, what, bool(creates and member), text, mend)
