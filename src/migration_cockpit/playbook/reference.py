"""The reference of the target's schema, and the revisions that lead there: shipped, else asked of the target's image.

Without a reference, a migration is finished and its schema not verified: the step stays open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import msgspec

from migration_cockpit.actions import database, direct, fresh_schema, image_chain, job_source
from migration_cockpit.actions.fresh_schema import (
    ChainJob,
    DropScratch,
    KeepReference,
    MakeScratch,
    ReferenceJob,
    reference_job_name,
)
from migration_cockpit.actions.operation import Operation, OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import revisions, schema
from migration_cockpit.advice.schema import Reference, Row
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook.flight import Flight, StepReport
from migration_cockpit.playbook.gates import gate, site_of
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import ChainTold

STEP = "migrate"
FACT = "reference"
"""What was kept (file, sha256, head, fab), or why nothing was."""


def of(flight: Flight) -> Reference | None:
    """The reference by which the schema is verified."""
    return _kept(flight) or schema.reference(flight.settings.deployment.target_version)


def head(flight: Flight) -> str | None:
    """The head that the target has."""
    found, told = _kept(flight), flight.state.migration.chains
    if found is not None:
        return found.head
    return told.core[-1].revision if told else revisions.head(flight.settings.deployment.target_version)


def missing(flight: Flight) -> str:
    """Why there is no reference."""
    told = flight.fact(STEP, FACT) or {}
    why = f" ({told['why']})" if told.get("why") else ""
    return f"there is no reference for {flight.settings.deployment.target_version}{why}"


def is_kept(flight: Flight) -> bool:
    """Whether the reference is one that the target's image made in this session."""
    return _kept(flight) is not None


def _kept(flight: Flight) -> Reference | None:
    told = flight.fact(STEP, FACT) or {}
    if "sha256" not in told:
        return None
    try:
        content = (flight.recorder.artifacts / told["file"]).read_bytes()
    except OSError:
        return None
    # A file that somebody changed proves nothing.
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        return None
    return msgspec.json.decode(content, type=Reference)


def operations(site: Site, attempt: int) -> Sequence[Operation]:
    """What is done for it, for the step's sheet; nothing where the reference is shipped."""
    if not schema.image_is_asked(site.settings):
        return ()
    name, airflow = reference_job_name(site, attempt), "<database>"
    return (
        MakeScratch(site, airflow),
        ReferenceJob(site, name),
        KeepReference(site, airflow),
        DropScratch(site, airflow, job=name),
    )


def gates(settings: Settings) -> Sequence[Gate]:
    """Asked only where the image must be: whether a scratch database can be made for it."""
    if not schema.image_is_asked(settings):
        return ()
    target = settings.deployment.target_version
    return (
        gate(
            "schema reference",
            f"the schema of {target}, which is not shipped, can be asked of its image on a scratch database",
            "ALTER ROLE <role> CREATEDB, or set rollback.admin_dsn; without it the step ends finished, not verified",
            _possible,
        ),
    )


async def _possible(flight: Flight) -> tuple[bool, str]:
    if is_kept(flight):
        return True, "kept in this session"
    site = site_of(flight)
    owner = await database.owner(site)
    creates, role = await fresh_schema.may_create(site, await _admin(site), owner)
    found = f"{role} may {'' if creates else 'not '}create a database of {owner}"
    alike = schema.reference(flight.settings.deployment.target_version)
    if creates or alike is None:
        return creates, found
    return True, f"{found}: the schema is held against that of {alike.version}"


async def take(flight: Flight) -> None:
    """Ask the target's image, unless its reference is shipped or kept. What goes wrong is said, and ends nothing.

    A cockpit that comes later goes on with what the last one began. Raises JournalError.
    """
    if not schema.image_is_asked(flight.settings):
        return
    attempt, told = flight.state.attempt(STEP), flight.fact(STEP, FACT) or {}
    if told.get("attempt") == attempt and "why" in told:
        return
    try:
        if not is_kept(flight):
            await _take(flight, attempt)
        elif not _dropped(flight):
            await _end(flight, told["attempt"])
    except (OperationError, WorldError) as error:
        target = flight.settings.deployment.target_version
        if not is_kept(flight):
            flight.write_fact(STEP, FACT, {"attempt": attempt, "why": str(error)})
        flight.say(f"The schema of {target} cannot be asked of its image as it should: {error}", level="careful")


async def _take(flight: Flight, attempt: int) -> None:
    site = site_of(flight)
    name, owner, admin = reference_job_name(site, attempt), await database.owner(site), await _admin(site)
    creates, role = await fresh_schema.may_create(site, admin, owner)
    report = StepReport(flight, STEP)
    if not creates:
        await _chains_only(flight, attempt, report)
        raise OperationError(f"{role} has no CREATEDB: a scratch database cannot be made; rollback.admin_dsn may")
    airflow = await _airflow(site)
    try:
        await flight.do(STEP, MakeScratch(site, airflow, admin, owner=owner), report)
        dsn = fresh_schema.on_database(await direct.airflow_dsn(site), fresh_schema.scratch_database(site, airflow))
        flight.connections.redactor.register(dsn)
        # Never the chart's own arguments: they may set the connection again, and then to Airflow's own database.
        manifest, secret = await job_source.build(
            site, name, ReferenceJob.program, dsn=dsn, application=fresh_schema.APPLICATION
        )
        await flight.do(STEP, ReferenceJob(site, name, manifest=manifest, dsn=secret), report)
        await flight.do(STEP, KeepReference(site, airflow, admin, partial(_keep, flight)), report)
    except (OperationError, WorldError):
        # A cockpit that only leaves drops nothing: the next one joins the Job.
        await _drop(flight, attempt)
        raise
    await _end(flight, attempt)


async def _end(flight: Flight, attempt: int) -> None:
    """Keep the revisions that the Job printed, unless they are, and let it go with its database."""
    if flight.state.migration.chains is None:
        await _keep_chains(flight, ReferenceJob(site_of(flight), reference_job_name(site_of(flight), attempt)))
    await _drop(flight, attempt)


async def _chains_only(flight: Flight, attempt: int, report: StepReport) -> None:
    """Ask the image for its revisions alone. Raises OperationError and WorldError, with nothing left behind."""
    if flight.state.migration.chains is not None:
        if not _dropped(flight):
            await _drop(flight, attempt)
        return
    site = site_of(flight)
    name = reference_job_name(site, attempt)
    manifest, secret = await job_source.build(
        site, name, ChainJob.program, dsn=ChainJob.dsn, application=fresh_schema.APPLICATION
    )
    try:
        await flight.do(STEP, ChainJob(site, name, manifest=manifest, dsn=secret), report)
    except (OperationError, WorldError):
        await _drop(flight, attempt)
        raise
    await _end(flight, attempt)


async def _keep_chains(flight: Flight, job: ReferenceJob) -> None:
    """Write down which revisions lead to the target. Without them there is a migration, and no bar and no end of it."""
    deployment, kept = flight.settings.deployment, _kept(flight)
    start = revisions.head(deployment.source_version) or deployment.source_version
    try:
        chains = image_chain.read(await job.printed(), start, kept.head if kept else None)
    except (image_chain.NoChain, WorldError) as error:
        flight.say(f"how far the migration is will not be known, nor its end: {error}", level="careful")
        return
    flight.record(ChainTold(version=deployment.target_version, chains=chains))
    flight.say(f"the image of {deployment.target_version} tells {len(chains.core) - 1} revisions ahead")


async def _drop(flight: Flight, attempt: int) -> None:
    site = site_of(flight)
    drop = DropScratch(site, await _airflow(site), await _admin(site), job=reference_job_name(site, attempt))
    await flight.do(STEP, drop, StepReport(flight, STEP))


def _dropped(flight: Flight) -> bool:
    """Whether nothing of the last one is left."""
    last = flight.state.operations.get(f"{STEP}/{DropScratch.name}")
    return last is not None and last.outcome in {"done", "found"}


async def _airflow(site: Site) -> str:
    """The name of Airflow's database."""
    return str((await database.rows(site, "select current_database()"))[0][0])


async def _admin(site: Site) -> str:
    """The connection of the role that may create databases. Raises WorldError."""
    given = site.settings.rollback.admin_dsn
    return await site.live.secret(given) if given is not None else await direct.airflow_dsn(site)


def _keep(flight: Flight, found: str, fab: str | None, rows: Sequence[Row]) -> None:
    target = flight.settings.deployment.target_version
    made = schema.made(target, found, fab, rows)
    file = flight.recorder.write_artifact(f"schema-{target}.json", msgspec.json.encode(made))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    attempt = flight.state.attempt(STEP)
    told = {"attempt": attempt, "file": file.name, "sha256": digest, "head": found, "fab": fab, "columns": made.count}
    flight.write_fact(STEP, FACT, told)
