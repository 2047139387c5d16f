"""What the way back is, seen from where the world stands: never from the step counter."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from migration_cockpit.actions import cluster, database
from migration_cockpit.actions.dump import SUM_SUFFIX
from migration_cockpit.actions.migration_job import MigrationJob
from migration_cockpit.actions.operation import Status
from migration_cockpit.actions.snapshot import describe
from migration_cockpit.advice import revisions
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.aws import refused
from migration_cockpit.playbook import standstill
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import is_file, site_of, upgrade_began
from migration_cockpit.playbook.rollback import ways
from migration_cockpit.playbook.rollback.plan import (
    ABORT,
    DOWNGRADE,
    DUMP,
    HELM,
    RESTORE,
    WAIT,
    Plan,
    Point,
    Prospect,
    Seen,
    Way,
)
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session.events import RecoveryPoint
from migration_cockpit.session.words import plural

Found = TypeVar("Found")
LOST_IN_A_DOWNGRADE = {
    "_xcom_archive": ("pickled xcom", ", dropped with their archive"),
    "trigger": ("trigger", ": deferred tasks may fail under 2.x, or stop its scheduler (encoding of 3.2)"),
    "serialized_dag": ("serialized DAG", ", parsed again by 2.x"),
    "asset_partition_dag_run": ("run", " of asset partitions"),
    "backfill": ("backfill", ""),
    "deadline": ("deadline", ""),
    "hitl_detail": ("answer", " of people to tasks"),
    "dag_version": ("DAG version", ""),
}
"""Tables whose rows an `airflow db downgrade` drops or cannot carry: what one of them is, and what comes of them."""


async def look(flight: Flight) -> Prospect:
    """Look at Helm, the schema, the pods and the recovery points, and say which ways there are. Raises nothing."""
    seen = await see(flight)
    points = [await _point(flight, each) for each in flight.state.recovery_points]
    points += await _moments(flight)
    loses = await _downgrade_loses(flight) if seen.moved and seen.heads else ()
    return Prospect(seen=seen, ways=tuple(_way(way, seen, flight, points, loses) for way in ways.TITLES))


def plan(flight: Flight, prospect: Prospect, way_id: str, point_name: str = "", job: str = WAIT) -> Plan:
    """A way of a prospect, laid out. Raises KeyError for a way or a point that the prospect does not have."""
    way = next(each for each in prospect.ways if each.id == way_id) if prospect.way(way_id) else None
    if way is None:
        raise KeyError(way_id)
    point = next((each for each in way.points if each.name == point_name), None)
    if point is None and point_name:
        raise KeyError(point_name)
    if point is None and way.points:
        point = next((each for each in way.points if not each.refused), None)
    name, method = (point.name, point.method) if point else ("", "")
    trip = Trip(flight.settings, flight.session, way_id, name, method, job, flight)
    seen = prospect.seen
    return ways.lay_out(trip, way, point, job=bool(seen.job), stopped=seen.stopped)


async def see(flight: Flight) -> Seen:
    """What the world shows now; what cannot be read is said. Raises nothing."""
    unread: list[str] = []

    async def tried(what: str, reading: Awaitable[Found]) -> Found | None:
        try:
            return await reading
        except WorldError as error:
            unread.append(f"{what}: {error}")
            return None

    site = site_of(flight)
    newest = await tried("Helm", flight.connections.releases.newest())
    began = await tried("Helm", upgrade_began(flight))
    heads = await tried("schema", database.heads(site))
    pods = await tried("pods", cluster.writing_pods(site)) or ()
    loads = await tried("workloads", cluster.workloads(site))
    release = flight.fact(standstill.STEP, "release") or {}
    return Seen(
        at=flight.clock.now(),
        revision=f"{newest.revision} {newest.status}" if newest else "",
        recorded=int(release.get("revision", 0)),
        upgraded=bool(began) if began is not None else "helm/helm-upgrade" in flight.state.operations,
        heads=heads.revisions if heads else (),
        moved=_moved(flight, heads),
        pods=_pods(pods),
        stopped=_stopped(flight, loads),
        ledger=flight.state.ledger.active if flight.state.ledger else None,
        job=await _job(flight),
        unread=tuple(dict.fromkeys(unread)),
    )


def _moved(flight: Flight, heads: database.Heads | None) -> bool:
    """What cannot be read counts as moved once a migration was begun: the careful way is the one with a restore."""
    if heads is None:
        return "migrate/migration-job" in flight.state.operations
    return heads.revisions != (revisions.head(flight.settings.deployment.source_version),)


def _pods(pods: tuple[cluster.Pod, ...]) -> str:
    counted: dict[str, int] = {}
    for pod in pods:
        words = f"{pod.component} {pod.version or pod.image} {'ready' if pod.ready else pod.phase}"
        counted[words] = counted.get(words, 0) + 1
    return ", ".join(f"{count} {words}" for words, count in sorted(counted.items()))


def _stopped(flight: Flight, loads: tuple[cluster.Workload, ...] | None) -> bool:
    """Whether step 4 has stopped 2.x: some of it wants fewer pods than it had, or is gone.

    What cannot be read counts as stopped: to start what runs changes nothing, to leave 2.x stopped would.
    """
    before = {each.name: each.replicas for each in standstill.recorded_workloads(flight)}
    now = {each.name: each.replicas for each in loads or ()}
    return any(now.get(name, 0) < replicas for name, replicas in before.items())


async def _job(flight: Flight) -> str:
    known = flight.fact("migrate", "job")
    if not known:
        return ""
    try:
        seen = await MigrationJob(site_of(flight), str(known["name"])).observe()
    except WorldError:
        return str(known["name"])  # what cannot be excluded counts
    return str(known["name"]) if seen.status is Status.RUNNING else ""


def _way(way: str, seen: Seen, flight: Flight, points: list[Point], loses: tuple[str, ...]) -> Way:
    title, what = ways.TITLES[way]
    methods = {RESTORE: {"snapshot", "time"}, DUMP: {"dump"}}.get(way, set())
    # The youngest first; a moment only after the snapshots, whose status is known.
    mine = sorted((each for each in points if each.method in methods), key=lambda one: one.taken, reverse=True)
    mine.sort(key=lambda one: one.method == "time")
    return Way(
        id=way,
        title=title,
        what=what,
        loses=loses if way == DOWNGRADE else (),
        points=tuple(mine),
        refused=_refused(way, seen, flight, mine),
    )


def _refused(way: str, seen: Seen, flight: Flight, points: list[Point]) -> str:
    if way == ABORT:
        if seen.upgraded or seen.moved:
            return "the release was upgraded" if seen.upgraded else "the schema is not at the source's head"
        return ""
    if not seen.recorded:
        return "no Helm revision from before the upgrade was written down in this session"
    if way == HELM:
        if seen.moved:
            return "the schema is not at the source's head: 2.x would wait in Init for ever"
        return "" if seen.upgraded else "nothing was upgraded"
    if not seen.moved:
        return "the schema is at the source's head: no data has to go back"
    if way == DOWNGRADE:
        return _no_downgrade(seen, flight)
    if way == RESTORE and flight.settings.rds is None:
        return "there is no [rds] in the config"
    if not any(not point.refused for point in points):
        kind = "snapshot" if way == RESTORE else "dump"
        return f"no {kind} of this session can be gone back to"
    return ""


def _no_downgrade(seen: Seen, flight: Flight) -> str:
    deployment = flight.settings.deployment
    if len(seen.heads) != 1:
        return "alembic_version has not one row: no command of Airflow knows from where to go back"
    told = flight.state.migration.chains
    if revisions.place(seen.heads[0], deployment.source_version, deployment.target_version, told) is None:
        return f"{seen.heads[0]} is not on the way from {deployment.source_version} to {deployment.target_version}"
    return ""


async def _point(flight: Flight, point: RecoveryPoint) -> Point:
    """A recovery point as the world has it now."""
    source = revisions.head(flight.settings.deployment.source_version)
    status, refusal = "", ""
    if point.method == "snapshot":
        status, refusal = await _snapshot(flight, point.name)
    else:
        path = str(flight.recorder.artifacts / point.name)
        there = is_file(path) and is_file(path + SUM_SUFFIX)
        status, refusal = ("available", "") if there else ("gone", f"{point.name} or its checksum is gone")
    if point.head != source:
        refusal = f"it holds {point.head or 'an unknown schema'}, the source has {source}"
    return Point(point.name, point.method, point.step, point.head, point.taken, status, refusal)


async def _snapshot(flight: Flight, name: str) -> tuple[str, str]:
    from botocore.exceptions import ClientError

    try:
        found = await describe(site_of(flight), name)
    except ClientError as error:
        return "unknown", f"it cannot be read: {refused(error)}"
    except WorldError as error:
        return "unknown", f"it cannot be read: {error}"
    status = str(found.get("Status", "unknown")) if found else "gone"
    return status, "" if status == "available" else f"it is {status}"


async def _moments(flight: Flight) -> list[Point]:
    """The last moment before the migration began, where the server can be restored to it."""
    rds, job = flight.settings.rds, flight.state.operations.get("migrate/migration-job")
    stood = (flight.fact(standstill.STEP, "standstill") or {}).get("at")
    # A second attempt began where the first had left the schema: its beginning is no moment of 2.x.
    if rds is None or job is None or job.attempt > 1 or not stood:
        return []
    moment = job.intended.replace(microsecond=0) - timedelta(seconds=1)
    if moment <= datetime.fromisoformat(stood):
        return []
    source = revisions.head(flight.settings.deployment.source_version) or ""
    try:
        latest = (await flight.connections.rds_instance()).get("LatestRestorableTime")
    except WorldError as error:
        return [Point(moment.isoformat(), "time", "migrate", source, moment, "unknown", f"it cannot be read: {error}")]
    reached = isinstance(latest, datetime) and latest >= moment
    status = f"restorable up to {latest:%H:%M:%S} UTC" if isinstance(latest, datetime) else "not restorable"
    refusal = "" if reached else "the server cannot be restored to that moment yet"
    return [Point(moment.isoformat(), "time", "migrate", source, moment, status, refusal)]


async def _downgrade_loses(flight: Flight) -> tuple[str, ...]:
    """What an `airflow db downgrade` drops or cannot carry, counted now; each query on its own."""
    site, words = site_of(flight), []
    moved = "select count(*) from dag_run where logical_date is null"
    for sql, (one, more) in (
        (moved, ("run", " without a logical date, moved into a table _airflow_moved__*")),
        *((f"select count(*) from {table}", what) for table, what in LOST_IN_A_DOWNGRADE.items()),  # noqa: S608 - names of ours
    ):
        try:
            count = int((await database.rows(site, sql))[0][0])
        except WorldError as error:
            if "schema is neither" not in str(error):
                words.append(f"{one}s{more}: not counted, {error}")
            continue
        if count:
            words.append(f"{plural(count, one)}{more}")
    before = _task_failures(flight)
    return (*words, *((f"{plural(before, 'row')} of task_fail, dropped by the migration",) if before else ()))


def _task_failures(flight: Flight) -> int:
    from migration_cockpit.playbook.rollback import fingerprint

    for point in flight.state.recovery_points:
        kept = fingerprint.load(flight, point.fingerprint)
        if kept and (table := kept.tables.get("public.task_fail")):
            return table.rows
    return 0
