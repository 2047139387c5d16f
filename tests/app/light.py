"""A light cockpit for the screen's tests: a real journal, real runner and real desk, small steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from migration_cockpit.actions.operation import Observation, Operation, Report, Status
from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.frames import FRAME
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.guiding import Guiding
from migration_cockpit.cockpit.preparing import Preparing
from migration_cockpit.config import STEP_IDS, Settings, parse
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.flight import Flight, StepAborted
from migration_cockpit.playbook.prepare.shape import Result
from migration_cockpit.playbook.runner import Runner
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.events import Check, Command, DriverChanged, PodLookAsked, SessionClosed
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import STEP_TITLES, State
from tests.app.fixtures import PLANNED, at, opened
from tests.app.preparing import results


def settings() -> Settings:
    """Settings of the sample deployment."""
    times: dict[str, Any] = {step: at(PLANNED[step]) for step in STEP_IDS} | {"window_end": at("16:00")}
    return parse(
        {
            "deployment": {
                "name": "airflow-prod",
                "production": True,
                "source_version": "2.11.2",
                "target_version": "3.2.2",
                "on_call": "sre-1",
            },
            "kubernetes": {"context": "prod-eu", "namespace": "airflow", "release": "airflow"},
            "helm": {"chart": "apache-airflow/airflow", "chart_version": "1.22.0", "values": ["values.yaml"]},
            "postgres": {"dsn": {"env": "DSN"}},
            "airflow": {"url": "http://localhost:8080", "username": "cockpit", "password": {"env": "PASSWORD"}},
            "dags": {"canary": "canary"},
            "slack": {"webhook": {"env": "WEBHOOK"}},
            "schedule": times,
        },
        Path("/etc/cockpit/config.toml"),
    )


class HeldClock(SystemClock):
    """Wall time stands still at a moment; durations pass."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The held moment."""
        return self.moment


class LeapingClock(SystemClock):
    """The machine's clock; a test can let any duration pass at once."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return super().monotonic() + self._ahead

    def leap(self, seconds: float) -> None:
        """So much has passed."""
        self._ahead += seconds


class SteppedClock(LeapingClock):
    """Durations pass only when the test says so; who sleeps on it wakes then."""

    def __init__(self) -> None:
        self._seconds = 1000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def monotonic(self) -> float:
        """Seconds."""
        return self._seconds

    def leap(self, seconds: float) -> None:
        """So much has passed."""
        self._seconds += seconds
        for until, woken in self._sleepers:
            if until <= self._seconds:
                woken.set()

    async def sleep(self, seconds: float) -> None:
        """Until the test has let so much pass."""
        sleeper = (self._seconds + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)


class QuickApp(CockpitApp):
    """Draws what happens as soon as what is pressed, so that a test does not wait for it."""

    EVERY = FRAME


class OnRecorder:
    """What the real cockpit tells the screen, over a recorder that a test has made itself."""

    recorder: Any
    mark, track, complain = Cockpit.mark, Cockpit.track, Cockpit.complain

    @property
    def write_error(self) -> str:
        """Why the journal cannot be written."""
        return str(self.recorder.write_error)

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` with each event."""
        self.recorder.listeners.append(lambda _entry, _state: changed())


class Still(OnRecorder):
    """A cockpit that holds one State and does nothing."""

    def __init__(self, state: State, now: datetime) -> None:
        self.settings = settings()
        self.operator = "sre-1"
        self.state = state
        self.clock = HeldClock(now)
        self.not_driving = ""
        self.recorder = SimpleNamespace(listeners=[], write_error="", record=lambda _event: None, redactor=Redactor())

    def look_at(self, pod: str) -> str:
        """Nothing is read."""
        return "nothing is read here"

    async def start(self) -> None:
        """Nothing starts."""

    async def stop(self, reason: str) -> None:
        """Nothing stops."""


def still_app(state: State, now: datetime, **options: Any) -> CockpitApp:
    """The app over a State that stands still."""
    cockpit = cast("Cockpit", Still(state, now))
    return QuickApp(cockpit, Desk(cockpit), **options)


async def _look(holds: bool, found: str, mend: str) -> Check:
    return Check(name="the broker is drained", holds=holds, found=found, mend=mend)


class SmallStep:
    """A real step whose one operation sets a flag; its gate, question and verification are what the test says."""

    key = "1"
    purpose = "Bring the flag up, so that everything after it may rest on it."
    undo = "Lower the flag: flagctl lower --all."
    differs = "The source playbook raises it by hand; here its position is read back."

    def __init__(self, step_id: str) -> None:
        self.id = step_id
        self.title = STEP_TITLES[step_id]
        self.gate_holds = True
        self.ask = False
        self.raised = 0
        self.hold: asyncio.Event | None = None

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 40.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """One gate."""

        async def look(_flight: Flight) -> Check:
            return await _look(
                self.gate_holds, "0 messages" if self.gate_holds else "3 messages", "wait for the workers"
            )

        return (Gate("the broker is drained", "no message waits", look),)

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """One operation."""
        return (RaiseFlag(self),)

    def verification(self, settings: Settings) -> Sequence[str]:
        """In words."""
        return ("the flag is up",)

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Raise it, asking first where the test wants that, and wait for `hold` where there is one."""
        if self.ask:
            choices = {"go on": "raise it now", "override": "raise it against the wind", "abort": "leave it"}
            made = await flight.decide(
                self.id,
                "wind",
                "The wind is strong. Raise it?",
                choices,
                evidence=("gusts of 9",),
                reasoned=("override",),
            )
            if made.answer == "abort":
                raise StepAborted("the operator left it")
        await flight.do(self.id, RaiseFlag(self))
        if self.hold is not None:
            await self.hold.wait()

        async def look() -> Sequence[Check]:
            return (Check(name="flag", holds=self.raised > 0, found="up" if self.raised else "down"),)

        return await flight.verify(self.id, look, timeout=2.0, every=0.05)


class RaiseFlag:
    """The operation of the small step."""

    name = "raise"

    def __init__(self, step: SmallStep) -> None:
        self.step = step
        self.key = f"flag-{step.id}"

    def describe(self) -> tuple[Command, ...]:
        """Commands, one of them long."""
        long = (
            "flagctl raise --mast main --namespace airflow --reason 'migration of airflow-prod from 2.11.2 to 3.2.2' "
        )
        return (
            Command(text=long + "--selector tier=airflow,release=airflow --timeout 30s", what="raise the flag"),
            Command(text="flagctl status --output json", what="look where it is"),
        )

    async def observe(self) -> Observation:
        """Whether it is up."""
        return Observation(Status.DONE if self.step.raised else Status.NOT_STARTED)

    async def run(self, report: Report) -> str:
        """Raise it."""
        self.step.raised += 1
        report.line("flag", "the flag goes up")
        return "up"


class LightCockpit(OnRecorder):
    """Journal, state, runner and desk are the real ones; there are no sources and no connections."""

    recorder: Recorder

    def __init__(self, directory: Path, *, clock: LeapingClock | None = None) -> None:
        self.settings = settings()
        self.operator = "sre-1"
        self.clock = clock or LeapingClock()
        self.recorder = Recorder(directory, self.clock, Redactor())
        self.connections = Connections(self.settings, self.recorder.redactor, self.clock)
        self.flight = Flight(self.settings, self.connections, self.recorder, self.clock)
        self.flight.operator = self.operator
        self.preparing = Preparing(self.flight, directory.parent / "sessions", self._prerequisites)
        self.guiding = Guiding(self.flight)
        self.small = {step: SmallStep(step) for step in STEP_IDS}
        self.runner = Runner(self.flight, list(self.small.values()))
        self.stopped = ""
        self.not_driving = ""

    @property
    def state(self) -> State:
        """All that is known now."""
        return self.recorder.state

    async def _prerequisites(self, tell: Callable[[Result], None]) -> list[Result]:
        found = results(self.clock.now())
        for each in found:
            tell(each)
        return found

    def look_at(self, pod: str) -> str:
        """As the real one, but what is read stands still until the test says what it was."""
        self.recorder.record(PodLookAsked(pod=pod))
        return ""

    async def start(self) -> None:
        """Open the session."""
        if self.state.session is None:
            self.recorder.record(opened(production=False))
        resumed = self.state.driver is not None
        self.recorder.record(DriverChanged(operator=self.operator, host="here", pid=1, resumed=resumed))
        self.runner.resume()

    def note(self, text: str) -> None:
        """As the real one."""
        Cockpit.note(cast("Cockpit", self), text)

    def answer(self, answer: str, reason: str = "") -> str:
        """As the real one."""
        return Cockpit.answer(cast("Cockpit", self), answer, reason)

    async def stop(self, reason: str) -> None:
        """Leave."""
        await self.preparing.close()
        await self.guiding.close()
        await self.runner.close()
        self.stopped = reason
        self.recorder.record(SessionClosed(reason=reason))
        self.recorder.close()


def light_app(directory: Path, *, clock: LeapingClock | None = None, **options: Any) -> tuple[CockpitApp, LightCockpit]:
    """The app over a light cockpit that writes its journal into `directory`."""
    light = LightCockpit(directory, clock=clock)
    cockpit = cast("Cockpit", light)
    return QuickApp(cockpit, Desk(cockpit), **options), light
