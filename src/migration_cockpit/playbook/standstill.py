"""Bringing everything of 2.x that writes to the database to a standstill, so that a resumed flight and a rollback
know what was there before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from migration_cockpit.actions import cluster, database
from migration_cockpit.actions.cluster import Autoscaler, Pod, Workload
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.stopping import PauseAutoscalers, ScaleToZero, SuspendCronJobs, end_executor_pods
from migration_cockpit.connections import Release, WorldError
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.gates import site_of
from migration_cockpit.session import confidential
from migration_cockpit.session.redact import MASK
from migration_cockpit.session.words import long

STEP = "helm"
LOOK_EVERY = 0.5


def recorded(flight: Flight, name: str, kind: Any) -> Any:
    """A fact of step 4 in its type; an empty value of it when it was not written down."""
    found = flight.fact(STEP, name)
    return msgspec.convert(found if found is not None else [], kind)


def recorded_workloads(flight: Flight) -> tuple[Workload, ...]:
    """The workloads of 2.x with their replicas before step 4."""
    found: tuple[Workload, ...] = recorded(flight, "workloads", tuple[Workload, ...])
    return found


def recorded_autoscalers(flight: Flight) -> tuple[Autoscaler, ...]:
    """The autoscalers as they were before step 4."""
    found: tuple[Autoscaler, ...] = recorded(flight, "autoscalers", tuple[Autoscaler, ...])
    return found


def recorded_cronjobs(flight: Flight) -> tuple[str, ...]:
    """The CronJobs that step 4 suspended."""
    found: tuple[str, ...] = recorded(flight, "cronjobs", tuple[str, ...])
    return found


def generation(flight: Flight) -> int:
    """How many times the writers were brought to a standstill in this session."""
    return int((flight.fact(STEP, "standstill") or {}).get("generation", 0))


async def record_release(flight: Flight) -> None:
    """Write down revision, chart and stored values of the release as it is before the upgrade."""
    if flight.fact(STEP, "release") is None:
        await keep_release(flight, STEP)


async def keep_release(flight: Flight, step: str) -> dict[str, Any]:
    """Keep the deployed revision's values, masked, as an artifact, and revision, chart and hash as the step's fact.

    Raises StepFailed when no revision is deployed.
    """
    current = await flight.connections.releases.current()
    if current is None:
        raise StepFailed("no revision of the release is deployed: there is nothing to upgrade from, or to go back to")
    shown = msgspec.json.format(msgspec.json.encode(confidential.masked(current.values, MASK)), indent=1)
    artifact = f"values-revision-{current.revision}.json"
    flight.recorder.write_artifact(artifact, shown)
    fact = _release_fact(current, artifact)
    flight.write_fact(step, "release", fact)
    return fact


def _release_fact(release: Release, artifact: str) -> dict[str, Any]:
    encoded = msgspec.json.encode(release.values, order="deterministic")
    return {
        "revision": release.revision,
        "chart": release.chart,
        "chart_version": release.chart_version,
        "values": artifact,
        "values_sha256": hashlib.sha256(encoded).hexdigest(),
    }


async def record_what_runs(flight: Flight) -> None:
    """Write down replicas, autoscalers, CronJobs and pods before any of them is changed.

    At a second attempt most of it is at zero already: what was recorded stands, what runs again is taken in anew.
    """
    site = site_of(flight)
    before = {each.name: each for each in recorded_workloads(flight)}
    now = await cluster.workloads(site)
    before |= {each.name: each for each in now if each.replicas or each.name not in before}
    _write(flight, "workloads", list(before.values()))
    scalers = {(each.resource, each.name): each for each in recorded_autoscalers(flight)}
    for scaler in await cluster.autoscalers(site):
        scalers.setdefault((scaler.resource, scaler.name), scaler)
    _write(flight, "autoscalers", list(scalers.values()))
    cronjobs = sorted({*recorded_cronjobs(flight), *await cluster.database_cronjobs(site)})
    _write(flight, "cronjobs", cronjobs)
    pods = {*recorded(flight, "pods", tuple[str, ...]), *(pod.uid for pod in await cluster.writing_pods(site))}
    _write(flight, "pods", sorted(pods))
    if flight.fact(STEP, "database-user") is None:
        flight.write_fact(STEP, "database-user", await database.owner(site))


def _write(flight: Flight, name: str, value: Any) -> None:
    plain = msgspec.to_builtins(value)
    if flight.fact(STEP, name) != plain:
        flight.write_fact(STEP, name, plain)


async def stop(flight: Flight) -> None:
    """Stop everything that writes and wait until its pods and sessions are gone. Raises StepFailed naming what stays.

    Autoscalers first: they would scale up again what is scaled to zero.
    """
    site = site_of(flight)
    running = bool(await cluster.writing_pods(site)) or any(each.replicas for each in await cluster.workloads(site))
    if running and generation(flight) and _stands(flight):
        # Something was started after the standstill that a snapshot may have been taken of.
        flight.write_fact(STEP, "standstill", {"generation": generation(flight), "at": ""})
    await flight.do(STEP, PauseAutoscalers(site, recorded_autoscalers(flight)))
    await flight.do(STEP, SuspendCronJobs(site, recorded_cronjobs(flight)))
    await flight.do(STEP, ScaleToZero(site, recorded_workloads(flight)))
    bare = [pod.name for pod in await cluster.writing_pods(site) if not pod.owned]
    await flight.do(STEP, end_executor_pods(site, bare))
    await _gone(flight)
    if not _stands(flight):
        fact = {"generation": generation(flight) + 1, "at": flight.clock.now().isoformat()}
        flight.write_fact(STEP, "standstill", fact)


def _stands(flight: Flight) -> bool:
    return bool((flight.fact(STEP, "standstill") or {}).get("at"))


async def _gone(flight: Flight) -> None:
    limit = flight.settings.limits.stop_components
    deadline = flight.clock.monotonic() + limit
    while True:
        try:
            pods, sessions = await left(flight)
        except WorldError as error:
            pods, sessions = (), (f"cannot be read: {error}",)
        if not pods and not sessions:
            return
        flight.progress(STEP, f"{len(pods)} pods and {len(sessions)} database sessions of 2.x are still there")
        if flight.clock.monotonic() >= deadline:
            raise StepFailed(_stuck(flight, pods, sessions, limit))
        await flight.clock.sleep(LOOK_EVERY)


async def left(flight: Flight) -> tuple[Sequence[Pod], Sequence[str]]:
    """Pods that write and sessions of Airflow's database user that are still there. Raises WorldError."""
    site = site_of(flight)
    everything = await cluster.pods(site)
    pods = await cluster.writing_pods(site)
    return pods, await airflow_sessions(flight, poolers(everything))


def poolers(pods: Sequence[Pod]) -> frozenset[str]:
    """Addresses of the release's PgBouncer pods: they keep idle connections that belong to nobody."""
    return frozenset(pod.ip for pod in pods if pod.component == "pgbouncer" and pod.ip)


async def airflow_sessions(flight: Flight, pooler_addresses: frozenset[str]) -> tuple[str, ...]:
    """Sessions of the user that Airflow connects as, in words, idle ones of a pooler left out.

    Where it is not known who that is, everybody's: what cannot be excluded counts.
    """
    user = flight.fact(STEP, "database-user")
    now = flight.clock.now()
    return tuple(
        session.words(now)
        for session in await database.sessions(site_of(flight))
        if user in {None, "", session.user}
        and not session.migration
        and not (session.state == "idle" and session.address in pooler_addresses)
    )


def _stuck(flight: Flight, pods: Sequence[Pod], sessions: Sequence[str], limit: float) -> str:
    site = site_of(flight)
    words = [f"pod {pod.name} ({pod.phase})" for pod in pods] + [f"session {session}" for session in sessions]
    mend = []
    if pods:
        mend.append(site.kubectl("delete pod", pods[0].name, "--grace-period=0 --force"))
    if sessions and not pods:
        mend.append("find whose session it is and end it there, or select pg_terminate_backend(<pid>)")
    return (
        f"still there after {long(limit)}: {', '.join(words[:6])}{' …' if len(words) > 6 else ''}. "
        f"{'; '.join(mend)}. Then run the step again"
    )


def sheet(site: Site) -> tuple[Any, ...]:
    """The operations for the sheet."""
    return (PauseAutoscalers(site), SuspendCronJobs(site), ScaleToZero(site), end_executor_pods(site))
