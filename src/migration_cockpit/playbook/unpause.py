"""Steps 8 and 9: the DAGs of the pause ledger come back, critical ones first, knowing beforehand what that starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from migration_cockpit.actions import database
from migration_cockpit.actions.operation import Operation, OperationError
from migration_cockpit.actions.pausing import SetPaused
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import catchup, ledger
from migration_cockpit.playbook.flight import Flight, StepAborted, StepFailed
from migration_cockpit.playbook.smoke import require_ledger
from migration_cockpit.playbook.soak import failures
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check

AS_LISTED, FEWEST, STOP = "as listed", "fewest runs first", "stop"
"""Answers to how DAGs shall be unpaused."""
WAVE_LOOK = 1.0
"""Seconds between two looks at the load before the next wave."""


class UnpauseCritical:
    """Step 8."""

    id = "critical"
    title = "unpause critical"
    key = "8"
    purpose = (
        "Bring the critical DAGs back one by one, watch them, then the normal ones; what each starts is shown before."
    )
    undo = "Pause them again; runs that started go on or are failed by hand."
    differs = (
        "The new defaults of 3.x (catchup off, cron triggers) decide how many missed intervals run: they are counted "
        "before. Only DAGs of the pause ledger are unpaused; the CLI's answer (it prints the old value) is not trusted."
    )

    def expected(self, settings: Settings) -> float:
        """The pauses between the DAGs and the observation."""
        dags = settings.dags
        waits = len(dags.critical) * dags.critical_wait + len(dags.normal) * dags.normal_wait
        return waits + dags.observation

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """None but the steps before it."""
        return ()

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """One call a DAG."""
        site = Site(settings, session)
        return (
            _unpause(site, "critical", list(settings.dags.critical), settings.dags.critical_wait),
            _unpause(site, "normal", list(settings.dags.normal), settings.dags.normal_wait),
        )

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return (
            "every DAG of both lists that was active before is active in the database",
            "no task of them failed while they were observed",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Show what it starts, let the operator choose, unpause critical, observe, unpause normal."""
        settings, dags = flight.settings, flight.settings.dags
        book = require_ledger(flight)
        active = set(book.active)
        critical = [name for name in dags.critical if name in active]
        normal = [name for name in dags.normal if name in active]
        for name in (*dags.critical, *dags.normal):
            if name not in book.all:
                flight.say(f"there was no DAG {name}: is its name in [dags] right?", level="bad")
            elif name not in active:
                flight.say(f"{name} stays as it is: it was not active before", level="careful")
        orders = {AS_LISTED: "in the order of the config", FEWEST: "those that start the fewest runs come first"}
        answer, due = await _choose(flight, self.id, [*critical, *normal], orders)
        if answer == FEWEST:
            critical, normal = fewest_first(critical, due), fewest_first(normal, due)
        site = Site(settings, flight.session, flight.connections)
        await flight.do(self.id, _unpause(site, "critical", critical, dags.critical_wait))
        await self._observe(flight)
        await flight.do(self.id, _unpause(site, "normal", normal, dags.normal_wait))

        async def look() -> Sequence[Check]:
            return (*await _active(site, [*critical, *normal]), failures(settings, flight.state, flight.clock.now()))

        return await flight.verify(self.id, look, timeout=3 * settings.cadence.tasks + 2.0)

    async def _observe(self, flight: Flight) -> None:
        """Watch the critical ones; a failure asks the operator before the normal ones follow."""
        clock, seconds = flight.clock, flight.settings.dags.observation
        deadline = clock.monotonic() + seconds
        # A source that fails at the very end gets a few cadences to come back.
        patience = deadline + 3 * flight.settings.cadence.tasks + 2.0
        check = failures(flight.settings, flight.state, clock.now())
        while clock.monotonic() < (deadline if check.known else patience) and (check.holds or not check.known):
            left = max(0.0, deadline - clock.monotonic())
            flight.progress(self.id, f"observing, failed tasks: {check.found}", int(seconds - left), int(seconds))
            await clock.sleep(min(1.0, left or 1.0))
            check = failures(flight.settings, flight.state, clock.now())
        if not check.holds:
            tasks = flight.state.tasks
            blind = f"whether tasks fail cannot be seen ({check.found})"
            seen = f"{tasks.failures} tasks failed since the cut-over" if tasks and check.known else blind
            names = [f"{task.dag_id}.{task.task_id}" for task in tasks.newest_failures] if tasks else []
            made = await flight.decide(
                self.id,
                "failures",
                f"{seen}. Unpause the normal DAGs?",
                {"stop": "leave the rest paused; the step ends", "go on": "they failed before too, or do not matter"},
                evidence=names,
                reasoned=("go on",),
            )
            if made.answer == "stop":
                raise StepAborted(f"stopped after the critical DAGs came back: {seen}")


class UnpauseRest:
    """Step 9."""

    id = "rest"
    title = "unpause the rest"
    key = "9"
    purpose = "Bring back every other DAG of the pause ledger in waves, and count: active exactly as before."
    undo = "Pause all DAGs again (the bulk call of step 2, in its 3.x form)."
    differs = (
        "The playbook unpauses every paused DAG, also those that were paused on purpose: here exactly the ledger's. "
        "Waves keep a thousand DAGs from starting a thousand runs at once."
    )

    def expected(self, settings: Settings) -> float:
        """A minute and more, by the load."""
        return 120.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """None but the steps before it."""
        return ()

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """One call a DAG, in waves."""
        return (SetPaused(Site(settings, session), "unpause-wave-1", None, paused=False, version=_target(settings)),)

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return (
            "active DAGs in the database are exactly those of the pause ledger",
            "no DAG was lost or added during the window",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Waves as large as the operator chose; the next when fewer tasks than `dags.max_runs_at_once` run or wait."""
        settings = flight.settings
        site = Site(settings, flight.session, flight.connections)
        book = require_ledger(flight)
        rest = await _still_paused(site, book.active)
        most = max(1, settings.dags.max_runs_at_once)
        sizes = caps(most, len(rest))
        ways = dict.fromkeys(sizes, "the DAGs that start the fewest runs come first")
        answer, due = await _choose(flight, self.id, rest, ways)
        rest, size = fewest_first(rest, due), sizes.get(answer, most)
        # A later attempt looks anew at what is still paused; a resumed one finds its waves.
        name = f"waves#{flight.state.step(self.id).attempt}"
        waves = flight.fact(self.id, name)
        if waves is None:
            waves = [rest[start : start + size] for start in range(0, len(rest), size)]
            flight.write_fact(self.id, name, waves)
        for number, wave in enumerate(waves, start=1):
            if number > 1:
                await self._wait_for_room(flight, most)
            operation = SetPaused(site, f"unpause-wave-{number}", wave, paused=False, version=_target(settings))
            await flight.do(self.id, operation)

        async def look() -> Sequence[Check]:
            return await as_in_ledger(site, book)

        checks = await flight.verify(self.id, look, timeout=3 * settings.cadence.tasks + 2.0)
        if all(check.holds for check in checks):
            # What comes back must stay back: a second look after the sources have read once more.
            await flight.clock.sleep(2 * settings.cadence.tasks)
            checks = await flight.verify(self.id, look, timeout=0.0)
        return checks

    async def _wait_for_room(self, flight: Flight, size: int) -> None:
        site = Site(flight.settings, flight.session, flight.connections)
        while True:
            try:
                states = await database.states(site)
            except WorldError as error:
                flight.progress(self.id, f"the next wave waits: tasks cannot be counted: {error}")
            else:
                load = sum(states.get(state, 0) for state in ("running", "queued"))
                if load < size:
                    return
                flight.progress(self.id, f"{load} tasks run or wait; the next wave follows below {size}")
            await flight.clock.sleep(WAVE_LOOK)


def _target(settings: Settings) -> str:
    return settings.deployment.target_version


def _unpause(site: Site, name: str, dag_ids: list[str], wait: float) -> SetPaused:
    return SetPaused(site, f"unpause-{name}", dag_ids, paused=False, version=_target(site.settings), wait=wait)


async def _choose(
    flight: Flight, step: str, dag_ids: Sequence[str], ways: Mapping[str, str]
) -> tuple[str, Mapping[str, int]]:
    """Show what unpausing starts and let the operator choose how, or not at all.

    Returns the answer, one of `ways`, and the runs that start at once by DAG. Raises StepAborted or StepFailed.
    """
    try:
        due = await catchup.due_runs(flight, dag_ids)
    except WorldError as error:
        raise StepFailed(f"what unpausing would start cannot be counted: {error}") from error
    made = await flight.decide(
        step,
        "start",
        f"Unpausing {len(dag_ids)} DAGs starts {due.first_wave} runs at once. How?",
        {**ways, STOP: "leave them paused; the step ends"},
        evidence=due.lines,
    )
    if made.answer == STOP:
        raise StepAborted("the operator left the DAGs paused")
    return made.answer, due.by_dag


def fewest_first(dag_ids: Sequence[str], runs: Mapping[str, int]) -> list[str]:
    """The DAGs by how many runs they start at once; those that start as many keep their order."""
    return sorted(dag_ids, key=lambda name: runs.get(name, 0))


def caps(most: int, count: int) -> dict[str, int]:
    """The sizes of waves that are offered for so many DAGs, by the answer that chooses each."""
    sizes = dict.fromkeys((most, max(1, most // 5), 1))
    return {f"waves of {size}" if size > 1 else "one by one": size for size in sizes if size == most or size < count}


async def _still_paused(site: Site, wanted: Sequence[str]) -> list[str]:
    try:
        paused = {dag.dag_id: dag.paused for dag in await database.dags(site)}
    except WorldError as error:
        raise OperationError(f"the database cannot be read: {error}") from error
    return [name for name in wanted if paused.get(name, True)]


async def _active(site: Site, wanted: Sequence[str]) -> Sequence[Check]:
    try:
        left = await _still_paused(site, wanted)
    except OperationError as error:
        return (Check(name="DAGs active", holds=False, known=False, found=str(error)),)
    found = f"{len(wanted) - len(left)} of {len(wanted)}" + (f"; still paused: {', '.join(left)}" if left else "")
    mend = "run the step again: it tries only the rest" if left else ""
    return (Check(name="DAGs active", holds=not left, found=found, mend=mend),)


async def as_in_ledger(site: Site, book: ledger.Ledger) -> Sequence[Check]:
    """Whether exactly the ledger's DAGs are active, and whether there are the same DAGs as then."""
    try:
        dags = {dag.dag_id: dag.paused for dag in await database.dags(site)}
    except WorldError as error:
        return (Check(name="active as in the ledger", holds=False, known=False, found=str(error)),)
    active = {name for name, paused in dags.items() if not paused}
    missing, extra = sorted(set(book.active) - active), sorted(active - set(book.active))
    found = f"{len(active)} active of {len(dags)}, ledger {len(book.active)}"
    if missing:
        found += f"; not active: {', '.join(missing[:5])}"
    if extra:
        found += f"; unpaused by someone else: {', '.join(extra[:5])}"
    changed = sorted(set(dags) ^ set(book.all))
    return (
        Check(
            name="active as in the ledger",
            holds=not missing and not extra,
            found=found,
            mend="run the step again, and ask who paused or unpaused them" if missing or extra else "",
        ),
        Check(
            name="DAG set as before",
            holds=not changed,
            found=f"{len(dags)} of {len(book.all)}" + (f"; differs: {', '.join(changed[:5])}" if changed else ""),
            mend="a DAG was lost or added during the window: look at the bundle's revision" if changed else "",
        ),
    )
