"""The one way in: an event is cleaned of secrets, written to the journal, folded into State, then told to others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from migration_cockpit.session import journal
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.events import ClockJumped, Event, Keyframe, LogLine
from migration_cockpit.session.fold import fold
from migration_cockpit.session.journal import Entry, JournalError, JournalWriter
from migration_cockpit.session.keyframes import Due, keyframe, last_keyframe
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State

HELD = timedelta(minutes=2)
"""A clock set back by no more than this is waited for: the record's time stands still meanwhile."""


class Recorder:
    """Holds the journal and the State that it folds into. Used from one thread: the event loop's."""

    def __init__(self, directory: Path, clock: Clock, redactor: Redactor) -> None:
        """Open the session in `directory`, folding what its journal holds.

        Raises JournalError when the journal is damaged or cannot be written.
        """
        self.directory = directory
        self.clock = clock
        self.redactor = redactor
        self.state = State()
        self.listeners: list[Callable[[Entry, State], None]] = []
        self.artifacts = directory / "artifacts"
        journal.make_directory(self.artifacts)
        path = directory / journal.FILE
        # What lies before the last keyframe is not read again: `verify` does that.
        start, end, self.state = last_keyframe(path)
        self._writer = JournalWriter(path, start)
        self._due = Due()
        self.torn = self._writer.torn
        """Bytes of a half-written last line that were cut off."""
        for entry in journal.read(path, end):
            self.state = fold(self.state, entry.event, entry.t, entry.seq)
        self.write_error = ""
        """Why the journal cannot be written, while that is so. Steps are refused then."""
        self._unsure = ""
        """What has to be said of lines that the disk did not take when they were synced."""

    def poll(self) -> None:
        """Take in what another process wrote: nothing, since this one writes."""

    def record(self, event: Event) -> State:
        """Write an event and fold it. Raises JournalError when a durable event cannot be written.

        A reading that cannot be written is folded all the same: the screen goes on, `write_error` says what is lost.
        """
        t = self.clock.now()
        if self.state.t is not None and t < self.state.t:
            if self.state.t - t <= HELD:
                t = self.state.t
            elif not isinstance(event, ClockJumped):
                # Holding on to a wrong time would falsify everything that follows: the record goes back, and says so.
                with suppress(JournalError):
                    self.record(ClockJumped(seconds=(t - self.state.t).total_seconds()))
        try:
            entry = self._writer.append(event, t, self.redactor.clean)
            self.write_error = ""
        except JournalError as error:
            self.write_error = str(error)
            if event.durable:
                raise
            entry = Entry(self.state.seq, t, journal.cleaned(event, self.redactor.clean))
        self.state = fold(self.state, entry.event, entry.t, entry.seq)
        for listener in tuple(self.listeners):
            listener(entry, self.state)
        if self._unsure and not self.write_error:
            said, self._unsure = self._unsure, ""
            self.record(LogLine(source="cockpit", text=said, level="bad"))
        if isinstance(event, Keyframe):
            self._due.done(self._writer.wrote)
        elif self._due.wrote(self._writer.wrote):
            self.record(keyframe(self.state))
        return self.state

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last line: who has them knows that everything up to it is untouched."""
        return self._writer.seq, self._writer.prev

    def write_artifact(self, name: str, content: bytes) -> Path:
        """Write a file beside the journal without secrets, whole or not at all, readable by its owner only.

        It is part of the record: raises JournalError when it cannot be written, as for a durable event.
        """
        path = self.artifacts / name
        part = path.with_suffix(path.suffix + ".part")
        try:
            part.touch(mode=0o600)
            part.write_bytes(self.redactor.clean_bytes(content))
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise JournalError(f"{path}: cannot be written: {error.strerror}") from error
        return path

    def sync(self) -> None:
        """Bring readings onto the disk; called about once a second, also from another thread.

        Where that fails `write_error` says so until something is written; a disk tells it once, so the log keeps it.
        """
        try:
            self._writer.sync()
        except OSError as error:
            self.write_error = f"{self._writer.path}: cannot be written: {error.strerror}"
            self._unsure = f"the disk did not take what was written before ({error.strerror}): verify the journal"

    def close(self) -> None:
        """Sync and close the journal. What a full disk did not take is lost, as `write_error` has said."""
        with suppress(OSError):
            self._writer.close()
