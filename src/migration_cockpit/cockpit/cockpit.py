"""One migration being flown: journal, connections, sources and runner wired together; the screen draws it.

Making one takes the lock and folds the journal, no more: the playbook and the connections are loaded when `start` needs
them, after the screen has painted.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.cockpit.logbook import Logbook
from migration_cockpit.cockpit.shown import LIVE, NOT_DRIVING, NOT_RECORDED, Mark, Track
from migration_cockpit.cockpit.shown import STARTING as NOT_YET
from migration_cockpit.config import Settings
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock, SystemClock
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.places import sessions_home
from migration_cockpit.session.state import State

if TYPE_CHECKING:
    from migration_cockpit.cockpit.changeover import Changeover
    from migration_cockpit.cockpit.crew import Crew
    from migration_cockpit.cockpit.driving import Driving
    from migration_cockpit.cockpit.guiding import Guiding
    from migration_cockpit.cockpit.looking import Looks
    from migration_cockpit.cockpit.preparing import Preparing
    from migration_cockpit.connections import Connections
    from migration_cockpit.playbook.flight import Flight
    from migration_cockpit.playbook.runner import Runner
    from migration_cockpit.playbook.step import Step
    from migration_cockpit.session.recorder import Recorder
    from migration_cockpit.session.redact import Redactor

STARTING = "the cockpit is starting: keys are off until it is known who drives"
"""Why keys that change anything are off at first."""
HELD_BACK = "the journal cannot be written: what is read now would be lost"
"""Why nothing is read on demand then."""
OF_A_FLIGHT = ("flight", "runner", "preparing", "guiding")
"""The parts that rest on the recorder."""


def _shape_of_state() -> None:
    """Have at hand what a keyframe says of State: worked out with the first of them it would hold up a frame."""
    from migration_cockpit.session.keyframes import written_by

    written_by()


class Cockpit:
    """A session with everything that feeds and flies it. Used from one event loop."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        *,
        operator: str,
        clock: Clock | None = None,
        steps: Sequence[Step] | None = None,
        observe: bool = False,
        at_once: bool = True,
    ) -> None:
        """Take the session's lock and fold its journal. `steps` are those of migration day unless others are given.

        Unless `at_once` a new journal is begun by `start`, after the screen has painted.
        With `observe` a session that another cockpit flies is followed, until this one takes over or is given the helm.
        Raises JournalError when another cockpit flies it otherwise, when it is of another deployment, or when the
        journal is damaged or cannot be written.
        """
        self.settings = settings
        self.operator = operator
        self.clock = clock or SystemClock()
        self.logbook = Logbook(directory, self.clock, lambda: self._redactor, operator=operator, observe=observe)
        if at_once or self.logbook.there:
            self._must_be_ours()
        self._steps = steps
        self._starting = False
        """From the beginning of the start until it is known who drives."""
        self._taken = False
        """Whether the journal says that this cockpit flies."""
        self._crew: Crew | None = None
        """What works beside the steps; None until this cockpit flies."""
        self._changeover: Changeover | None = None
        """None before the start."""

    def _must_be_ours(self) -> None:
        from migration_cockpit.cockpit.opening import other_place

        if why := other_place(self.recorder.state, self.settings):
            self.recorder.close()
            self.logbook.release()
            raise JournalError(f"{self.logbook.directory}: {why}; give its own config, or another --session")

    @cached_property
    def _redactor(self) -> Redactor:
        from migration_cockpit.session.redact import of_deployment

        return of_deployment(self.settings)

    @property
    def recorder(self) -> Recorder:
        """What writes the journal, or follows it where another cockpit writes; a new journal is begun here."""
        return self.logbook.recorder

    @cached_property
    def connections(self) -> Connections:
        """The outside systems, none of them reached yet."""
        from migration_cockpit.connections import Connections

        return Connections(self.settings, self._redactor, self.clock)

    @cached_property
    def flight(self) -> Flight:
        """What the steps have at hand."""
        from migration_cockpit.playbook.flight import Flight

        flight = Flight(self.settings, self.connections, self.recorder, self.clock)
        flight.operator = self.operator
        return flight

    @cached_property
    def guiding(self) -> Guiding:
        """What gathers the evidence of the guided pages."""
        from migration_cockpit.cockpit.guiding import Guiding

        return Guiding(self.flight)

    @cached_property
    def looks(self) -> Looks:
        """What reads a pod's events and log when somebody looks at it."""
        from migration_cockpit.cockpit.looking import Looks

        return Looks()

    @cached_property
    def preparing(self) -> Preparing:
        """What looks at the prerequisites."""
        from migration_cockpit.cockpit.preparing import Preparing

        return Preparing(self.flight, sessions_home())

    @cached_property
    def runner(self) -> Runner:
        """What flies the steps."""
        from migration_cockpit.playbook.runner import Runner
        from migration_cockpit.playbook.steps import STEPS

        return Runner(self.flight, self._steps or STEPS)

    @property
    def state(self) -> State:
        """All that is known now."""
        return self.logbook.state

    @property
    def write_error(self) -> str:
        """Why the journal cannot be written; empty when it can."""
        return self.logbook.write_error

    @property
    def mark(self) -> Mark:
        """That this is the flight itself, and whether it is recorded."""
        if why := self.not_driving:
            # While it starts the journal of the one before is shown, and nothing is written.
            return NOT_YET if why == STARTING else NOT_DRIVING
        if self.state.session is None:
            return NOT_YET
        return NOT_RECORDED if self.write_error else LIVE

    @property
    def track(self) -> Track | None:
        """A flight goes one way only."""
        return None

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` when there is something new to draw."""
        self.logbook.listen(changed)

    def look_at(self, pod: str) -> str:
        """Have a pod's events and log read, beside everything else; returns why they cannot be, or ""."""
        if not self.logbook.ours:
            return "another cockpit flies: it shows what that one looks at"
        if self.write_error:
            return HELD_BACK
        if self._crew is None:
            return STARTING
        self.looks.begin(pod, self.connections, self.recorder)
        return ""

    def complain(self, text: str) -> None:
        """Record a failure of the screen itself."""
        self.recorder.record(ev.LogLine(source="cockpit", text=text, level="bad"))

    async def start(self) -> None:
        """Open or go on with the session and start reading the world; follow it where another cockpit flies it."""
        self._starting = True
        if not self.logbook.begun:
            self.recorder.sync()  # a journal that cannot be begun is said before anything is asked of the world
        self.logbook.keep_listeners()
        for heavy in ("playbook.steps", "sources"):
            await asyncio.to_thread(import_module, f"migration_cockpit.{heavy}")
        # One after another on one thread: sources that begin together would import the same packages at once.
        await self.connections.warm()
        await asyncio.to_thread(_shape_of_state)
        from migration_cockpit.cockpit.changeover import Changeover

        self._changeover = Changeover(self)
        await self._changeover.begin()
        if self.logbook.ours:
            await self.fly()
        else:
            self.logbook.follow()

    # --- Who drives ---------------------------------------------------------------------------------------------------

    @property
    def driving(self) -> Driving | None:
        """Who drives, by the lease; None before the start."""
        return None if self._changeover is None else self._changeover.driving

    @property
    def not_driving(self) -> str:
        """Why keys that change anything are off; empty when they are not."""
        # Before the lease is asked for nobody knows whether another cockpit drives.
        if self._changeover is None:
            return STARTING if self._starting else ""
        return self._changeover.not_driving

    async def take_over(self) -> str:
        """Take the helm from a cockpit that is gone or offers it; returns why that cannot be, or ""."""
        return STARTING if self._changeover is None else await self._changeover.take_over()

    def helm_changed(self, *, held: bool, why: str) -> None:
        """Put it into the record that the helm was lost or is held again; a step that runs is left to finish."""
        if self._taken:
            with suppress(JournalError):
                self.recorder.record(ev.LeaseChanged(held=held, why=why))
        elif held and self._crew is not None:
            self.go_on()

    # --- Flying -------------------------------------------------------------------------------------------------------

    async def fly(self) -> None:
        """Open or go on with the session and start reading the world."""
        from migration_cockpit.advice.phase import PREPARATION, phase
        from migration_cockpit.cockpit.crew import Crew
        from migration_cockpit.cockpit.opening import opening

        self._taken = False
        if self.state.session is None:
            self.recorder.record(opening(self.settings, self.recorder.directory.name))
        self._write_down_who_flies()
        self._crew = Crew(self.flight, drives=lambda: not self.not_driving, each_second=self.go_on)
        self._crew.begin()
        if phase(self.state, self.clock.now()) == PREPARATION and not self.not_driving:
            self.preparing.resume(look=True)
        self._resume()

    async def end_tasks(self) -> None:
        """End what goes on beside the steps."""
        for name in {"preparing", "guiding", "looks"} & set(self.__dict__):
            await getattr(self, name).close()
        if self._crew is not None:
            await self._crew.end()
            self._crew = None
        await self.logbook.stop_following()

    def renew(self) -> None:
        """The session changed hands: what was made for the recorder before is made anew when it is asked for."""
        for name in OF_A_FLIGHT:
            self.__dict__.pop(name, None)

    def go_on(self) -> None:
        """Each second, and when the helm is held: who flies is written down, and what was running is gone on with.

        A step that ended while the journal could not be written has no outcome yet: it is gone on with too.
        """
        self._write_down_who_flies()
        self._resume()

    def _write_down_who_flies(self) -> None:
        """Once. While the disk is full nothing can be flown, but all can be watched."""
        if self._taken or self.not_driving:
            return
        resumed = self.state.driver is not None
        host, torn = socket.gethostname(), self.recorder.torn
        with suppress(JournalError):
            self.recorder.record(
                ev.DriverChanged(operator=self.operator, host=host, pid=os.getpid(), resumed=resumed, torn=torn)
            )
            self._set_rules()
            self._taken = True

    def _set_rules(self) -> None:
        """Write down by what the screen draws, where that differs from what the journal says."""
        from migration_cockpit.cockpit.opening import rules_of

        rules = rules_of(self.settings)
        if self.state.rules != rules:
            self.recorder.record(rules)

    def _resume(self) -> None:
        """Go on with the step that was running, and settle a backup's test, unless nothing can be written down."""
        if self._taken and not self.recorder.write_error:
            self.runner.resume()
            if f"{ev.PREPARE}/{ev.BACKUP_TEST}" in self.state.operations:
                self.preparing.resume(look=False)

    def note(self, text: str) -> None:
        """Write a note into the timeline: `text` of now, `-5m text` or `10:32 text` of the past. Raises NoMoment."""
        from migration_cockpit.session.moments import past_note

        now = self.clock.now()
        about, said = past_note(text, now, self.state.opened or now)
        self.recorder.record(ev.Note(operator=self.operator, text=said, about=about))

    def move_window(self, end: datetime, reason: str) -> None:
        """Move the window's end."""
        before = self.state.window_end
        self.recorder.record(ev.WindowMoved(operator=self.operator, end=end, reason=reason, before=before))

    def answer(self, answer: str, reason: str = "") -> str:
        """Answer the question that the running step asks; returns why that cannot be done, or ""."""
        decision = self.state.decision
        if decision is None:
            return "no decision is asked for now"
        event = decision.event
        if answer not in event.choices:
            return f"{answer} is not one of {', '.join(event.choices)}"
        if answer in event.reasoned and not reason.strip():
            return f"{answer} needs a reason"
        self.recorder.record(
            ev.DecisionMade(
                step=event.step, decision=event.decision, answer=answer, operator=self.operator, reason=reason.strip()
            )
        )
        return ""

    async def stop(self, reason: str) -> None:
        """Leave the session. What runs in the cluster goes on; the journal is complete."""
        if not self.logbook.begun:  # it could not be
            self.logbook.release()
            return
        if self._changeover is not None:
            await self._changeover.end()
        if self.logbook.ours:
            await self._leave(reason)
        else:
            await self.end_tasks()
            self.recorder.close()
        await self.connections.close()
        self.logbook.release()

    async def _leave(self, reason: str) -> None:
        """Bring to its end what this cockpit flies."""
        from migration_cockpit.cockpit.outcome import session_outcome

        await self.runner.close()
        if self._crew is not None:
            await self._crew.finish()
        await self.end_tasks()
        outcome = session_outcome(self.state)
        if not self.recorder.write_error:
            with suppress(JournalError):
                self.recorder.record(ev.SessionClosed(reason=reason, outcome=outcome))
        self.recorder.close()
        if self.driving is not None:
            await self.driving.release()
