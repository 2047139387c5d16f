"""What the screen is given: State and a clock, from a flight, from a recording, or from somebody else's flight.

The screen does not know which of them it shows. What differs is told in words here: a mark for the header and, where
one can move in time, a track.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from migration_cockpit.session.clock import Clock
from migration_cockpit.session.state import State


@dataclass(frozen=True)
class Mark:
    """What the header says of where this comes from."""

    glyph: str
    word: str
    level: str = "info"
    """`info`, `good`, `careful` or `bad`."""
    badge: str = ""
    """A word in reverse at the header's beginning; empty for the flight itself."""


LIVE = Mark("●", "REC", "bad")
NOT_RECORDED = Mark("✖", "NOT RECORDED", "bad")
NOT_DRIVING = Mark("◌", "NOT DRIVING", "careful")
STARTING = Mark("◌", "STARTING", "careful")


@dataclass(frozen=True)
class TrackMark:
    """A moment on the track: the beginning of a step, an incident, a note."""

    at: datetime
    kind: str
    """`step`, `incident`, `verdict` or `note`."""
    text: str
    sign: str = ""
    """One cell that stands for it on the bar, where its kind has no sign of its own: a step's key."""


@dataclass(frozen=True)
class Track:
    """The length of a recording, and where one is in it."""

    begin: datetime
    end: datetime
    at: datetime
    marks: tuple[TrackMark, ...] = ()
    steps: Mapping[str, datetime] = field(default_factory=dict)
    """When each step began, by its id."""
    event: int = 0
    events: int = 0
    note: str = ""
    """What must be known of the recording: damaged, still growing, of a newer version."""


class Shown(Protocol):
    """Something that the screen can draw."""

    @property
    def state(self) -> State:
        """All that is known at the moment that is shown."""

    @property
    def clock(self) -> Clock:
        """Its `now` is the moment that is shown."""

    @property
    def write_error(self) -> str:
        """Why the journal cannot be written; empty when it can, or when it is not ours to write."""

    @property
    def mark(self) -> Mark:
        """What the header says of where this comes from."""

    @property
    def track(self) -> Track | None:
        """Where one is in time; None where one cannot move in it."""

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` when there is something new to draw."""

    def look_at(self, pod: str) -> str:
        """Have a pod's events and log read: what comes of it is in State. Returns why that cannot be, or ""."""

    def complain(self, text: str) -> None:
        """Take note of a failure of the screen itself."""

    async def start(self) -> None:
        """Begin, after the first paint."""

    async def stop(self, reason: str) -> None:
        """End."""
