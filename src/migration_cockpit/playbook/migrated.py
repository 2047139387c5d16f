"""What the schema says after the migration, and what state a failed one left behind. Read, never believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migration_cockpit.actions import database
from migration_cockpit.actions.database import Heads
from migration_cockpit.actions.fresh_schema import schema_sql
from migration_cockpit.actions.migration_job import MigrationJob
from migration_cockpit.actions.operation import Status
from migration_cockpit.advice import failures, revisions, schema
from migration_cockpit.playbook import reference
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import checked, emptied, site_of
from migration_cockpit.session.events import Check
from migration_cockpit.session.migration import Chains

SHOWN = 5
AGAIN = "run the step again: it goes on from the revision that is committed. Never delete alembic_version"


async def checks(flight: Flight, job: str) -> Sequence[Check]:
    """The verification of step 5."""
    return (
        await checked("Job", "read its log; a head that was reached counts all the same", _job(flight, job)),
        await checked("alembic head", AGAIN, _core(flight)),
        await checked("FAB head", "is the FAB provider in the image and core.auth_manager set to it?", _fab(flight)),
        await checked("schema", "columns differ from a fresh database: restore the recovery point", _columns(flight)),
        await checked("migration sessions", "wait: a backend ends its statement by itself", _sessions(flight)),
    )


async def _job(flight: Flight, name: str) -> tuple[bool, str]:
    seen = await MigrationJob(site_of(flight), name).observe()
    if seen.status is Status.DONE:
        return True, seen.detail
    heads = await database.heads(site_of(flight))
    reached = heads.revisions == (reference.head(flight),)
    return reached and seen.status is not Status.RUNNING, f"{seen.detail}{'; the head is reached' if reached else ''}"


async def _core(flight: Flight) -> tuple[bool, str]:
    deployment = flight.settings.deployment
    heads = await database.heads(site_of(flight))
    told = flight.state.migration.chains
    return judge(heads, deployment.source_version, deployment.target_version, reference.head(flight), told)


def judge(
    heads: Heads, source: str, target: str, expected: str | None = None, told: Chains | None = None
) -> tuple[bool, str]:
    """Whether alembic_version is one row, the head of the target version.

    `expected` is that head, `told` the way to it, where the target's image told them.
    """
    expected = expected or revisions.head(target)
    found = ", ".join(heads.revisions) or "no row"
    if expected is None:
        return False, f"{found}; the head of {target} is not known to this cockpit"
    if heads.revisions == (expected,):
        return True, f"{expected}, the head of {target}"
    place = revisions.place(heads.revisions[0], source, target, told) if len(heads.revisions) == 1 else None
    where = f", {place[0]} of {place[1]} revisions" if place else ""
    return False, f"{found}{where}, {target} has {expected}"


async def fab_done(flight: Flight) -> bool:
    """Whether the FAB provider's tables are migrated too."""
    return (await _fab(flight))[0]


async def _fab(flight: Flight) -> tuple[bool, str]:
    heads = await database.heads(site_of(flight))
    wanted = reference.of(flight)
    return judge_fab(heads, wanted.fab_head if wanted else None)


def judge_fab(heads: Heads, expected: str | None) -> tuple[bool, str]:
    """Whether the FAB tables are at a head that this version's provider has, or a newer provider's."""
    if not heads.fab:
        return False, "alembic_version_fab has no row: the FAB tables were not migrated"
    names = [each.revision for each in revisions.fab().revisions]
    least = names.index(expected) if expected in names else 0
    holds = len(heads.fab) == 1 and heads.fab[0] in (*names[least:], expected)
    return holds, ", ".join(heads.fab) + ("" if holds else f", expected {expected or ' or '.join(names)}")


async def _columns(flight: Flight) -> tuple[bool, str]:
    target = flight.settings.deployment.target_version
    wanted = reference.of(flight)
    if wanted is None:
        return False, f"{reference.missing(flight)}: finished, schema not verified"
    rows = await database.rows(site_of(flight), schema_sql())
    differences = schema.differences([(row[0], row[1], row[2], row[3]) for row in rows], wanted)
    if not differences:
        same = "" if wanted.version == target else f", whose head {target} has too"
        same = ", as its own image made it" if reference.is_kept(flight) else same
        return True, f"{wanted.count} columns as in a fresh {wanted.version}{same}"
    more = f" … {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    return False, "; ".join(differences[:SHOWN]) + more


async def _sessions(flight: Flight) -> tuple[bool, str]:
    now = flight.clock.now()
    left = [each.words(now) for each in await database.sessions(site_of(flight)) if each.migration]
    return not left, "; ".join(left) or "none"


async def after_failure(flight: Flight, job: str) -> str:
    """In what state a failed migration left the database, and whether running it again is safe."""
    deployment = flight.settings.deployment
    site, now, state = site_of(flight), flight.clock.now(), flight.state
    heads = await database.heads(site)
    if not heads.revisions:
        return emptied(heads, deployment.source_version, state.migration.heads)
    orphans = [each.words(now) for each in await database.sessions(site) if each.migration]
    may_go_on = (await MigrationJob(site, job).observe()).status is Status.RUNNING
    left = Left(
        heads=heads,
        place=revisions.place(
            heads.revisions[0], deployment.source_version, deployment.target_version, state.migration.chains
        ),
        begun=state.migration.revisions[-1].revision if state.migration.revisions else "",
        orphan=orphans[0] if orphans else "",
        job=job if may_go_on else "",
    )
    return told(left) if may_go_on else told(left, failures.why_it_ended(state))


@dataclass(frozen=True)
class Left:
    """What a migration that failed or was lost left behind."""

    heads: Heads
    place: tuple[int, int] | None
    """How many of how many revisions are committed; None where the revision is not on the way."""
    begun: str
    """The revision that its log began last."""
    orphan: str
    """A backend of it that still works, in words."""
    job: str
    """The Job where it may still go on, else empty."""


def told(left: Left, why: str = "") -> str:
    """The state in words, then what to do: run again only where that goes on safely, else the way back.

    On PostgreSQL a revision is one transaction, alembic_version in it: what was not committed is gone whole.
    """
    if len(left.heads.revisions) > 1:
        rows = ", ".join(left.heads.revisions)
        count = len(left.heads.revisions)
        return f"alembic_version has {count} rows ({rows}): running again is not safe. {why} R is the way back"
    revision = left.heads.revisions[0]
    where = f" ({left.place[0]} of {left.place[1]})" if left.place else ""
    committed = f"Committed up to {revision}{where}"
    if left.job:
        # Nothing is undone while it may still begin or go on: only the step has stopped to wait.
        return f"{committed}; Job {left.job} is still there and may go on: the step joins it again"
    if left.begun and left.begun != revision:
        undone = f"{left.begun}, which it was in, was undone whole"
    else:
        undone = "the revision after it was undone whole or never began"
    if left.place is None:
        return (
            f"{committed}, which is not on the way from source to target: do not run it again. {why} R is the way back"
        )
    if left.orphan:
        return (
            f"{committed}. A backend of it still works: {left.orphan}. It ends its statement and rolls back by itself; "
            f"until then it holds its locks and the gate `no other migration` fails. {why} Once it is gone {AGAIN}"
        )
    return f"{committed}; {undone}. {why} {AGAIN[0].upper()}{AGAIN[1:]}, or R for the way back"
