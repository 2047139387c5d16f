"""When a keyframe is due, and from which one a session can go on."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec

from migration_cockpit import __version__
from migration_cockpit.session.events import Keyframe
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.state import State

LEAST = 512 * 1024
"""Bytes of events between two keyframes at least: they are folded in some milliseconds."""
RATIO = 10
"""Bytes of events for each byte of State: keyframes make a journal longer by a tenth at most."""


@cache
def written_by() -> str:
    """This version of the program and the shape of its State."""
    shape = msgspec.json.encode(msgspec.json.schema(State), order="deterministic")
    return f"{__version__} {hashlib.sha256(shape).hexdigest()[:12]}"


def keyframe(state: State) -> Keyframe:
    """The keyframe of a State."""
    return Keyframe(by=written_by(), state=msgspec.Raw(msgspec.json.encode(state)))


class Due:
    """Says when enough was written since the last keyframe."""

    def __init__(self) -> None:
        self._since = 0
        self._state = 0

    def wrote(self, size: int) -> bool:
        """So many bytes were written; True when a keyframe is due."""
        self._since += size
        return self._since >= max(LEAST, RATIO * self._state)

    def done(self, size: int) -> None:
        """A keyframe of so many bytes was written."""
        self._since, self._state = 0, size


def last_keyframe(path: Path) -> tuple[int, int, State]:
    """Where the line of the last keyframe begins and ends that this version can go on from, and its State.

    (0, 0, an empty State) where there is none: then everything is folded.
    """
    if not path.exists():  # a new session: nothing of a recording is loaded for it, the screen paints sooner
        return 0, 0, State()
    from migration_cockpit.session.recording.recording import Recording

    try:
        recording = Recording(path)
    except JournalError:  # said in full by whoever reads it from the beginning
        return 0, 0, State()
    try:
        found = recording.keyframe_before(recording.end, by=written_by())
        return found.start, found.end, found.state
    finally:
        recording.close()
