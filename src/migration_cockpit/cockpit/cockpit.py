"""One migration being flown: journal, connections, sources and runner wired together; the screen draws it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from migration_cockpit import __version__
from migration_cockpit.actions.messages import Messenger
from migration_cockpit.config import STEP_IDS, Settings
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.runner import Runner
from migration_cockpit.playbook.step import Step
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock, SystemClock
from migration_cockpit.session.journal import SessionLock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State
from migration_cockpit.sources import Source, all_sources

SYNC_EVERY = 1.0
"""Readings are on disk at most this many seconds late."""


class Cockpit:
    """A session with everything that feeds and flies it. Used from one event loop."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        *,
        operator: str,
        clock: Clock | None = None,
        steps: Sequence[Step] = STEPS,
    ) -> None:
        """Take the session's lock and fold its journal.

        Raises JournalError when another cockpit flies it, or when the journal is damaged or cannot be written.
        """
        self.settings = settings
        self.operator = operator
        self.clock = clock or SystemClock()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = SessionLock(directory)
        self._lock.take(f"{operator} on {socket.gethostname()}, process {os.getpid()}")
        redactor = Redactor()
        self.recorder = Recorder(directory, self.clock, redactor)
        self.connections = Connections(settings, redactor, self.clock)
        self.flight = Flight(settings, self.connections, self.recorder, self.clock)
        self.flight.operator = operator
        self.runner = Runner(self.flight, steps)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> State:
        """All that is known now."""
        return self.recorder.state

    async def start(self) -> None:
        """Open or go on with the session and start reading the world."""
        resumed = self.state.session is not None
        if not resumed:
            self.recorder.record(_opening(self.settings, self.recorder.directory.name))
        host = socket.gethostname()
        self.recorder.record(ev.DriverChanged(operator=self.operator, host=host, pid=os.getpid(), resumed=resumed))
        sources: Sequence[Source] = all_sources(self.connections, self._cutover)
        self._tasks = [
            asyncio.create_task(source.run(self.recorder.record), name=f"source {source.name}") for source in sources
        ]
        messenger = Messenger(self.flight.connections, self.recorder)
        self._tasks.append(asyncio.create_task(messenger.run(), name="messenger"))
        self._tasks.append(asyncio.create_task(self._sync(), name="journal sync"))
        self.runner.resume()

    def _cutover(self) -> datetime | None:
        """Since when failed tasks count: the end of the database migration."""
        migrate = self.state.steps.get("migrate")
        return migrate.ended if migrate else None

    async def _sync(self) -> None:
        while True:
            await self.clock.sleep(SYNC_EVERY)
            await asyncio.to_thread(self.recorder.sync)

    def note(self, text: str) -> None:
        """Write a note into the timeline."""
        self.recorder.record(ev.Note(operator=self.operator, text=text))

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
        await self.runner.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        outcome = session_outcome(self.state)
        if not self.recorder.write_error:
            self.recorder.record(ev.SessionClosed(reason=reason, outcome=outcome))
        self.recorder.close()
        await self.connections.close()
        self._lock.release()


def _opening(settings: Settings, session: str) -> ev.SessionOpened:
    deployment, kubernetes = settings.deployment, settings.kubernetes
    planned = {step: settings.schedule.planned(step) for step in STEP_IDS}
    return ev.SessionOpened(
        session=session,
        deployment=deployment.name,
        production=deployment.production,
        source_version=deployment.source_version,
        target_version=deployment.target_version,
        context=kubernetes.context,
        namespace=kubernetes.namespace,
        release=kubernetes.release,
        config=settings.digest(),
        program=__version__,
        planned=planned | {"window_end": settings.schedule.window_end},
    )


def session_outcome(state: State) -> str:
    """What became of the migration: verified, overridden, failed, or "" while it goes on."""
    steps = list(state.steps.values())
    if any(step.outcome in {"failed", "aborted"} for step in steps):
        return "failed"
    if steps and all(step.passed for step in steps):
        clean = all(step.outcome == "verified" for step in steps) and not state.overrides
        return "verified" if clean else "overridden"
    return ""


def exit_code(state: State) -> int:
    """The process's exit code: 0 all verified, 1 failed or not finished, 3 ended with overrides or skips."""
    return {"verified": 0, "overridden": 3}.get(session_outcome(state), 1)
