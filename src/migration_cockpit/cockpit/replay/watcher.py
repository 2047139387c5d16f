"""Follows another cockpit's flight by its growing journal: the same State, within a second, and no way to act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from migration_cockpit.cockpit.shown import Mark, Track
from migration_cockpit.session.clock import Clock, SystemClock
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.words import age

LOOK_EVERY = 0.25
"""Seconds between two looks at the file."""
SILENT = 15.0
"""Seconds without an event after which that is said: a flight writes at least every few seconds."""


class Watcher:
    """A recording that grows."""

    write_error = ""

    def __init__(self, recording: Recording, clock: Clock | None = None) -> None:
        self.recording = recording
        self.clock = clock or SystemClock()
        self.offset = recording.end
        self.state = recording.state(recording.end)
        self.trouble = ""
        """Why the file cannot be followed any more."""
        self.complaints: list[str] = []
        self._listeners: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def mark(self) -> Mark:
        """WATCH, and whether the flight goes on."""
        if self.trouble or self.recording.damage is not None:
            return Mark("✖", "cannot be followed", "bad", badge="WATCH")
        if self.state.closed:
            return Mark("‖", "the cockpit has left", "careful", badge="WATCH")
        quiet = (self.clock.now() - self.state.t).total_seconds() if self.state.t else 0.0
        if quiet > SILENT:
            return Mark("▲", f"silent for {age(quiet)}", "careful", badge="WATCH")
        return Mark("●", "live", "good", badge="WATCH")

    @property
    def track(self) -> Track | None:
        """What is followed goes one way only."""
        return None

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` when there is something new to draw."""
        self._listeners.append(changed)

    def look_at(self, pod: str) -> str:
        """Who watches reads nothing of the world."""
        return "this is a watch: it shows what the cockpit that flies looks at"

    def complain(self, text: str) -> None:
        """Nothing is written into somebody else's journal; it is kept for who asks."""
        self.complaints.append(text)

    async def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow(), name="watcher")

    async def stop(self, reason: str) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.recording.close()

    def look(self) -> bool:
        """Fold what was written since the last look; True when there was something."""
        try:
            grown = self.recording.refresh()
        except (JournalError, OSError) as error:
            self.trouble = str(error)
            return True
        if not grown:
            return False
        for after, entry in self.recording.entries(self.offset):
            self.state = self.recording.fold(self.state, entry, after)
        self.offset = self.recording.end
        return True

    async def _follow(self) -> None:
        while not self.trouble:
            if self.look():
                for listener in tuple(self._listeners):
                    listener()
            await self.clock.sleep(LOOK_EVERY)
