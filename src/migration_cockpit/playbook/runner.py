"""The runner: opens a step's sheet, holds its gates, flies it, writes down its outcome. One step at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec

from migration_cockpit.actions.operation import Operation, OperationError
from migration_cockpit.advice.going_back import NOT_LEFT, left
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import postpone
from migration_cockpit.playbook.flight import Flight, StepAborted, StepFailed
from migration_cockpit.playbook.rollback import flying, prospect, ways
from migration_cockpit.playbook.rollback.plan import JOB_CHOICES, WAIT, Plan, Prospect
from migration_cockpit.playbook.sheet import Refused, Sheet
from migration_cockpit.playbook.step import Step
from migration_cockpit.session import events as ev
from migration_cockpit.session.events import Check, Command
from migration_cockpit.session.journal import JournalError

__all__ = ["EARLIER_STEPS", "Refused", "Runner", "Sheet"]

EARLIER_STEPS = "the steps before it are verified"
"""Name of the gate that every step but the first has."""


class Runner:
    """Flies the steps of a playbook for one session."""

    def __init__(self, flight: Flight, steps: Sequence[Step]) -> None:
        self.flight = flight
        self.steps = {step.id: step for step in steps}
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._turning = ""
        """What begins while the step that runs is let go of; nothing else may begin meanwhile."""

    @property
    def busy(self) -> bool:
        """Whether a step runs now."""
        return self._task is not None and not self._task.done()

    def refusal(self, step_id: str) -> str:
        """Why this step cannot be opened now; empty when it can."""
        state = self.flight.state
        running = state.running_step
        back = state.rollback
        if self._turning:
            return self._turning
        if back is not None and back.outcome != "failed":
            return "the way back has begun" if back.active else f"this session was {back.outcome}: it is over"
        if state.postponement is not None and state.postponement.outcome != "failed":
            return "the migration is postponed: another session flies it, from step 1"
        if self.flight.recorder.write_error:
            return f"no step runs while the journal cannot be written: {self.flight.recorder.write_error}"
        if running is not None:
            return f"step {self.steps[running.id].title} is running"
        if state.step(step_id).passed:
            return f"step {self.steps[step_id].title} is {state.step(step_id).outcome} already; it does not run twice"
        return ""

    async def sheet(self, step_id: str, operator: str) -> Sheet:
        """Look at a step's gates and lay out what it would do. Raises Refused."""
        if why := self.refusal(step_id):
            raise Refused(why)
        step = self.steps[step_id]
        gates = tuple(self._clean(gate) for gate in await self._gates(step))
        attempt = self.flight.state.step(step_id).attempt + 1
        operations = step.operations(self.flight.settings, self.flight.session, attempt)
        sheet = Sheet(
            step=step_id,
            title=step.title,
            purpose=step.purpose,
            differs=step.differs,
            undo=step.undo,
            expected=step.expected(self.flight.settings),
            gates=gates,
            commands=self._clean_commands(operations),
            verification=tuple(step.verification(self.flight.settings)),
        )
        self.flight.record(ev.SheetOpened(step=step_id, operator=operator, gates=gates, commands=sheet.commands))
        return sheet

    def _clean(self, check: Check) -> Check:
        """Without secrets: a sheet is shown as it is, it does not come out of the journal."""
        clean = self.flight.recorder.redactor.clean
        return msgspec.structs.replace(check, found=clean(check.found), mend=clean(check.mend))

    def _clean_commands(self, operations: Iterable[Operation]) -> tuple[Command, ...]:
        clean = self.flight.recorder.redactor.clean
        commands = (command for operation in operations for command in operation.describe())
        return tuple(Command(text=clean(each.text), what=clean(each.what)) for each in commands)

    async def _gates(self, step: Step) -> tuple[Check, ...]:
        looks = [gate.look(self.flight) for gate in step.gates(self.flight.settings)]
        return (*self._earlier(step.id), *self._not_left(), *await asyncio.gather(*looks))

    def _earlier(self, step_id: str) -> tuple[Check, ...]:
        steps = list(self.flight.state.steps.values())
        before = steps[: [step.id for step in steps].index(step_id)]
        if not before:
            return ()
        open_ones = [step for step in before if not step.passed]
        found = ", ".join(f"{self.steps[step.id].title} {step.outcome or 'not flown'}" for step in open_ones)
        return (
            Check(
                name=EARLIER_STEPS,
                holds=not open_ones,
                found=found or f"{len(before)} of {len(before)}",
                mend="fly them first, or say why they may be left out",
            ),
        )

    def _not_left(self) -> tuple[Check, ...]:
        """That no way back was left half-way: what was verified before it does not tell how the world stands now."""
        where = left(self.flight.state)
        mend = "R takes the way back up again; or look what it has undone, and say why the flight goes on from there"
        return (Check(name=NOT_LEFT, holds=False, found=where, mend=mend),) if where else ()

    async def start(self, step_id: str, operator: str, reason: str = "") -> None:
        """Start a step; its gates are looked at once more. Raises Refused when they fail and no reason is given."""
        if why := self.refusal(step_id):
            raise Refused(why)
        gates = await self._gates(self.steps[step_id])
        if why := self.refusal(step_id):  # Two people share a keyboard: another start may have come first.
            raise Refused(why)
        failing = tuple(gate for gate in gates if not (gate.holds and gate.known))
        if failing and not reason.strip():
            names = "; ".join(f"{gate.name}: {gate.found}" for gate in failing)
            raise Refused(f"gates do not hold and no reason was given: {names}")
        if failing:
            self._override(step_id, operator, reason.strip(), failing)
        attempt = self.flight.state.step(step_id).attempt + 1
        self.flight.record(ev.StepStarted(step=step_id, operator=operator, gates=gates, attempt=attempt))
        self._launch(step_id, operator)

    def _override(self, step_id: str, operator: str, reason: str, failing: tuple[Check, ...]) -> None:
        self.flight.record(ev.GateOverridden(step=step_id, operator=operator, reason=reason, gates=failing))
        for step in list(self.flight.state.steps.values()):
            if step.id == step_id:
                break
            if not step.passed:
                outcome = "overridden" if step.outcome else "skipped"
                self.flight.record(ev.StepEnded(step=step.id, outcome=outcome, operator=operator, why=reason))

    async def prospect(self) -> Prospect:
        """Look which ways back there are as the world stands."""
        return await prospect.look(self.flight)

    def plan_back(self, seen: Prospect, way: str, point: str = "", job: str = WAIT) -> Plan:
        """A way of a prospect, laid out: its best point unless one is named. Raises Refused."""
        try:
            plan = prospect.plan(self.flight, seen, way, point, job)
        except KeyError as error:
            raise Refused(f"there is no {error.args[0]} to go back by") from None
        if why := plan.way.refused or (plan.point.refused if plan.point else ""):
            raise Refused(f"{plan.way.title}: {why}")
        return plan

    async def roll_back(self, way: str, point: str, operator: str, reason: str, *, job: str = WAIT) -> None:
        """Begin the way back, from the world as it stands now; `point` "" is the way's best one.

        A step that runs is let go of as when the cockpit is left: nothing of it is stopped in the world. A migration
        Job at work is waited for, or ended with `job="end"`. Raises Refused.
        """
        if not reason.strip():
            raise Refused("a way back needs a reason")
        if job not in JOB_CHOICES:
            raise Refused(f"a migration Job is {' or '.join(JOB_CHOICES)}, not {job}")
        self._may_go_back()
        plan = self.plan_back(await self.prospect(), way, point, job)
        self._may_go_back()  # the look took its time, and two people share a keyboard
        async with self._turned("the way back begins", operator, f"the way back began: {reason.strip()}"):
            self._begin_back(plan, operator, reason)

    @asynccontextmanager
    async def _turned(self, what: str, operator: str, why: str) -> AsyncIterator[None]:
        """The step that runs is let go of, and another course is begun in its place: nothing comes between."""
        self._turning = what
        try:
            await self.let_go(operator, why)
            yield
        finally:
            self._turning = ""

    def _begin_back(self, plan: Plan, operator: str, reason: str) -> None:
        self.flight.record(
            ev.RollbackStarted(
                way=plan.way.id,
                point=plan.point.name if plan.point else "",
                method=plan.point.method if plan.point else "",
                operator=operator,
                reason=reason.strip(),
                job=plan.job,
                stages=ways.recorded(plan),
            )
        )
        self._launch_back()

    def _may_go_back(self) -> None:
        back = self.flight.state.rollback
        if self._turning:
            raise Refused(self._turning)
        if self.flight.recorder.write_error:
            why = self.flight.recorder.write_error
            raise Refused(f"no way back begins while the journal cannot be written: {why}")
        if back is not None and back.outcome != "failed":
            raise Refused("the way back has begun" if back.active else f"this session was {back.outcome}: it is over")
        postponed = self.flight.state.postponement
        if postponed is not None and postponed.outcome != "failed":
            raise Refused("the migration is postponed: nothing of it has to be taken back")

    async def let_go(self, operator: str, why: str) -> None:
        """End the step that runs as aborted, here and not in the world: flown again it finds what is still at work."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if (running := self.flight.state.running_step) is not None:
            self.flight.record(ev.StepEnded(step=running.id, outcome="aborted", operator=operator, why=why))

    async def postpone(self, operator: str, reason: str) -> None:
        """Call the migration off before anything was upgraded; a step that only waits is let go of. Raises Refused."""
        if self.flight.recorder.write_error:
            raise Refused(
                f"nothing is postponed while the journal cannot be written: {self.flight.recorder.write_error}"
            )
        if why := self._turning or postpone.refusal(self.flight.state):
            raise Refused(why)
        async with self._turned("the migration is being postponed", operator, f"the migration was postponed: {reason}"):
            self.flight.record(ev.PostponeStarted(operator=operator, reason=reason))
            self._launch_postpone()

    def _launch_postpone(self) -> None:
        self._task = asyncio.create_task(self._postpone(), name="postpone")

    async def _postpone(self) -> None:
        try:
            ended = await postpone.fly(self.flight)
            self.flight.record(ended)
            if ended.outcome == "verified" and (told := self.flight.state.postponement) is not None:
                self.flight.record(ev.SessionClosed(reason=f"postponed: {told.reason}", outcome="postponed"))
        except JournalError as error:
            self.flight.recorder.write_error = str(error)

    def _launch_back(self) -> None:
        self._task = asyncio.create_task(self._fly_back(), name="rollback")

    async def _fly_back(self) -> None:
        try:
            self.flight.record(await flying.fly(self.flight))
        except JournalError as error:
            self.flight.recorder.write_error = str(error)

    def resume(self) -> None:
        """Go on with the step that was running when the last cockpit ended, or when the journal failed; or with the way
        back."""
        back = self.flight.state.rollback
        if self._turning:
            return
        if back is not None and not self._closed and not self.busy:
            flying.find_the_database(self.flight)
            if back.active:
                self._launch_back()
                return
        off = self.flight.state.postponement
        if off is not None and off.ended is None and not self.busy and not self._closed:
            self._launch_postpone()
            return
        running = self.flight.state.running_step
        if running is not None and not self.busy and not self._closed:
            self._launch(running.id, running.operator)

    def _launch(self, step_id: str, operator: str) -> None:
        self._task = asyncio.create_task(self._fly(self.steps[step_id], operator), name=f"step {step_id}")

    async def _fly(self, step: Step, operator: str) -> None:
        try:
            self.flight.record(await self._outcome(step, operator))
        except JournalError as error:
            # Without a journal there is no outcome to write down: the step stays open and is resumed.
            self.flight.recorder.write_error = str(error)

    async def _outcome(self, step: Step, operator: str) -> ev.StepEnded:
        """Fly a step to its end. Raises JournalError only."""
        checks: Sequence[Check] = ()
        try:
            checks = await step.fly(self.flight)
            failing = [check for check in checks if not (check.holds and check.known)]
            passed = "overridden" if self.flight.state.step(step.id).overridden else "verified"
            outcome = "failed" if failing else passed
            why = "; ".join(_sentence(check) for check in failing)
        except StepAborted as error:
            outcome, why = "aborted", str(error)
        except (StepFailed, OperationError) as error:
            outcome, why = "failed", str(error)
        except WorldError as error:
            outcome, why = "failed", f"{error}. Run the step again: what is done is found"
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: a defect of ours must not look like a step that runs on
            outcome, why = "failed", f"the cockpit itself failed: {type(error).__name__}: {error}"
        return ev.StepEnded(step=step.id, outcome=outcome, operator=operator, why=why, checks=tuple(checks))

    async def close(self) -> None:
        """Let go of a running step without touching what it runs in the world; the next start goes on with it."""
        self._closed = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _sentence(check: Check) -> str:
    return f"{check.name}: {check.found}{f' → {check.mend}' if check.mend else ''}"
