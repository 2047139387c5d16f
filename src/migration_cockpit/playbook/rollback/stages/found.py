"""Letting Airflow find the restored database, and proving that nothing of it is left on the old one.

By default the restored one takes over the old one's name, so that no connection has to change: the identifier of the
RDS instance, and with it the endpoint, or the database's name on the same server. Otherwise the Secret that holds the
connection is changed, after Helm has written the old one back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migration_cockpit.actions import cluster, database, databases, direct, instances, own_connection
from migration_cockpit.actions.databases import RenameDatabase, old_database, restored_database
from migration_cockpit.actions.instances import RenameInstance
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.own_connection import PointSecret
from migration_cockpit.actions.stopping import EndPods
from migration_cockpit.config import Settings
from migration_cockpit.playbook import standstill
from migration_cockpit.playbook.gates import checked, judge_source_head
from migration_cockpit.playbook.rollback.plan import DUMP
from migration_cockpit.playbook.rollback.stages.restored import admin_dsn, database_name
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session.events import Check

SETTLE_SECONDS = 120.0
"""How long a name that changed hands may take until it leads to the other server."""


class SwapInstances:
    """The old instance is set aside under another identifier; the restored one takes over its own."""

    id = "swap"
    title = "swap the identifiers"
    purpose = "Let the restored instance take over the old one's identifier, so that the endpoint stays the same."
    leaves = "The endpoint leads to the restored database; the old instance is kept under another identifier."
    stands = "Between the two renamings the endpoint leads nowhere and 2.x waits in Init; trying again ends it"

    def expected(self, settings: Settings) -> float:
        """Two renamings, some minutes each on RDS."""
        return settings.rollback.restore_expected / 3

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Two renamings, each told by the instance's resource id."""
        old, new = trip.fact("instance") or {}, trip.fact("restored") or {}
        rds = trip.settings.rds
        name = rds.instance if rds else "<instance>"
        site = trip.site
        aside = "the old database is kept, as 3.x left it; its sessions end"
        return (
            RenameInstance(site, "set-aside", old.get("DbiResourceId"), name, instances.old_name(site), what=aside),
            RenameInstance(
                site,
                "take-over",
                new.get("resource"),
                str(new.get("identifier") or instances.restored_name(site)),
                name,
                what="the endpoint leads to the restored database from here on",
            ),
        )

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Rename both, then see by the endpoint itself which server it leads to."""
        for operation in self.operations(trip):
            await trip.do(operation)
        old = await instances.find(trip.site, resource=str(trip.fact("instance")["DbiResourceId"]))
        if old is not None:
            host, port = instances.endpoint_of(old)
            trip.write_fact("old", {"host": host, "port": port})
        return await trip.verify(lambda: leads_there(trip), timeout=SETTLE_SECONDS)


async def leads_there(trip: Trip) -> Sequence[Check]:
    """Whether the cockpit's own connection finds the source's schema: the old database has another one."""
    mend = "wait until the name resolves to the restored server, then try the stage again"
    return (await checked("database", mend, _source_head(trip)),)


async def _source_head(trip: Trip) -> tuple[bool, str]:
    return judge_source_head(await database.heads(trip.site), trip.settings.deployment.source_version)


class SwapDatabases:
    """The old database is set aside under another name; the restored one takes over its own."""

    id = "swap"
    title = "swap the databases"
    purpose = "Let the restored database take over the old one's name, so that no connection has to change."
    leaves = "Airflow's connection leads to the restored database; the old one is kept under another name."
    stands = "Between the two renamings there is no database of the name and 2.x waits in Init; trying again ends it"

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 15.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Two renamings, each told by the database's oid."""
        return self._operations(trip, None)

    def _operations(self, trip: Trip, dsn: str | None) -> Sequence[Operation]:
        old, new = trip.fact("database") or {}, trip.fact("restored") or {}
        name, site = database_name(trip), trip.site
        fresh, aside = restored_database(site, name), old_database(site, name)
        return (
            RenameDatabase(site, "set-aside", name, aside, oid=old.get("oid"), dsn=dsn),
            RenameDatabase(site, "take-over", fresh, name, oid=new.get("oid"), dsn=dsn),
        )

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Rename both."""
        for operation in self._operations(trip, await admin_dsn(trip)):
            await trip.do(operation)
        return await trip.verify(lambda: leads_there(trip), timeout=SETTLE_SECONDS)


class PointConnection:
    """The Secret that Airflow's connection stands in leads to the restored server."""

    id = "connection"
    title = "point the connection"
    purpose = (
        "Let the Secret of Airflow's connection lead to the restored server; what it held stays in a backup Secret."
    )
    leaves = "Airflow's connection leads to the restored server. The next helm upgrade writes the Secret anew: change "
    leaves += "data.metadataConnection.host in the values before it. Until it agrees, helm 4 ends with a conflict over "
    leaves += "the Secret, and helm 3 leads Airflow back to the old server without a word."
    stands = "2.x waits in Init against the old database; the restored one is untouched"

    def expected(self, settings: Settings) -> float:
        """Seconds, and the pods' ends."""
        return 30.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Patch, then restart what read it at its start."""
        words = "<each pod that read the connection at its start>"
        pods = EndPods(trip.site, "restart-pods", None, what="pod with the old connection", words=words)
        return (PointSecret(trip.site, None, None), pods)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Patch each Secret that leads to the old server; delete the pods that read one."""
        site = trip.site
        restored = trip.fact("restored")
        to = (str(restored["host"]), int(restored["port"]))
        pooler = await _pooler(trip)
        if trip.fact("secrets") is None:
            trip.write_fact("secrets", await self._secrets(trip, pooler))
            host, port = instances.endpoint_of(trip.fact("instance"))
            trip.write_fact("old", {"host": host, "port": port})
        for number, (name, key) in enumerate(trip.fact("secrets")):
            operation = PointSecret(site, (name, key), to)
            operation.name = f"point-connection-{number + 1}" if number else operation.name
            await trip.do(operation)
        trip.write_fact("led", list(to))
        trip.flight.connections.led_to = to
        if trip.fact("old-pods") is None:
            found = await cluster.pods(site) if pooler else await cluster.writing_pods(site)
            names = [pod.name for pod in found if not pooler or pod.component == "pgbouncer"]
            trip.write_fact("old-pods", names)
        what = "pod with the old connection"
        await trip.do(EndPods(site, "restart-pods", trip.fact("old-pods"), what=what))
        return await trip.verify(lambda: leads_there(trip), timeout=SETTLE_SECONDS)

    async def _secrets(self, trip: Trip, pooler: tuple[str, str] | None) -> list[list[str]]:
        """What must be changed: PgBouncer's configuration, or the connection's Secret and a result backend's."""
        site = trip.site
        if pooler is not None:
            return [list(pooler)]
        name, key = own_connection.reference(site, await trip.old_objects())
        found = [[name, key]]
        old = own_connection.place_of(await trip.flight.connections.kube.secret(name, key))
        backend = await trip.flight.connections.kube.find("secrets", f"{site.release}-result-backend")
        if backend is not None and "connection" in (backend.get("data") or {}):
            leads = await trip.flight.connections.kube.secret(f"{site.release}-result-backend", "connection")
            if own_connection.place_of(leads) == old:
                found.append([f"{site.release}-result-backend", "connection"])
        return found


async def _pooler(trip: Trip) -> tuple[str, str] | None:
    """PgBouncer's configuration, where the connection leads through it: a Secret of the team's own may go past it."""
    way = await direct.way(trip.site, await trip.old_objects())
    return await own_connection.pooler_secret(trip.site) if way.pooled or way.dsn else None


def lead(trip: Trip) -> None:
    """Let the cockpit's own sessions go where the database is by now, after a restart too."""
    if led := trip.fact("led"):
        trip.flight.connections.led_to = (str(led[0]), int(led[1]))


class OldIsQuiet:
    """What still talks to the old database would write where nobody looks any more."""

    id = "old"
    title = "nobody on the old database"
    purpose = "See that no session of Airflow is left on the old database."
    leaves = "The old database is kept, untouched since 3.x stopped, until somebody deletes it."
    stands = "2.x is on the restored database; something of Airflow may still be on the old one"

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 5.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """It changes nothing."""
        return ()

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Ask the old server, or the same one about the old database."""

        async def look() -> Sequence[Check]:
            mend = "restart the pods of the addresses that are named, or end the sessions"
            return (await checked("sessions on the old database", mend, _on_the_old(trip)),)

        return await trip.verify(look, timeout=SETTLE_SECONDS / 2)


async def _on_the_old(trip: Trip) -> tuple[bool, str]:
    old = trip.fact("old")
    if old is None and trip.way != DUMP:
        return False, "where the old instance is reached was not found: look whether somebody has deleted it"
    at = (str(old["host"]), int(old["port"])) if old else None
    name = "" if at else databases.old_database(trip.site, database_name(trip))
    user = trip.flight.fact(standstill.STEP, "database-user") or ""
    sql = """
        select pid, application_name, coalesce(host(client_addr), 'local') from pg_stat_activity
        where datname = coalesce(nullif(%s, ''), current_database()) and usename = coalesce(nullif(%s, ''), usename)
          and pid <> pg_backend_pid()
    """
    async with trip.flight.connections.postgres(at=at) as session:
        rows: list[Any] = await (await session.execute(sql, [name, user])).fetchall()
    words = [f"pid {pid} {application} from {address}" for pid, application, address in rows]
    return not rows, "; ".join(words) or f"none of {user or 'anybody'}"
