"""A session that another cockpit writes: its journal is followed, nothing is written."""

from __future__ import annotations

from pathlib import Path

from migration_cockpit.session import journal
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.events import Event
from migration_cockpit.session.journal import Entry, JournalError
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State


class Follower(Recorder):
    """Has a Recorder's State and listeners; `poll` brings them up to date with what was written."""

    def __init__(self, directory: Path, clock: Clock, redactor: Redactor) -> None:
        self.directory = directory
        self.artifacts = directory / "artifacts"
        self.clock = clock
        self.redactor = redactor
        self.state = State()
        self.listeners = []
        self.write_error = ""
        self.torn = 0
        self._path = directory / journal.FILE
        self._recording: Recording | None = None
        self._offset = 0
        self.poll()

    def poll(self) -> None:
        """Fold what was written since the last time. Raises JournalError for a journal that cannot be read."""
        try:
            if self._recording is None:
                if not self._begun():
                    return
                self._recording = Recording(self._path)
                # From the last keyframe on: of a long session no more is read than a seek does.
                self.state = self._recording.state(self._recording.end)
                self._offset = self._recording.end
            else:
                self._recording.refresh()
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be read: {error.strerror}") from error
        for after, entry in self._recording.entries(self._offset):
            self._offset = after
            self.state = self._recording.fold(self.state, entry, after)
            self._tell(entry)
        if self._recording.damage is not None:
            raise JournalError(f"{self._path}: {self._recording.damage.words()}")

    def _begun(self) -> bool:
        """Whether a first line is there: before that the journal is about to be made."""
        try:
            with self._path.open("rb") as file:
                return file.readline(journal.LONGEST_LINE).endswith(b"\n")
        except FileNotFoundError:
            return False

    def _tell(self, entry: Entry) -> None:
        for listener in tuple(self.listeners):
            listener(entry, self.state)

    def record(self, event: Event) -> State:
        """An observer writes nothing: readings are dropped, anything else is refused with JournalError."""
        if event.durable:
            raise JournalError("this cockpit observes: another one writes the session")
        return self.state

    def write_artifact(self, name: str, content: bytes) -> Path:
        """Refused with JournalError."""
        raise JournalError(f"{name}: this cockpit observes: another one writes the session")

    def sync(self) -> None:
        """Nothing to bring onto the disk."""

    def close(self) -> None:
        """Close the journal."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None
