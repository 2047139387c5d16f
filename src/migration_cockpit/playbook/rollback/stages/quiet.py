"""Bringing 3.x to rest: the migration Job, the DAGs, the tasks in flight, then everything that writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from migration_cockpit.actions import cluster, database
from migration_cockpit.actions.cluster import Autoscaler, Workload
from migration_cockpit.actions.job_template import GRACE
from migration_cockpit.actions.migration_job import LOG_SOURCE, MigrationJob
from migration_cockpit.actions.operation import Operation, OperationError, Status
from migration_cockpit.actions.pausing import PauseAll
from migration_cockpit.actions.rollback_jobs import EndJob
from migration_cockpit.actions.stopping import PauseAutoscalers, ScaleToZero, SuspendCronJobs, end_executor_pods
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import ledger, standstill
from migration_cockpit.playbook.flight import StepReport
from migration_cockpit.playbook.gates import checked
from migration_cockpit.playbook.rollback.plan import END
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session.events import ROLLBACK, Check
from migration_cockpit.session.words import long

LOOK_EVERY = 0.5
LEDGER = "ledger"
"""Name of the fact that says which DAGs were active before this way back, where step 2 wrote no ledger."""
SETTLE_SECONDS = 10.0
"""How long the database gets to show what the API took."""


def known_job(trip: Trip) -> str:
    """Name of the last migration Job of this session; empty where none was made."""
    found = None if trip.given is None else trip.given.fact("migrate", "job")
    return str(found["name"]) if found else ""


class JobEnds:
    """A migration is never cut off in passing: it is waited for, or ended because that was asked for."""

    id = "job"
    title = "migration Job"
    purpose = "Wait until the migration Job has ended, or end it where that was chosen; then wait for its sessions."
    leaves = "No migration is at work; the schema is at the last revision that was committed."
    stands = "The migration may still be at work and nothing was changed"

    def expected(self, settings: Settings) -> float:
        """It is not known how long a migration still takes."""
        return 0.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """The end of the Job, only where that was chosen."""
        return (EndJob(trip.site, known_job(trip) or None),) if trip.job == END else ()

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Wait or end, then wait for the backends: PostgreSQL ends a statement before it undoes it."""
        name = known_job(trip)
        if name and trip.job == END:
            await trip.do(EndJob(trip.site, name))
        elif name:
            await self._wait(trip, name)

        async def look() -> Sequence[Check]:
            mend = (
                "wait: a backend ends its statement by itself, on a large table in minutes; one that waits for a lock "
                "ends when it gets it, so let go of the session that holds the lock"
            )
            return (await checked("migration sessions", mend, _no_migration(trip)),)

        # A process that hears no SIGTERM lives until its grace is over.
        return await trip.verify(look, timeout=GRACE + trip.settings.rollback.restore_timeout)

    async def _wait(self, trip: Trip, name: str) -> None:
        """Follow the Job to its end, whatever that is."""
        site, flight = trip.site, trip.flight
        position = flight.state.log_positions.get(LOG_SOURCE, "")
        operation = MigrationJob(site, name, position=position, directory=flight.recorder.artifacts)
        if (await operation.observe()).status is not Status.RUNNING:
            return
        try:
            await operation.run(StepReport(flight, ROLLBACK))
        except OperationError as error:
            flight.say(f"{error}", level="careful")


async def _no_migration(trip: Trip) -> tuple[bool, str]:
    now = trip.flight.clock.now()
    left = [each.words(now) for each in await database.sessions(trip.site) if each.migration]
    return not left, "; ".join(left) or "none"


class PauseNew:
    """Pause every DAG in 3.x, so that nothing new begins while tasks end."""

    id = "pause"
    title = "pause all DAGs"
    purpose = "Let nothing new start in 3.x."
    leaves = "Every DAG is paused in 3.x, or nothing of 3.x that could start one runs."
    stands = "3.x runs on as it was"

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 10.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """The bulk call."""
        return (PauseAll(trip.site, version=trip.settings.deployment.target_version),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Pause, where there is a scheduler to pause for."""
        if not await _scheduler_ready(trip):
            return (Check(name="DAGs paused", holds=True, found="no scheduler is ready: it is stopped next"),)
        if trip.flight.state.ledger is None and trip.fact(LEDGER) is None:
            # Step 2 was left out: what is active comes back by what is written down here.
            trip.write_fact(LEDGER, msgspec.to_builtins(await ledger.look(trip.flight)))
        for operation in self.operations(trip):
            await trip.do(operation)

        async def look() -> Sequence[Check]:
            return (await checked("DAGs paused", "pause what is named by hand", _none_active(trip)),)

        return await trip.verify(look, timeout=SETTLE_SECONDS)


async def _scheduler_ready(trip: Trip) -> bool:
    pods = await cluster.writing_pods(trip.site)
    return any(pod.component == "scheduler" and pod.ready for pod in pods)


async def _none_active(trip: Trip) -> tuple[bool, str]:
    dags = await database.dags(trip.site)
    active = [dag.dag_id for dag in dags if not dag.paused]
    names = f"; active: {', '.join(active[:5])}{' …' if len(active) > 5 else ''}" if active else ""
    return not active, f"{len(dags) - len(active)} of {len(dags)}{names}"


class DrainNew:
    """Tasks in flight get some time; what has not ended by then is cut off and may run again under 2.x."""

    id = "drain"
    title = "drain tasks"
    purpose = "Let running tasks end; after the limit they are cut off with their executor."
    leaves = "No task runs, or the limit has passed and those that do are named."
    stands = "Every DAG is paused and tasks of 3.x still run"

    def expected(self, settings: Settings) -> float:
        """At most the limit."""
        return settings.rollback.drain

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """It changes nothing."""
        return ()

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Wait, at most as long as `rollback.drain` says, counted from the stage's start, also across a restart."""
        if not await _scheduler_ready(trip):
            return (Check(name="tasks", holds=True, found="no scheduler is ready: no task is waited for"),)
        clock, limit = trip.flight.clock, trip.settings.rollback.drain
        started, most = trip.stage.started or clock.now(), 0
        while True:
            try:
                states = await database.states(trip.site)
                left = sum(states.get(state, 0) for state in database.DRAINS)
                most = max(most, left)
                trip.progress(f"{left} tasks still run", most - left, most)
            except WorldError as error:
                left = -1
                trip.progress(f"tasks cannot be counted: {error}")
            if left == 0:
                return (Check(name="tasks", holds=True, found="none runs"),)
            if (clock.now() - started).total_seconds() >= limit:
                return (Check(name="tasks", holds=True, found=await self._cut_off(trip, limit)),)
            await clock.sleep(LOOK_EVERY)

    async def _cut_off(self, trip: Trip, limit: float) -> str:
        now = trip.flight.clock.now()
        try:
            names = [task.words(now) for task in await database.draining(trip.site)]
        except WorldError as error:
            names = [f"cannot be named: {error}"]
        found = f"cut off after {long(limit)}: {'; '.join(names)}"
        trip.flight.say(found, level="careful")
        return found


class StopNew:
    """Everything of 3.x that writes to the database goes to zero."""

    id = "stop"
    title = "stop 3.x"
    purpose = "Stop everything that writes to the database: what is written after this would be lost unseen."
    leaves = "Nothing of Airflow runs; the database is as 3.x left it."
    stands = "Parts of 3.x may still run; the database is untouched"

    def expected(self, settings: Settings) -> float:
        """Until the last pod has ended."""
        return 60.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Autoscalers first: they would scale up again what is scaled to zero."""
        site = trip.site
        return (PauseAutoscalers(site), SuspendCronJobs(site), ScaleToZero(site), end_executor_pods(site))

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Write down what runs, stop it, see it gone."""
        site = trip.site
        await record(trip)
        await trip.do(PauseAutoscalers(site, _recorded(trip, "autoscalers", tuple[Autoscaler, ...])))
        await trip.do(SuspendCronJobs(site, _recorded(trip, "cronjobs", tuple[str, ...])))
        await trip.do(ScaleToZero(site, _recorded(trip, "workloads", tuple[Workload, ...])))
        bare = [pod.name for pod in await cluster.writing_pods(site) if not pod.owned]
        await trip.do(end_executor_pods(site, bare))

        async def look() -> Sequence[Check]:
            mend = "delete the pods that are named; end the sessions that are nobody's"
            return (await checked("writers", mend, nothing_writes(trip)),)

        return await trip.verify(look, timeout=trip.settings.limits.stop_components)


async def record(trip: Trip) -> None:
    """Write down what runs now and is to be stopped, once."""
    if trip.fact("workloads") is not None:
        return
    site = trip.site
    trip.write_fact("autoscalers", msgspec.to_builtins(await cluster.autoscalers(site)))
    trip.write_fact("cronjobs", list(await cluster.database_cronjobs(site)))
    if trip.flight.fact(standstill.STEP, "database-user") is None:
        trip.flight.write_fact(standstill.STEP, "database-user", await database.owner(site))
    trip.write_fact("workloads", msgspec.to_builtins(await cluster.workloads(site)))


def _recorded(trip: Trip, name: str, kind: Any) -> Any:
    return msgspec.convert(trip.fact(name) or [], kind)


def stopped_autoscalers(trip: Trip) -> tuple[Autoscaler, ...]:
    """Autoscalers to give back: as they were before the flight, else before this way back."""
    before = {(each.resource, each.name): each for each in _recorded(trip, "autoscalers", tuple[Autoscaler, ...])}
    before |= {(each.resource, each.name): each for each in standstill.recorded_autoscalers(trip.flight)}
    return tuple(before.values())


def stopped_cronjobs(trip: Trip) -> tuple[str, ...]:
    """CronJobs to give back."""
    mine: tuple[str, ...] = _recorded(trip, "cronjobs", tuple[str, ...])
    return tuple(sorted({*mine, *standstill.recorded_cronjobs(trip.flight)}))


async def nothing_writes(trip: Trip) -> tuple[bool, str]:
    """Whether neither a pod that writes nor a session of Airflow's own role is left."""
    pods, sessions = await standstill.left(trip.flight)
    words = [f"pod {pod.name} ({pod.phase})" for pod in pods] + [f"session {session}" for session in sessions]
    return not words, ", ".join(words[:6]) or "no pod and no session of Airflow is left"
