"""The gates before the database migration: nobody else writes, the way back is there, it will not be cut off."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from migration_cockpit.actions import cluster, database, direct, dump
from migration_cockpit.actions.database import SessionRow
from migration_cockpit.actions.migration_job import status_of
from migration_cockpit.actions.operation import Status
from migration_cockpit.actions.snapshot import describe
from migration_cockpit.advice import revisions
from migration_cockpit.config import Settings, version_tuple
from migration_cockpit.playbook import migrate_data, migrate_server, recovery_points, reference, standstill
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import gate, is_file, judge_source_head, site_of, window_open
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.words import long

SHOWN = 5


def gates(settings: Settings) -> Sequence[Gate]:
    """All of them, in the order in which an operator would ask."""
    target = settings.deployment.target_version
    old_pods, sessions, migration = alone()
    return (
        old_pods,
        gate(
            "new pods wait",
            f"the pods of {target} wait: none is ready before the migration",
            "a ready pod means that somebody migrated already, or that it does not wait: look at it before going on",
            _nobody_ready,
        ),
        sessions,
        gate(
            "no open transaction",
            "no session but the waiting pods' has a transaction open, idle or at work",
            "the migration would wait for it: let its owner end it; pg_terminate_backend(<pid>) is the last resort",
            _no_open_transaction,
        ),
        gate("no prepared transaction", "pg_prepared_xacts is empty", "rollback prepared '<gid>'", _no_prepared),
        migration,
        *supported_source(settings),
        gate(
            "schema version",
            "alembic_version has one row: the source's head, or where an earlier attempt of this session stopped",
            "never delete alembic_version: put the true revision back, the journal knows the last one seen",
            _schema,
        ),
        gate(
            "recovery point",
            "a recovery point was taken after the last writer stopped, and is available",
            "run step 4's snapshot again, or take one by hand and say so as the reason",
            _recovery,
        ),
        *dump_kept(settings),
        directly(),
        window_open(),
        *reference.gates(settings),
        *migrate_server.gates(settings),
        *migrate_data.gates(settings.limits.scan),
    )


def supported_source(settings: Settings) -> Sequence[Gate]:
    """Asked below 2.11 only: the schema is the same from 2.10.3 on, what 2.11 warns of was never seen."""
    source = settings.deployment.source_version
    if version_tuple(source) >= (2, 11, 0):
        return ()

    async def look(_: Flight) -> tuple[bool, str]:
        return False, f"{source}: its schema is that of 2.11, but 2.11's deprecation warnings were never seen"

    mend = "go to 2.11 first, or say what was done instead (airflow config lint, ruff AIR30 and AIR31)"
    return (gate("source version", "the source is 2.11, the bridge to 3", mend, look),)


def dump_kept(settings: Settings) -> Sequence[Gate]:
    """Asked where a dump is configured: it is still what pg_restore could list when it was taken."""
    if not settings.dump.enabled:
        return ()
    mend = "run step 4 again, which takes a dump and proves it; or say why it may be missing"
    return (gate("dump", "the dump taken at the standstill is there, of its size and checksum", mend, _dump),)


def directly() -> Gate:
    """Which way the Job takes to the database: tried before the step, and again before the Job is made."""
    return gate(
        "direct connection",
        "the Job reaches the server itself, not through PgBouncer",
        "let pods reach the server itself, or set postgres.direct_dsn: through a pooler the Job gets no time-outs of "
        "its own and can be cut off",
        _direct,
    )


def alone() -> tuple[Gate, Gate, Gate]:
    """Nobody else writes: looked at before the step, and again before the Job is made."""
    return (
        gate(
            "no pod of the old version",
            "no pod of 2.x that talks to the database",
            "scale its workload to zero and delete the pod",
            _no_old_writer,
        ),
        gate(
            "no other session",
            "no session on the database but the cockpit's own and the waiting pods' checks",
            "find whose it is and end it there; pg_terminate_backend(<pid>) is the last resort",
            _no_other_session,
        ),
        gate(
            "no other migration",
            "nobody holds advisory lock 1, no backend of an earlier attempt works on",
            "wait until it ends: an orphaned backend ends its statement and rolls back by itself",
            _no_other_migration,
        ),
    )


async def _no_old_writer(flight: Flight) -> tuple[bool, str]:
    from migration_cockpit.playbook.helm import old_pods

    old = await old_pods(flight)
    return not old, ", ".join(f"{pod.name} {pod.version or pod.image} {pod.phase}" for pod in old) or "none"


async def _nobody_ready(flight: Flight) -> tuple[bool, str]:
    from migration_cockpit.playbook.helm import old_pods

    old = {pod.name for pod in await old_pods(flight)}
    pods = await cluster.writing_pods(site_of(flight))
    heads = await database.heads(site_of(flight))
    at_head = heads.revisions == (reference.head(flight),)
    return judge_waiting([pod for pod in pods if pod.name not in old], at_head=at_head)


def judge_waiting(pods: Sequence[cluster.Pod], *, at_head: bool) -> tuple[bool, str]:
    """Whether none of the new pods is ready; those of the old version are what another gate is about."""
    ready = [pod.name for pod in pods if pod.ready]
    if ready and at_head:
        return True, f"the schema is at the target's head already; ready: {', '.join(ready)}"
    phases = ", ".join(f"{pod.component} {pod.phase}" for pod in pods)
    return not ready, f"ready: {', '.join(ready)}" if ready else phases or "no pod of the new version yet"


_ASKING = re.compile(
    r"alembic_version|pg_catalog\.version|^\s*(show|rollback|commit|begin|set|select 1|select current_schema)\b",
    re.IGNORECASE,
)
"""Statements of `airflow db check-migrations`, which is all that the waiting pods run."""


def foreign(
    sessions: Sequence[SessionRow], *, waiting_user: str, waiting_addresses: frozenset[str], poolers: frozenset[str]
) -> list[SessionRow]:
    """Sessions that do not belong here.

    The new pods' init containers only ask for alembic_version: they are told by Airflow's user, their pods' addresses
    and their statements. An idle session of a pooler belongs to nobody.
    """
    found = []
    for session in sessions:
        if session.state == "idle" and session.address in poolers:
            continue
        waits = session.user == waiting_user and session.address in waiting_addresses and not session.migration
        if waits and (session.state == "idle" or _ASKING.search(session.query)):
            continue
        found.append(session)
    return found


async def _foreign_sessions(flight: Flight) -> list[SessionRow]:
    site = site_of(flight)
    everything = await cluster.pods(site)
    waiting = frozenset(pod.ip for pod in everything if pod.ip and pod.phase.startswith("Init:"))
    user = flight.fact(standstill.STEP, "database-user") or await database.owner(site)
    return foreign(
        await database.sessions(site),
        waiting_user=user,
        waiting_addresses=waiting,
        poolers=standstill.poolers(everything),
    )


async def _no_other_session(flight: Flight) -> tuple[bool, str]:
    now, others = flight.clock.now(), await _foreign_sessions(flight)
    words = [session.words(now) for session in others[:SHOWN]]
    return not others, "; ".join(words) + (" …" if len(others) > SHOWN else "") or "none"


async def _no_open_transaction(flight: Flight) -> tuple[bool, str]:
    now = flight.clock.now()
    words = [
        f"{session.words(now)}, in a transaction for {long((now - session.in_transaction_since).total_seconds())}"
        for session in await _foreign_sessions(flight)
        if session.in_transaction_since is not None
    ]
    return not words, "; ".join(words[:SHOWN]) + (" …" if len(words) > SHOWN else "") or "none"


async def _no_prepared(flight: Flight) -> tuple[bool, str]:
    now = flight.clock.now()
    rows = await database.prepared(site_of(flight))
    words = [f"{gid} of {owner} for {long((now - since).total_seconds())}" for gid, owner, since in rows]
    return not words, "; ".join(words[:SHOWN]) + (" …" if len(words) > SHOWN else "") or "none"


async def _no_other_migration(flight: Flight) -> tuple[bool, str]:
    site, now = site_of(flight), flight.clock.now()
    known = flight.fact("migrate", "job") or {}
    if known:
        job = await flight.connections.kube.find("jobs", known["name"])
        if job is not None and status_of(job)[0] is Status.RUNNING:
            return True, f"Job {known['name']} of this session is at work: it is joined"
    holder = await database.migration_lock(site)
    orphans = [session for session in await database.sessions(site) if session.migration]
    words = [f"advisory lock 1 is held by pid {holder}"] if holder else []
    words += [f"orphaned: {session.words(now)}" for session in orphans[:SHOWN]]
    return not words, "; ".join(words) or "none"


async def _schema(flight: Flight) -> tuple[bool, str]:
    deployment = flight.settings.deployment
    heads = await database.heads(site_of(flight))
    holds, found = judge_source_head(heads, deployment.source_version, flight.state.migration.heads)
    tried = any(name == "migrate/migration-job" for name in flight.state.operations)
    if not holds and tried and len(heads.revisions) == 1:
        told = flight.state.migration.chains
        place = revisions.place(heads.revisions[0], deployment.source_version, deployment.target_version, told)
        if place is not None:
            return True, f"{heads.revisions[0]}, {place[0]} of {place[1]} revisions: the migration goes on from there"
    return holds, found


async def _recovery(flight: Flight) -> tuple[bool, str]:
    stood = (flight.fact(standstill.STEP, "standstill") or {}).get("at")
    if not stood:
        return False, "2.x was never seen to stand still in this session"
    source = revisions.head(flight.settings.deployment.source_version)
    # Told by name, not by time: RDS's clock is not ours, and a name is only given after its standstill.
    names = recovery_points.names(site_of(flight), standstill.STEP, standstill.generation(flight))
    good = [point for point in flight.state.recovery_points if point.head == source and point.name in names]
    if not good:
        return False, f"none at {source} since 2.x stopped at {datetime.fromisoformat(stood):%H:%M:%S} UTC"
    point = good[-1]
    if point.method == "snapshot":
        found = await describe(site_of(flight), point.name)
        status = found.get("Status", "") if found else "gone"
        return status == "available", f"{point.name} is {status}, taken {point.taken:%H:%M:%S} UTC"
    path = flight.recorder.artifacts / point.name
    there = is_file(str(path))
    return there, f"{point.name} {'with checksum ' + point.checksum[:12] if there else 'is gone'}"


async def _dump(flight: Flight) -> tuple[bool, str]:
    names = recovery_points.names(site_of(flight), standstill.STEP, standstill.generation(flight))
    dumps = [each for each in flight.state.recovery_points if each.method == "dump" and each.name in names]
    if not dumps:
        return False, "none was taken since 2.x stopped"
    point = dumps[-1]
    path = flight.recorder.artifacts / point.name
    size, checksum = dump.written(path)
    holds = size == point.size and checksum == point.checksum
    found = f"{size / 1e6:,.1f} MB, sha256 {checksum[:12]}" if size >= 0 else "is gone"
    was = "" if holds else f"; it was {point.size / 1e6:,.1f} MB, {point.checksum[:12]}"
    return holds, f"{point.name} {found}, listed by pg_restore when taken{was}"


async def _direct(flight: Flight) -> tuple[bool, str]:
    way = await direct.tried(site_of(flight))
    return not (way.pooled or way.silent), f"the Job {way.words}" if way.words.startswith("goes") else way.words
