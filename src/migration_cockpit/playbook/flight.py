"""A flight: what a step has at hand while it runs, and the one way in which it changes the world (`do`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from migration_cockpit.actions.operation import Operation, OperationError, Report, Status
from migration_cockpit.config import Settings
from migration_cockpit.connections import Connections
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.events import Check
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import State


class StepFailed(Exception):
    """A step cannot go on; the message says why and what to do."""


class StepAborted(Exception):
    """The operator chose not to go on with the step."""


class Flight:
    """The settings, connections, journal and clock of one session, for the steps of the playbook."""

    def __init__(self, settings: Settings, connections: Connections, recorder: Recorder, clock: Clock) -> None:
        self.settings = settings
        self.connections = connections
        self.recorder = recorder
        self.clock = clock
        self.operator = ""
        self._changed = asyncio.Event()
        recorder.listeners.append(lambda _entry, _state: self._changed.set())

    @property
    def state(self) -> State:
        """All that is known now."""
        return self.recorder.state

    @property
    def session(self) -> str:
        """The session's name; names in the world are derived from it."""
        assert self.state.session is not None
        return self.state.session.session

    def record(self, event: ev.Event) -> None:
        """Write an event."""
        self.recorder.record(event)

    async def do(self, step: str, operation: Operation, report: Report | None = None) -> str:
        """Bring an operation about exactly once: look, write down the intention, run it, write down what came of it.

        `report` is where it tells how it goes, the step's own unless given. Returns its detail. Raises OperationError
        when it fails; the failure is in the journal then.
        """
        attempt = self.state.attempt(step)
        before = self.state.operations.get(f"{step}/{operation.name}")
        # Another key is another thing in the world, such as the snapshot of a later standstill.
        if before and before.outcome in {"done", "found"} and (before.attempt, before.key) == (attempt, operation.key):
            return before.detail
        names: dict[str, Any] = {"step": step, "operation": operation.name, "key": operation.key}
        seen = await operation.observe()
        if before and not before.outcome and before.key == operation.key:
            self.record(ev.OperationObserved(**names, found=seen.status.value, detail=seen.detail))
        if seen.status is Status.DONE:
            # Recorded as this attempt's own, so that a later look into the journal finds it settled.
            if not before or before.outcome or (before.attempt, before.key) != (attempt, operation.key):
                commands = operation.describe()
                self.record(ev.OperationIntended(**names, commands=commands, attempt=attempt))
            self.record(ev.OperationEnded(**names, outcome="found", detail=seen.detail))
            return seen.detail
        self.record(ev.OperationIntended(**names, commands=operation.describe(), attempt=attempt))
        try:
            detail = await operation.run(report or StepReport(self, step))
        except OperationError as error:
            self.record(ev.OperationEnded(**names, outcome="failed", detail=str(error), exit_code=error.exit_code))
            raise
        self.record(ev.OperationEnded(**names, outcome="done", detail=detail))
        return detail

    async def decide(
        self,
        step: str,
        decision: str,
        question: str,
        choices: Mapping[str, str],
        *,
        evidence: Sequence[str] = (),
        reasoned: Sequence[str] = (),
        until: Callable[[], Awaitable[str]] | None = None,
    ) -> ev.DecisionMade:
        """Ask the operator and wait for the answer; one given before a crash counts.

        `until` may answer by itself, when the world changes so that the question is moot: it returns the answer or "".
        """
        key = f"{step}/{decision}#{self.state.attempt(step)}"
        made = self.state.decisions.get(key)
        if made is None and (self.state.decision is None or self.state.decision.event.decision != decision):
            self.record(
                ev.DecisionAsked(
                    step=step,
                    decision=decision,
                    question=question,
                    choices=dict(choices),
                    evidence=tuple(evidence),
                    reasoned=tuple(reasoned),
                )
            )
        while (made := self.state.decisions.get(key)) is None:
            if until and (answer := await until()):
                self.record(ev.DecisionMade(step=step, decision=decision, answer=answer, operator="the world"))
                continue
            self._changed.clear()
            try:
                async with asyncio.timeout(1.0):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return made

    async def verify(
        self, step: str, look: Callable[[], Awaitable[Sequence[Check]]], *, timeout: float, every: float = 1.0
    ) -> tuple[Check, ...]:
        """Read a step's verification from the world until every check holds or `timeout` seconds have passed.

        Each change is an event. Returns the last checks; raises nothing: a check that cannot be read does not hold.
        """
        deadline = self.clock.monotonic() + timeout
        last: tuple[Check, ...] = ()
        while True:
            checks = tuple(await look())
            if checks != last:
                self.record(ev.StepVerified(step=step, checks=checks))
                last = checks
            if all(check.holds and check.known for check in checks) or self.clock.monotonic() >= deadline:
                return last
            await self.clock.sleep(every)

    def fact(self, step: str, name: str) -> Any:
        """A fact written down before, or None."""
        return self.state.fact(step, name)

    def write_fact(self, step: str, name: str, value: Any) -> None:
        """Write down a fact that later steps or a resumed flight need; `value` is anything JSON takes."""
        self.record(ev.StepFact(step=step, name=name, value=msgspec.Raw(msgspec.json.encode(value))))

    def say(self, text: str, *, level: str = "info", source: str = "cockpit") -> None:
        """A line for the log."""
        self.record(ev.LogLine(source=source, text=text, level=level))

    def progress(self, step: str, text: str, done: int = 0, total: int = 0) -> None:
        """How far the step is."""
        if self.state.progress(step) != (text, done, total):
            self.record(ev.StepProgress(step=step, text=text, done=done, total=total))

    def queue_message(self, step: str, name: str, text: str) -> None:
        """Queue a message; it is sent beside the steps and never holds one up. A name goes out once a session."""
        if name not in self.state.messages:
            self.record(ev.MessageQueued(step=step, message=name, text=text))


class StepReport:
    """An operation's report as events of its step."""

    def __init__(self, flight: Flight, step: str) -> None:
        self._flight = flight
        self._step = step

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        """A line for the log."""
        self._flight.record(ev.LogLine(source=source, text=text, level=level, at=at))

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """How far it is."""
        self._flight.progress(self._step, text, done, total)
