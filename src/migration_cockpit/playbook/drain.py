"""Step 3: wait until nothing runs, however long ago it was queued; after the limit the operator decides."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta

from migration_cockpit.actions import cluster, database
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import broker
from migration_cockpit.playbook.flight import Flight, StepAborted
from migration_cockpit.playbook.gates import all_paused, checked, site_of
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session import events as ev
from migration_cockpit.session.events import Check
from migration_cockpit.session.words import long, plural
from migration_cockpit.sources.dialects import text

LOOK_EVERY = 1.0
CHOICES = {
    "wait": "wait once more as long as limits.drain says",
    "proceed": "go on: step 4 kills what still runs; needs a reason",
    "abort": "end the step; nothing was changed by it",
}


class Drain:
    """Wait for running, queued and restarting task instances; everything else stays as it is and resumes later."""

    id = "drain"
    title = "drain tasks"
    key = "3"
    purpose = "Let running tasks end before their executor is stopped; show what stays half done and resumes under 3.x."
    undo = "Nothing was changed: the step only waits."
    differs = (
        "No age filter: the playbook's `queued_dttm > now() - 1 hour` hides exactly the longest tasks, and its loop is "
        "a syntax error. Half-done runs are not waited for: with their DAG paused they stay as they are."
    )

    def expected(self, settings: Settings) -> float:
        """At most the limit, without a decision."""
        return settings.limits.drain

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """With an active DAG new tasks keep coming."""
        return (all_paused(),)

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """It changes nothing."""
        return ()

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return ("no task instance is running, queued or restarting, without any age filter",)

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Wait; ask when the limit has passed. The limit counts from the step's start, also across a restart."""
        round_ = 1
        while not await self._wait(flight, self._deadline(flight, round_)):
            decision = "drain" if round_ == 1 else f"drain-{round_}"
            made = await flight.decide(
                self.id,
                decision,
                f"tasks still run after {long(flight.settings.limits.drain)}",
                CHOICES,
                evidence=await self._evidence(flight),
                reasoned=("proceed",),
                until=lambda: self._answer(flight),
            )
            if made.answer == "abort":
                (check,) = await flight.verify(self.id, lambda: self._checks(flight), timeout=0.0)
                raise StepAborted(f"the wait was ended: {check.found}. Everything stays paused; {check.mend}")
            if made.answer == "proceed":
                return self._gone_past(flight, await self._checks(flight), made)
            if made.answer == "wait" and flight.fact(self.id, self._waited(flight, round_)) is None:
                flight.write_fact(self.id, self._waited(flight, round_), flight.clock.now().isoformat())
            round_ += 1
        return await flight.verify(self.id, lambda: self._checks(flight), timeout=0.0)

    def _deadline(self, flight: Flight, round_: int) -> datetime:
        started = flight.state.step(self.id).started
        assert started is not None  # a step that flies was started
        again = flight.fact(self.id, self._waited(flight, round_ - 1))
        start = datetime.fromisoformat(again) if again else started
        return start + timedelta(seconds=flight.settings.limits.drain)

    def _waited(self, flight: Flight, round_: int) -> str:
        """Name of the fact that says when the operator chose to wait on."""
        return f"waited-{round_}#{flight.state.step(self.id).attempt}"

    async def _wait(self, flight: Flight, deadline: datetime) -> bool:
        """Wait until drained (True) or the deadline (False)."""
        most = 0
        while True:
            left = await self._left(flight)
            if left == 0:
                return True
            if left is not None:
                most = max(most, left)
                flight.progress(self.id, _still_run(left), most - left, most)
            if flight.clock.now() >= deadline:
                return False
            await flight.clock.sleep(LOOK_EVERY)

    async def _left(self, flight: Flight) -> int | None:
        """How many must still end; None when the database cannot be asked now."""
        try:
            states = await database.states(site_of(flight))
        except WorldError as error:
            flight.progress(self.id, f"tasks cannot be counted: {error}")
            return None
        return sum(states.get(state, 0) for state in database.DRAINS)

    async def _answer(self, flight: Flight) -> str:
        left = await self._left(flight)
        if left:  # also after a time in which they could not be counted
            flight.progress(self.id, _still_run(left))
        return "drained" if left == 0 else ""

    async def _evidence(self, flight: Flight) -> tuple[str, ...]:
        """What going on would kill: tasks by name, executor pods, and what waits in the broker."""
        parts = (_tasks(flight), _executor_pods(flight), _broker(flight), _half_done(flight))
        return tuple([line for part in parts for line in await _or_why_not(part)])

    async def _checks(self, flight: Flight) -> Sequence[Check]:
        mend = (
            "wait, or end these tasks in Airflow's UI (mark failed); a task whose worker is gone never ends by itself"
        )
        return (await checked("tasks drained", mend, _drained(flight)),)

    def _gone_past(self, flight: Flight, checks: Sequence[Check], made: ev.DecisionMade) -> Sequence[Check]:
        """The operator goes on over running tasks: that is an override, with its reason, not a verification."""
        failing = tuple(check for check in checks if not (check.holds and check.known))
        if failing:
            overridden = ev.GateOverridden(step=self.id, operator=made.operator, reason=made.reason, gates=failing)
            if overridden not in flight.state.overrides:
                flight.record(overridden)
        return [
            Check(name=check.name, holds=True, found=f"{check.found}; gone past by {made.operator}: {made.reason}")
            for check in checks
        ]


def _still_run(left: int) -> str:
    return "1 task still runs" if left == 1 else f"{left} tasks still run"


async def _drained(flight: Flight) -> tuple[bool, str]:
    site = site_of(flight)
    states = await database.states(site)
    left = {state: states[state] for state in database.DRAINS if states.get(state)}
    others = {state: count for state, count in states.items() if state not in database.DRAINS}
    runs = plural(await half_done_runs(site), "unfinished DAG run")
    found = ", ".join(f"{count} {state}" for state, count in left.items()) or "0 running, queued, restarting"
    if left:
        names = [task.words(flight.clock.now()) for task in await database.draining(site, 3)]
        found += f" ({'; '.join(names)})"
    rest = ", ".join(f"{count} {state}" for state, count in others.items()) or "no other live task"
    return not left, f"{found}; {rest}; {runs} resume under 3.x"


async def _or_why_not(lines: Awaitable[list[str]]) -> list[str]:
    """A part of the evidence; what cannot be read is said, and hides none of the rest."""
    try:
        return await lines
    except WorldError as error:
        return [f"cannot be read: {error}"]


async def _tasks(flight: Flight) -> list[str]:
    now = flight.clock.now()
    return [task.words(now) for task in await database.draining(site_of(flight))]


async def _executor_pods(flight: Flight) -> list[str]:
    pods = await cluster.writing_pods(site_of(flight))
    return [f"executor pod {pod.name}" for pod in pods if not pod.owned]


async def _broker(flight: Flight) -> list[str]:
    waiting = await broker.queues(site_of(flight))
    return [f"broker queue {name}: {count} messages" for name, count in waiting.items()]


async def _half_done(flight: Flight) -> list[str]:
    return [f"{await half_done_runs(site_of(flight))} DAG runs are half done and resume under 3.x"]


async def half_done_runs(site: Site) -> int:
    """DAG runs that resume when their DAG is unpaused, as the tasks pane counts them. Raises Unreachable."""
    return int((await database.rows(site, text("half_done_runs")))[0][0])
