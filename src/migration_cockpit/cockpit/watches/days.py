"""What the days before and after have found, brought into the session: one phase carries it to the next."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from migration_cockpit.config import Settings
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.journal import FILE, JournalError
from migration_cockpit.session.places import days_of
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.recording import Recording

EVERY = 30.0


class DaysWatch:
    """Reads the journal of the days where it has grown; it may be another process that writes it."""

    def __init__(self, recorder: Recorder, clock: Clock, settings: Settings, sessions: Path) -> None:
        """`sessions` is where sessions are kept; the days lie beside."""
        deployment = settings.deployment
        versions = (deployment.source_version, deployment.target_version)
        self._recorder, self._clock = recorder, clock
        self._file = days_of(sessions, deployment.name, *versions) / FILE
        self._size = -1

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            with suppress(JournalError, OSError):  # a damaged one is told by `day` and `verify`
                self.look()
            await self._clock.sleep(EVERY)

    def look(self) -> None:
        """Record what it tells, where that is new. Raises JournalError and OSError."""
        size = self._file.stat().st_size if self._file.exists() else 0
        if size in {0, self._size}:
            return
        with closing(Recording(self._file)) as recording:
            days = recording.state(recording.end).days
        if days != self._recorder.state.days:
            self._recorder.record(ev.DaysRemembered(days=days))
        self._size = size
