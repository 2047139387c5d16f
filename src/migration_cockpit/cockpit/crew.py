"""What works beside the steps while a session is flown: sources, messages, watches, the journal's way to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from migration_cockpit.actions.anchors import Anchors
from migration_cockpit.actions.annotations import Annotator
from migration_cockpit.actions.messages import Messenger
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import rates
from migration_cockpit.advice.rollback_cost import marked
from migration_cockpit.cockpit.watches.days import DaysWatch
from migration_cockpit.cockpit.watches.known_failures import FailureWatch
from migration_cockpit.cockpit.watches.migration import MigrationWatch
from migration_cockpit.cockpit.watches.updates import UpdateWatch
from migration_cockpit.cockpit.watches.way_back import WayBackWatch
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import JumpWatch
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.places import sessions_home
from migration_cockpit.session.recorder import HELD
from migration_cockpit.sources import Source, all_sources

if TYPE_CHECKING:
    from migration_cockpit.actions.outbox import Outbox
    from migration_cockpit.playbook.flight import Flight

SYNC_EVERY = 1.0
"""Readings are on disk at most this many seconds late."""
AGAIN_AFTER = 2.0
"""Seconds after which what failed by a defect of its own begins anew."""


class Crew:
    """The tasks of one flight, from `begin` to `end`. Used from one event loop."""

    def __init__(self, flight: Flight, *, drives: Callable[[], bool], each_second: Callable[[], None]) -> None:
        """`drives` says whether anything may be sent; `each_second` is called after the journal was synced."""
        self._flight, self._drives, self._each_second = flight, drives, each_second
        self._recorder, self._clock = flight.recorder, flight.clock
        self._boxes: dict[str, Outbox[Any]] = {
            "anchors": Anchors(flight.connections, flight.recorder, flight.clock).box
        }
        """What goes out of the house beside messages."""
        if Annotator.wanted(flight.connections):
            site = Site(flight.settings, flight.session, flight.connections)
            self._boxes["annotations"] = Annotator(site, flight.recorder, flight.clock).box
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Begin to read the world and to do what goes by itself."""
        recorder, clock = self._recorder, self._clock
        connections, settings = self._flight.connections, self._flight.settings
        learned = rates.of(settings)
        sources: Sequence[Source] = all_sources(connections, self._cutover, lambda: marked(recorder.state))
        for source in sources:
            self._run(f"source {source.name}", partial(self.read, source))
        self._run("secrets", connections.remember_secrets)
        self._run("messenger", Messenger(connections, recorder).run)
        for name, box in self._boxes.items():
            self._run(name, box.run)
        self._run("verdict", MigrationWatch(recorder, clock, settings.limits, learned).run)
        self._run("known failures", FailureWatch(recorder, connections).run)
        self._run("updates", UpdateWatch(recorder, clock, settings, self._drives, learned).run)
        self._run("days", DaysWatch(recorder, clock, settings, sessions_home()).run)
        self._run("way back", WayBackWatch(recorder, clock, settings).run)
        self._run("journal sync", self.sync)

    def _run(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._tasks.append(asyncio.create_task(self.keep(name, work), name=name))

    async def keep(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """See a task to its end: a defect in it is told, each once, and it begins anew. Nobody awaits it."""
        told = ""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # the boundary: nothing may stop without a word
                why = f"{name} failed and begins anew: {type(error).__name__}: {error}"
                if why != told:
                    with suppress(JournalError):  # the recorder's write_error says it; told again the next time
                        self._recorder.record(ev.LogLine(source="cockpit", text=why, level="bad"))
                        told = why
            else:
                return
            await self._clock.sleep(AGAIN_AFTER)

    def _cutover(self) -> datetime | None:
        """Since when failed tasks count: the end of the database migration."""
        migrate = self._recorder.state.steps.get("migrate")
        return migrate.ended if migrate else None

    async def read(self, source: Source) -> None:
        """Run a source for ever: a defect in it is a failure of the source, and it begins anew."""
        while True:
            try:
                await source.run(self._recorder.record)
            except Exception as error:  # noqa: BLE001  # the boundary: no pane may stop being read without a word
                why = f"the source itself failed: {type(error).__name__}: {error}"
                self._recorder.record(ev.SourceFailed(source=source.name, why=why))
            await self._clock.sleep(AGAIN_AFTER)

    async def sync(self) -> None:
        """Bring the journal to the disk for ever, and tell of a clock that jumped."""
        watch = JumpWatch(self._clock)
        while True:
            await self._clock.sleep(SYNC_EVERY)
            await asyncio.to_thread(self._recorder.sync)
            jump = watch.look()
            if jump is not None and (jump.slept or jump.seconds > 0 or -jump.seconds <= HELD.total_seconds()):
                # A clock that was set back further than that the recorder tells by itself, before what follows.
                with suppress(JournalError):
                    self._recorder.record(ev.ClockJumped(seconds=jump.seconds, slept=jump.slept))
            self._each_second()

    async def finish(self) -> None:
        """Wait a moment for what is still to go out: the last step has just ended, and one leaves."""
        for box in self._boxes.values():
            await box.finish()

    async def end(self) -> None:
        """End every task."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
