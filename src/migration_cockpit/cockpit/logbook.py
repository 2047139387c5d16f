"""The session's directory as this cockpit has it: it writes the journal, or follows another cockpit's.

Making one takes the lock, no more: the journal is read, or begun, when it is first asked for.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.session.clock import Clock
from migration_cockpit.session.journal import FILE, JournalError, SessionHeld, SessionLock, make_directory
from migration_cockpit.session.state import State

if TYPE_CHECKING:
    from migration_cockpit.session.journal import Entry
    from migration_cockpit.session.recorder import Recorder
    from migration_cockpit.session.redact import Redactor

FOLLOW_EVERY = 0.25
"""Seconds between two looks at a journal that another cockpit writes."""
NOTHING = State()
"""What is known before the journal is begun."""


def _told(changed: Callable[[], None]) -> Callable[[Entry, State], None]:
    return lambda _entry, _state: changed()


class Logbook:
    """The lock of a session's directory, and the recorder on its journal. Used from one event loop."""

    def __init__(
        self, directory: Path, clock: Clock, redactor: Callable[[], Redactor], *, operator: str, observe: bool
    ) -> None:
        """Take the directory's lock. Raises JournalError when that cannot be, unless with `observe` another has it."""
        self.directory = directory
        self._clock, self._redactor = clock, redactor
        self._who = f"{operator} on {socket.gethostname()}, process {os.getpid()}"
        self._recorder: Recorder | None = None
        self._waiting: list[Callable[[], None]] = []
        """Who listens to a journal that is not begun."""
        self._outside: tuple[object, ...] = ()
        """Who listened to the recorder before this cockpit's own parts did: the screen, or the printer."""
        self._following: asyncio.Task[None] | None = None
        make_directory(directory)
        self._lock = SessionLock(directory)
        self.ours = True
        """Whether this cockpit holds the directory, and so writes the journal."""
        try:
            self._lock.take(self._who)
        except SessionHeld:
            if not observe:
                raise
            self.ours = False

    @property
    def begun(self) -> bool:
        """Whether the journal is read, or begun."""
        return self._recorder is not None

    @property
    def there(self) -> bool:
        """Whether there is a journal already, or another cockpit will write one."""
        return not self.ours or (self.directory / FILE).exists()

    @property
    def recorder(self) -> Recorder:
        """What writes the journal, or follows it; a new journal is begun here. Raises JournalError."""
        if self._recorder is None:
            made = self._writer() if self.ours else self._follower()
            made.listeners += [_told(changed) for changed in self._waiting]
            self._recorder = made
        return self._recorder

    def _writer(self) -> Recorder:
        from migration_cockpit.session.recorder import Recorder

        return Recorder(self.directory, self._clock, self._redactor())

    def _follower(self) -> Recorder:
        from migration_cockpit.session.follower import Follower

        return Follower(self.directory, self._clock, self._redactor())

    @property
    def state(self) -> State:
        """All that is known now."""
        return NOTHING if self._recorder is None else self._recorder.state

    @property
    def write_error(self) -> str:
        """Why the journal cannot be written; empty when it can."""
        return "" if self._recorder is None else self._recorder.write_error

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` with each event."""
        if self._recorder is None:
            self._waiting.append(changed)
        else:
            self._recorder.listeners.append(_told(changed))

    def keep_listeners(self) -> None:
        """Who listens by now listens to every later recorder too; the cockpit's own parts, which come next, do not."""
        self._outside = tuple(self.recorder.listeners)

    # --- Following ----------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Take in what another cockpit writes, until `stop_following`."""
        self._following = asyncio.create_task(self._follow(), name="follow")

    async def _follow(self) -> None:
        while True:
            try:
                self.recorder.poll()
                self.recorder.write_error = ""
            except JournalError as error:
                # Else what is shown would stand still without a word.
                self.recorder.write_error = f"it cannot be followed: {error}"
            await self._clock.sleep(FOLLOW_EVERY)

    async def stop_following(self) -> None:
        """End that, where it goes on."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None

    # --- Whose it is --------------------------------------------------------------------------------------------------

    @property
    def free(self) -> bool:
        """Whether nobody holds the directory at this moment."""
        lock = SessionLock(self.directory)
        try:
            lock.take(self._who)
        except JournalError:
            return False
        lock.release()
        return True

    def take(self) -> None:
        """From following to writing. Raises JournalError, and then it is followed as before."""
        self._lock.take(self._who)
        try:
            writer = self._writer()
        except JournalError:
            self._lock.release()
            raise
        self.ours = True
        follower = self._swap(writer)
        follower.close()

    def give(self) -> None:
        """From writing to following: another cockpit can take it. Raises JournalError when it cannot be followed."""
        self.recorder.close()
        self.ours = False
        self._lock.release()
        self._swap(self._follower())

    def _swap(self, recorder: Recorder) -> Recorder:
        """Another recorder in place of the one there is, which is returned; who listened from outside listens on."""
        before = self.recorder
        recorder.listeners = [each for each in before.listeners if each in self._outside]
        self._recorder = recorder
        return before

    def release(self) -> None:
        """Give the directory back, for good."""
        self._lock.release()
