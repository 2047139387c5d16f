"""Gates before the migration: it will not be cut off, neither by a time-out, by maintenance, nor by a full disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_cockpit.actions import database, direct
from migration_cockpit.advice import estimate, rates, revisions
from migration_cockpit.config import Settings
from migration_cockpit.connections.aws import refused
from migration_cockpit.playbook import measuring
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import gate, site_of
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.words import long
from migration_cockpit.sources import probe
from migration_cockpit.sources.dialects import text

HEADROOM = 1.0
"""Free storage as a multiple of the database: half of it was seen to come on top, and this is twice that."""
WAL = 2.5
"""WAL that the migration writes, as a multiple of the database, where something holds it back."""
COUNT_SECONDS = 8.0


def gates(settings: Settings) -> Sequence[Gate]:
    """Those that this deployment's systems can answer."""
    found = [
        gate(
            "session time-outs",
            "no time-out of the role or database ends the Job's statements: its session sets its own",
            "alter role <role> reset <setting> (or in database <database>), or set postgres.direct_dsn",
            _timeouts,
        ),
        gate(
            "replication slots",
            "no replication slot without a reader holds back the WAL that the migration writes",
            "select pg_drop_replication_slot('<name>') when nobody needs it; else let its reader run, "
            "or set max_slot_wal_keep_size",
            _slots,
        ),
        gate(
            "time",
            "the migration ends within the window, by the estimate from row counts and sizes",
            "trim first (airflow db clean: xcom, task_instance_history, dag_run), or plan a longer window",
            _time,
        ),
    ]
    if settings.rds:
        found += [
            gate(
                "RDS maintenance",
                "no maintenance of the instance begins before the window closes",
                "defer it (aws rds modify-db-instance --preferred-maintenance-window …), or apply it days before",
                _maintenance,
            ),
            gate(
                "free storage",
                f"free storage holds the database once more, and {WAL} times its WAL where a slot holds it back",
                "raise the allocated storage before (it takes hours to optimise), or trim with airflow db clean",
                _storage,
            ),
        ]
    return found


# --- Time-outs -------------------------------------------------------------------------------------------------------


async def _timeouts(flight: Flight) -> tuple[bool, str]:
    user = flight.fact("helm", "database-user") or ""
    given = await probe.role_settings(flight.connections, user)
    own = not (await direct.tried(site_of(flight))).pooled
    return judge_timeouts(given, own=own, lock_timeout=flight.settings.limits.lock_timeout)


def judge_timeouts(given: probe.RoleSettings, *, own: bool, lock_timeout: float) -> tuple[bool, str]:
    """Whether time-outs may end the migration. `own` says that the Job's session settings reach the server."""
    set_ones = [
        f"{name} {long(value / 1000)} ({given.sources[name]})" for name, value in given.current.items() if value
    ]
    found = f"{given.role}: {', '.join(set_ones) or 'none set'}"
    waits = f"a lock is waited for up to {long(lock_timeout)} (limits.lock_timeout)"
    if own:
        return True, f"{found}; the Job sets its own: {waits}"
    return not set_ones, f"{found}; through PgBouncer the Job cannot set its own"


# --- Replication slots and storage -----------------------------------------------------------------------------------


async def _slots(flight: Flight) -> tuple[bool, str]:
    return judge_slots(await database.rows(site_of(flight), text("slots")))


def judge_slots(rows: Sequence[Sequence[Any]]) -> tuple[bool, str]:
    """Whether slots hold WAL back without end; rows as slots.sql gives them."""
    words, holding = [], False
    for name, kind, active, status, behind, bounded in rows:
        bad = not active and not bounded and status != "lost"
        holding |= bad
        state = "read" if active else "without a reader"
        words.append(f"{kind} {name} {state}, {behind / 1e6:,.0f} MB behind")
    limit = "; max_slot_wal_keep_size bounds them" if rows and rows[0][5] else ""
    return not holding, "; ".join(words) + limit if words else "none"


async def _storage(flight: Flight) -> tuple[bool, str]:
    site = site_of(flight)
    reading = flight.state.storage
    size = await database.size(site)
    held = not judge_slots(await database.rows(site, text("slots")))[0]
    need = size * (HEADROOM + (WAL if held else 0.0))
    if reading is None or reading.free_bytes is None:
        raise LookupError(f"CloudWatch has told no free storage yet; {_gb(need)} are needed")
    words = f"{_gb(reading.free_bytes)} free, {_gb(need)} needed for a database of {_gb(size)}"
    return reading.free_bytes >= need, words + (" and the WAL that a slot holds back" if held else "")


def _gb(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"


# --- The window ------------------------------------------------------------------------------------------------------


def _left(flight: Flight) -> tuple[datetime, datetime]:
    end = flight.state.window_end or flight.settings.schedule.window_end
    return flight.clock.now().astimezone(UTC), end.astimezone(UTC)


async def _time(flight: Flight) -> tuple[bool, str]:
    deployment = flight.settings.deployment
    now, end = _left(flight)
    measured = await measuring.sizes(flight.connections, count_seconds=COUNT_SECONDS)
    source, target, told = deployment.source_version, deployment.target_version, flight.state.migration.chains
    found, as_to = estimate.estimate(measured, source, target, rates.of(flight.settings), told), ""
    if found is None:
        # Its own revisions are read from its image, once the step runs; all that is shipped lies before them.
        newest = revisions.newest()
        found, as_to = estimate.estimate(measured, source, newest, rates.of(flight.settings)), f" as to {newest}"
    if found is None:
        raise LookupError(f"the way from {source} to {target} is not known to this cockpit: no estimate")
    left = (end - now).total_seconds()
    words = f"estimated {estimate.words(found)}{as_to}; {long(left)} of the window are left"
    return found.high <= left, words


async def _maintenance(flight: Flight) -> tuple[bool, str]:
    instance = await flight.connections.rds_instance()
    now, end = _left(flight)
    try:
        actions: list[Mapping[str, Any]] | None = await _pending(flight, instance)
    except Exception as error:
        from botocore.exceptions import ClientError

        if not isinstance(error, ClientError):
            raise
        if overlap(str(instance.get("PreferredMaintenanceWindow", "")), now, end):
            raise refused(error) from error
        actions = None
    return judge_maintenance(instance, actions, now, end)


async def _pending(flight: Flight, instance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    answer = await flight.connections.aws_call(
        "rds", "describe_pending_maintenance_actions", ResourceIdentifier=instance["DBInstanceArn"]
    )
    return [
        action
        for resource in answer.get("PendingMaintenanceActions", [])
        for action in resource.get("PendingMaintenanceActionDetails", [])
    ]


def judge_maintenance(
    instance: Mapping[str, Any], actions: Sequence[Mapping[str, Any]] | None, now: datetime, end: datetime
) -> tuple[bool, str]:
    """Whether RDS leaves the instance alone from now to the window's end; `actions` is None where they may not be read.

    A maintenance window without anything pending does nothing.
    """
    weekly = str(instance.get("PreferredMaintenanceWindow", ""))
    inside = overlap(weekly, now, end)
    changes = instance.get("PendingModifiedValues") or {}
    waiting = [f"change of {name}" for name in changes]
    forced = []
    for action in actions or ():
        name = f"{action.get('Action', 'action')} ({action.get('Description', '')})".replace(" ()", "")
        dates = [action.get(key) for key in ("CurrentApplyDate", "ForcedApplyDate", "AutoAppliedAfterDate")]
        moments = [each.astimezone(UTC) for each in dates if isinstance(each, datetime)]
        if any(now <= each <= end for each in moments):
            forced.append(name)
        else:
            waiting.append(name)
    words = f"maintenance window {weekly} UTC, {'inside' if inside else 'outside'} of the time left"
    told = "; pending: " + ", ".join(forced + waiting) if forced or waiting else "; nothing is pending"
    if actions is None:
        told += "; actions may not be read (rds:DescribePendingMaintenanceActions)"
    return not forced and not (inside and waiting), words + told


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def overlap(weekly: str, begin: datetime, end: datetime) -> bool:
    """Whether a weekly window as RDS writes it (`sun:04:00-sun:04:30`, UTC) and a stretch of time have a moment in
    common. Raises ValueError for anything else."""
    match = re.fullmatch(r"(\w{3}):(\d\d):(\d\d)-(\w{3}):(\d\d):(\d\d)", weekly.lower())
    if match is None:
        raise ValueError(f"the maintenance window {weekly!r} is not as RDS writes it")
    monday = (begin - timedelta(days=begin.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    start, stop = (
        timedelta(days=_DAYS.index(match[i]), hours=int(match[i + 1]), minutes=int(match[i + 2])) for i in (1, 4)
    )
    if stop <= start:
        stop += timedelta(days=7)
    week = timedelta(days=7)
    first = monday - week
    weeks = int((end - first) / week) + 2
    return any(first + n * week + start < end and first + n * week + stop > begin for n in range(weeks))
