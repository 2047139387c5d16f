"""Recovery points: a snapshot or dump of the database as it is now, recorded with the alembic head it holds."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

from migration_cockpit.actions import database
from migration_cockpit.actions.dump import TakeDump
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.snapshot import TakeSnapshot, describe
from migration_cockpit.connections import WorldError, postgres
from migration_cockpit.connections.aws import refused
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.gates import site_of
from migration_cockpit.playbook.rollback import fingerprint
from migration_cockpit.session import events as ev
from migration_cockpit.sources.cost import read_marks


def operations(site: Site, step: str, *, dump: bool) -> tuple[Operation, ...]:
    """What a step takes, for its sheet."""
    found: list[Operation] = [TakeSnapshot(site, step)] if site.settings.rds else []
    if dump and site.settings.dump.enabled:
        found.append(TakeDump(site, step, None))
    return tuple(found)


def names(site: Site, step: str, generation: int) -> frozenset[str]:
    """Names of the recovery points that a step takes at the given rest of the database."""
    return frozenset({TakeSnapshot(site, step, generation).key, TakeDump(site, step, None, generation).key})


async def take(flight: Flight, step: str, generation: int, *, dump: bool) -> tuple[ev.RecoveryPoint, ...]:
    """Take what is configured and record it. Raises OperationError and WorldError.

    `generation` counts how often the database came to a new rest in this session: a point of an earlier rest is not
    one of this, and what is asked for again at the same rest is found.
    """
    site = site_of(flight)
    heads = await database.heads(site)
    head = heads.revisions[0] if len(heads.revisions) == 1 else ""
    points: list[ev.RecoveryPoint] = []
    if flight.settings.rds:
        snapshot = TakeSnapshot(site, step, generation)
        # Side by side: nothing writes, and a snapshot takes minutes in which every table can be read.
        reading = asyncio.create_task(fingerprint.keep(flight, snapshot.key))
        try:
            await flight.do(step, snapshot)
            prints = await reading
        finally:
            reading.cancel()
        points.append(await _snapshot(flight, step, snapshot.key, head, prints))
    if dump and flight.settings.dump.enabled:
        taken = TakeDump(site, step, flight.recorder.artifacts, generation)
        prints = points[0].fingerprint if points else await fingerprint.keep(flight, taken.key)
        detail = await flight.do(step, taken)
        points.append(await _dump(flight, step, taken.key, detail, head, prints))
    for point in points:
        if point not in flight.state.recovery_points:
            flight.record(point)
        await _mark(flight, point.name)
    return tuple(points)


async def _mark(flight: Flight, point: str) -> None:
    """Write down how far the tables are at this point, so that what a rollback would lose can be counted later.

    Where that cannot be read the point counts all the same.
    """
    if point in flight.state.way_back.marks:
        return
    import psycopg

    at = flight.clock.now()
    try:
        marks = await read_marks(flight.connections, point)
    except (WorldError, psycopg.Error) as error:
        why = postgres.why(error) if isinstance(error, psycopg.Error) else str(error)
        flight.say(f"what a rollback to {point} loses will not be counted: {why}", level="careful")
        return
    flight.record(ev.RecoveryMarked(point=point, at=at, marks=marks))


async def _snapshot(flight: Flight, step: str, name: str, head: str, prints: str) -> ev.RecoveryPoint:
    from botocore.exceptions import ClientError

    known = next((point for point in flight.state.recovery_points if point.name == name), None)
    if known is not None:
        return known
    try:
        found = await describe(site_of(flight), name)
    except ClientError as error:
        raise refused(error) from error
    if found is None:
        raise StepFailed(f"snapshot {name} was taken and is gone: look who deletes snapshots, then run the step again")
    created = found.get("SnapshotCreateTime")
    return ev.RecoveryPoint(
        name=name,
        method="snapshot",
        step=step,
        head=head,
        taken=created if isinstance(created, datetime) else flight.clock.now(),
        size=int(found.get("AllocatedStorage") or 0) * 1024**3,
        fingerprint=prints,
    )


async def _dump(flight: Flight, step: str, name: str, detail: str, head: str, prints: str) -> ev.RecoveryPoint:
    known = next((point for point in flight.state.recovery_points if point.name == name), None)
    if known is not None:
        return known
    path = flight.recorder.artifacts / name
    digest = re.search(r"sha256 (\w+)", detail)
    return ev.RecoveryPoint(
        name=name,
        method="dump",
        step=step,
        head=head,
        taken=datetime.fromtimestamp(_modified(str(path)), flight.clock.now().tzinfo),
        size=_size(str(path)),
        checksum=digest[1] if digest else "",
        fingerprint=prints,
    )


def _modified(path: str) -> float:
    from pathlib import Path

    return Path(path).stat().st_mtime


def _size(path: str) -> int:
    from pathlib import Path

    return Path(path).stat().st_size
