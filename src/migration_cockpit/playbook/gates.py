"""Gates that several steps share, and how a look at the world becomes a check that never raises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migration_cockpit.actions import cluster, database
from migration_cockpit.actions.helm import refused_arguments, session_mark
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import revisions
from migration_cockpit.connections import KubeError, WorldError
from migration_cockpit.connections.errors import one_line
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.preflight import rulers
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check
from migration_cockpit.session.words import long

LOOK_SECONDS = 15.0
"""A gate that has not answered by then is unknown, which never counts as holding."""
Look = Callable[[Flight], Awaitable[tuple[bool, str]]]


def site_of(flight: Flight) -> Site:
    """The site of a flight, connections and all."""
    return Site(flight.settings, flight.session, flight.connections)


def gate(name: str, asks: str, mend: str, look: Look, *, seconds: float | None = None) -> Gate:
    """A gate from a function that gives (holds, what was found) and may raise: then the value is unknown.

    `seconds` is how long it may take where that is not LOOK_SECONDS.
    """

    async def read(flight: Flight) -> Check:
        return await checked(name, mend, look(flight), seconds=seconds)

    return Gate(name=name, asks=asks, look=read)


async def checked(name: str, mend: str, look: Awaitable[tuple[bool, str]], *, seconds: float | None = None) -> Check:
    """A check from a look that may fail or hang."""
    limit = LOOK_SECONDS if seconds is None else seconds
    try:
        async with asyncio.timeout(limit):
            holds, found = await look
    except TimeoutError:
        return Check(name=name, holds=False, known=False, found=f"no answer within {limit:.0f} s", mend=mend)
    except Exception as error:  # noqa: BLE001  # the boundary: it becomes a check, and so an event
        return Check(name=name, holds=False, known=False, found=f"cannot be read: {one_line(error)}", mend=mend)
    return Check(name=name, holds=holds, found=found, mend="" if holds else mend)


@asynccontextmanager
async def world_errors(doing: str) -> AsyncIterator[None]:
    """Turn an outside system that fails into a failed step that says what was being done, and can be run again."""
    try:
        yield
    except WorldError as error:
        raise StepFailed(f"{doing}: {error}. Run the step again: what is done is found") from error


# --- Looks -----------------------------------------------------------------------------------------------------------


async def _paused(flight: Flight) -> tuple[bool, str]:
    dags = await database.dags(site_of(flight))
    active = [dag.dag_id for dag in dags if not dag.paused]
    names = f": {', '.join(active[:5])}{' …' if len(active) > 5 else ''}" if active else ""
    return bool(
        dags
    ) and not active, f"{len(dags) - len(active)} of {len(dags)} DAGs are paused, {len(active)} not{names}"


def all_paused() -> Gate:
    """Every DAG is paused, read from the database."""
    return gate(
        "DAGs paused", "every DAG is paused in the database", "run step 2 again, or pause what is named", _paused
    )


async def _drained(flight: Flight) -> tuple[bool, str]:
    states = await database.states(site_of(flight))
    left = {state: states[state] for state in database.DRAINS if states.get(state)}
    others = {state: count for state, count in states.items() if state not in database.DRAINS}
    found = ", ".join(f"{count} {state}" for state, count in left.items()) or "0 running, queued or restarting"
    rest = ", ".join(f"{count} {state}" for state, count in others.items())
    return not left, f"{found}{f' ({rest} stay as they are)' if rest else ''}"


def drained() -> Gate:
    """No task runs or is about to."""
    mend = "wait for them in step 3; going on kills them"
    return gate("tasks drained", "no task instance is running, queued or restarting", mend, _drained)


async def _source_head(flight: Flight) -> tuple[bool, str]:
    heads = await database.heads(site_of(flight))
    return judge_source_head(heads, flight.settings.deployment.source_version, flight.state.migration.heads)


def judge_source_head(heads: database.Heads, source: str, seen: Sequence[str] = ()) -> tuple[bool, str]:
    """Whether the schema is at the source version's head, with one row in alembic_version.

    `seen` are the rows that the journal saw last: what belongs there should they be gone.
    """
    expected = revisions.head(source)
    if not heads.revisions:
        return False, emptied(heads, source, seen)
    if len(heads.revisions) > 1:
        return False, f"alembic_version has {len(heads.revisions)} rows: {', '.join(heads.revisions)}"
    revision = heads.revisions[0]
    if revision == expected:
        return True, f"{revision}, the head of {source}"
    version = revisions.version_of(revision)
    of = f" (of {version})" if version else ""
    return False, f"{revision}{of}, {source} has {expected or 'no known head'}"


def emptied(heads: database.Heads, source: str, seen: Sequence[str]) -> str:
    """What an alembic_version without a row means, and what the row must be."""
    where = "alembic_version is empty" if heads.table else "there is no table alembic_version"
    if not heads.airflow:
        return where
    danger = "Airflow's tables are there: airflow db migrate would stamp the newest version over the old schema"
    if len(seen) == 1:
        # For a person to type, in words of their own database.
        row = f"the journal saw {seen[0]} last: insert into alembic_version values ('{seen[0]}')"  # noqa: S608  # never run
    else:
        row = (
            f"at {source} it is {revisions.head(source)}; a session's journal or the migration's log knows a later one"
        )
    return f"{where}. {danger}. Put the row back first; {row}"


def source_head() -> Gate:
    """The schema is at the source version's head."""
    mend = "bring the schema to the source version's head with that version's own image, or correct the config"
    return gate("schema at the source", "alembic_version has one row, the source version's head", mend, _source_head)


async def upgrade_began(flight: Flight) -> bool:
    """Whether this session's upgrade made a revision, be it a failed one: 2.x was at a standstill then.

    A revision that somebody else deployed since (a helm rollback, say) may have brought 2.x back.
    """
    before = flight.fact("helm", "release")
    if before is None or "helm/helm-upgrade" not in flight.state.operations:
        return False
    newest = await flight.connections.releases.newest()
    if newest is None or newest.revision <= before["revision"]:
        return False
    return newest.status != "deployed" or newest.description.startswith(session_mark(site_of(flight)))


async def _release_free(flight: Flight) -> tuple[bool, str]:
    newest = await flight.connections.releases.newest()
    if newest is None:
        return False, f"there is no release {flight.settings.kubernetes.release} in this namespace"
    if newest.status == "failed" and await upgrade_began(flight):
        return True, f"revision {newest.revision} is failed: this session's own upgrade, which is tried again"
    return newest.status == "deployed", f"revision {newest.revision} is {newest.status}, chart {newest.chart_version}"


def release_free() -> Gate:
    """The release is deployed and no other helm is at work on it."""
    mend = (
        "pending-*: wait for the other helm; when none runs, delete the Secret of the pending revision "
        "(sh.helm.release.v1.<release>.v<revision>), or `helm rollback` to the last deployed one. "
        "failed: find out why with `helm history` first"
    )
    return gate("Helm release", "the newest revision is deployed; no upgrade is pending or failed", mend, _release_free)


async def _helm_arguments(flight: Flight) -> tuple[bool, str]:
    helm = flight.settings.helm
    bad = refused_arguments(helm.arguments)
    bad += [f"{name} is not there" for name in helm.values if not is_file(name)]
    return not bad, "; ".join(
        bad
    ) or f"{len(helm.values)} values files, arguments: {' '.join(helm.arguments) or 'none'}"


def is_file(name: str) -> bool:
    """Whether a file is there; outside of a coroutine, for it asks the disk."""
    return Path(name).is_file()


def helm_arguments() -> Gate:
    """Nothing in helm's arguments makes the upgrade wait for the migration or roll it back."""
    asks = "helm.arguments hold no --wait, --atomic or the like, and the values files are there"
    return gate("Helm arguments", asks, "take it out of helm.arguments, correct helm.values", _helm_arguments)


async def who_rules(flight: Flight) -> tuple[bool, str]:
    """Whether nobody else rules the release, and who does or is held."""
    active: list[str] = []
    held: list[str] = []
    for resource, ruler, marks, _ in rulers.GITOPS:
        ruling, unseen = await _ruling(flight, resource, marks)
        active += [f"{ruler} {name} rules the release; whether it is suspended may not be read" for name in unseen]
        for each in ruling:
            names = held if rulers.suspended(each) else active
            names.append(f"{ruler} {each['metadata']['name']} rules the release")
    if active:
        return False, "; ".join(active)
    return True, "; ".join(f"{each}, its sync is suspended" for each in held) or "nobody else rules the release"


async def _ruling(flight: Flight, resource: str, marks: Sequence[str]) -> tuple[list[Any], list[str]]:
    """What installs the release; or, where that may not be listed, the names with which its objects are marked."""
    place, site = flight.settings.kubernetes, site_of(flight)
    try:
        # Argo CD and Flux live in namespaces of their own.
        found = await flight.connections.kube.list(resource, namespace="")
    except KubeError as error:
        if error.missing:
            return [], []
        if not error.denied:
            raise
    else:
        return [each for each in found if rulers.rules(each, place.release, place.namespace)], []
    told: set[str] = set()
    for kind in ("deployments", "statefulsets"):
        for item in await cluster.listed(site, kind, site.selector):
            given = {**cluster.labels(item), **cluster.annotations_of(item)}
            told |= {str(given[mark]) for mark in marks if mark in given}
    return [], sorted(told)


def sole_ruler() -> Gate:
    """No GitOps controller would undo what the flight does."""
    mend = "suspend its automatic sync for the window (argocd app set --sync-policy none; flux suspend helmrelease)"
    return gate("nobody else rules the release", "no Argo CD or Flux syncs the release", mend, who_rules)


async def _recovery(flight: Flight) -> tuple[bool, str]:
    ways = []
    if flight.settings.rds:
        instance = await flight.connections.rds_instance()
        status = instance.get("DBInstanceStatus", "unknown")
        # While a snapshot of the same session is being taken the instance is `backing-up`.
        if status not in {"available", "backing-up"}:
            return False, f"RDS instance {flight.settings.rds.instance} is {status}"
        ways.append(f"snapshot of {flight.settings.rds.instance} ({status})")
    if flight.settings.dump.enabled:
        ways.append("pg_dump")
    return bool(ways), ", ".join(ways) or "neither [rds] nor [dump] is configured"


def recovery_possible() -> Gate:
    """A recovery point can be taken."""
    mend = "wait until the instance is available, or configure [rds] or dump.enabled: there is no way back without one"
    return gate("recovery point", "a snapshot or a dump can be taken", mend, _recovery)


async def _version_answers(flight: Flight) -> tuple[bool, str]:
    found = await flight.connections.airflow.version()
    return found == flight.settings.deployment.source_version, f"{found} answers"


def source_answers() -> Gate:
    """The Airflow that answers is the source version."""
    mend = "correct deployment.source_version, or airflow.url"
    return gate("Airflow version", "the API answers with the source version", mend, _version_answers)


async def _window(flight: Flight) -> tuple[bool, str]:
    end = flight.state.window_end or flight.settings.schedule.window_end
    left = (end - flight.clock.now().astimezone(UTC)).total_seconds()
    if left <= 0:
        return False, f"it closed {long(-left)} ago"
    return True, f"{long(left)} left, until {end.astimezone(UTC):%H:%M} UTC"


def window_open() -> Gate:
    """The maintenance window has not closed."""
    return gate("window", "the maintenance window is open", "plan a new window: schedule in the config", _window)


def age(flight: Flight, moment: datetime) -> str:
    """How long ago, in words."""
    return long((flight.clock.now() - moment).total_seconds())
