"""One pass over a journal from its first line: is the chain whole, and where are the moments worth jumping to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from migration_cockpit.session import events as ev
from migration_cockpit.session.events import VERSION
from migration_cockpit.session.journal import GENESIS, NO_CHAIN, Broken, Envelope, envelope, event_of, line_hash
from migration_cockpit.session.recording.recording import Damage, Place, read_lines

LINES = 500
"""Lines between two pauses of `go_on`: some milliseconds of work."""


@dataclass(frozen=True)
class Landmark:
    """A moment worth jumping to."""

    offset: int
    """Byte behind its line: what is shown there has it."""
    t: datetime
    kind: str
    """`step`, `incident`, `verdict` or `note`."""
    text: str


class Survey:
    """Looks at every line once. It can be interrupted, and goes on where a file has grown."""

    def __init__(self, fd: int, end: int, *, decode_all: bool = False, anchors: tuple[str, ...] = ()) -> None:
        """`decode_all` makes sure of every event's content as well, which takes twice as long. `anchors` are hashes,
        or their beginnings, that some line must have."""
        self._fd, self._all, self._anchors = fd, decode_all, anchors
        self.end = end
        """How far to look, in bytes; may be moved on."""
        self.at = 0
        """How far it has looked, in bytes."""
        self.lines = 0
        self.hash = GENESIS
        """The hash of the last line: the head of the chain."""
        self.last: Place | None = None
        self.unknown: Counter[str] = Counter()
        """Events of kinds that this version does not know, by kind."""
        self.anchored: dict[str, Place] = {}
        """The line that each anchor is the hash of, as far as it was found."""
        self.damage: Damage | None = None
        self.landmarks: list[Landmark] = []
        self.mixed = False
        """Whether some time lies before the one of the event before."""

    def go_on(self) -> Iterator[int]:
        """Look on, up to the end or to damage; yields the bytes looked at every few hundred lines."""
        for offset, line in read_lines(self._fd, self.at, lambda: self.end):
            why = self._look(offset, line)
            if why:
                self.damage = Damage(offset, self.lines + 1, why, self.last)
                return
            if self.lines % LINES == 0:
                yield self.at
        yield self.at

    def _look(self, offset: int, line: bytes) -> str:
        """What is wrong with a line, or nothing."""
        if not line.endswith(b"\n"):
            return f"a line of more than {len(line) >> 20} MB"
        try:
            found = envelope(line)
            if found.v > VERSION:
                return f"written by a newer cockpit (version {found.v} of the journal)"
            if found.prev != self.hash:
                return NO_CHAIN
            before = self.last.seq if self.last else 0
            if found.seq != before + 1:
                return f"event {found.seq} follows event {before}"
            event = self._decoded(found)
        except Broken as error:
            return str(error)
        self.last = Place(offset, offset + len(line), found.seq, found.t, found.kind)
        self.hash = line_hash(line[:-1])
        self.lines += 1
        self.at = offset + len(line)
        for anchor in self._anchors:
            if self.hash.startswith(anchor):
                self.anchored[anchor] = self.last
        if event is not None and (mark := _landmark(event)):
            self.landmarks.append(Landmark(self.at, found.t, *mark))
        return ""

    def _decoded(self, found: Envelope) -> ev.Event | None:
        """The event where it is needed. Raises Broken."""
        if found.kind not in ev.KINDS:
            self.unknown[found.kind] += 1
            return None
        return event_of(found) if self._all or found.kind in _MARKED else None


_MARKED = frozenset(
    each.kind
    for each in (
        ev.StepStarted,
        ev.StepEnded,
        ev.VerdictChanged,
        ev.Note,
        ev.GateOverridden,
        ev.SourceFailed,
        ev.RollbackStarted,
        ev.RollbackStageStarted,
        ev.RollbackStageEnded,
        ev.DecisionAsked,
        ev.ClockJumped,
        ev.DriverChanged,
    )
)
_GOOD = {"verified", "skipped", "overridden"}


def _landmark(event: ev.Event) -> tuple[str, str] | None:
    """Kind and text of the landmark that an event is, if it is one."""
    match event:
        case ev.StepStarted():
            return "step", f"step {event.step}"
        case ev.StepEnded() if event.outcome not in _GOOD:
            return "incident", f"step {event.step} {event.outcome}"
        case ev.VerdictChanged():
            return "verdict", f"verdict {event.verdict}"
        case ev.Note():
            return "note", f"{event.operator}: {event.text}"
        case ev.GateOverridden():
            return "incident", f"override in step {event.step}: {event.reason}"
        case ev.SourceFailed():
            return "incident", f"{event.source} cannot be read"
        case ev.RollbackStarted():
            return "incident", f"rollback, way {event.way}"
        case ev.RollbackStageStarted():
            return "step", f"rollback {event.stage}"
        case ev.RollbackStageEnded() if event.outcome not in _GOOD:
            return "incident", f"rollback {event.stage} {event.outcome}"
        case ev.DecisionAsked():
            return "incident", f"question: {event.question}"
        case ev.ClockJumped():
            return "incident", "the clock jumped"
        case ev.DriverChanged() if event.resumed:
            return "incident", "the session was gone on with"
    return None
