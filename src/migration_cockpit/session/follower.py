"""A session that another cockpit writes: its journal is followed, nothing is written."""

from __future__ import annotations

from pathlib import Path

from migration_cockpit.session import journal
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.events import Event
from migration_cockpit.session.fold import fold
from migration_cockpit.session.journal import Entry, JournalError
from migration_cockpit.session.recorder import Recorder
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
        self._offset = 0
        self.poll()

    def poll(self) -> None:
        """Fold what was written since the last time. Raises JournalError for a journal that cannot be read."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while (line := file.readline(journal.LONGEST_LINE)).endswith(b"\n"):
                    self._offset += len(line)
                    self._take(line)
        except FileNotFoundError:
            return  # it is about to be made
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be read: {error.strerror}") from error

    def _take(self, line: bytes) -> None:
        try:
            envelope = journal.envelope(line)
            event = journal.event_of(envelope)
        except journal.Broken as error:
            raise JournalError(f"{self._path}: damaged at byte {self._offset - len(line)}: {error}") from error
        if event is None:
            return
        entry = Entry(envelope.seq, envelope.t, event)
        self.state = fold(self.state, entry.event, entry.t, entry.seq)
        self._tell(entry)

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
        """Nothing is open."""
