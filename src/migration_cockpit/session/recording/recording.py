"""Random access to a journal: State as it was after any event, at any moment.

Lines are found by bisection over the file's bytes: numbers and times grow along it. State is folded from the keyframe
before. So opening reads a few pages of a file of any size, and a seek reads no more than lies between two keyframes.
Only `os.pread` is used: no part of the file is held, and a file that grows or shrinks meanwhile does no harm.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from migration_cockpit.session.events import VERSION, Keyframe
from migration_cockpit.session.fold import fold
from migration_cockpit.session.journal import (
    LONGEST_LINE,
    Broken,
    Entry,
    Envelope,
    JournalError,
    envelope,
    event_of,
    newer,
)
from migration_cockpit.session.recording.opening import open_journal
from migration_cockpit.session.state import State

if TYPE_CHECKING:
    from migration_cockpit.session.recording.survey import Survey

BLOCK = 1 << 17
"""Bytes read at once."""
LOOKS = 20
"""Lines at the file's end among which one is looked for that makes sense."""
_KEYFRAME = b'"kind":"keyframe"'


@dataclass(frozen=True)
class Place:
    """A line: where it begins and ends in the file (bytes, its newline counted), its number and time."""

    start: int
    end: int
    seq: int
    t: datetime
    kind: str


@dataclass(frozen=True)
class Damage:
    """Where a journal stops making sense."""

    offset: int
    """Byte where the first line begins that is damaged."""
    line: int
    """Number of that line, 0 where it was not counted."""
    why: str
    last: Place | None = None
    """The last line before it."""

    def words(self) -> str:
        """Where and why."""
        where = f"line {self.line} (byte {self.offset})" if self.line else f"byte {self.offset}"
        after = f", after event {self.last.seq} at {self.last.t:%Y-%m-%d %H:%M:%S}Z" if self.last else ""
        return f"damaged at {where}{after}: {self.why}"


@dataclass(frozen=True)
class Kept:
    """A keyframe: where its line begins and ends, and State there."""

    start: int
    end: int
    state: State


class Recording:
    """A journal on disk, open for reading from any place. Used from one thread."""

    def __init__(self, path: Path) -> None:
        """Open it, packed or not. Raises JournalError, in a sentence, for what is no journal or of a newer version."""
        self.path = path
        opened = open_journal(path)
        self._fd = opened.fd
        self.packed = opened.packed
        self.cut = opened.cut
        """Why a packed file could not be unpacked to its end."""
        self.end = 0
        """Bytes of whole lines: what lies behind is being written, or was never finished."""
        self.damage: Damage | None = None
        self._decode_state = msgspec.json.Decoder(State).decode
        try:
            self._find_end()
            self.first = self._first()
            self.last = self._last()
        except BaseException:
            os.close(self._fd)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    # --- The file's ends -------------------------------------------------------------------------------------------

    def _find_end(self) -> None:
        size = os.fstat(self._fd).st_size
        at = size
        while at > self.end:
            low = max(self.end, at - BLOCK)
            newline = os.pread(self._fd, at - low, low).rfind(b"\n")
            if newline >= 0:
                self.end = low + newline + 1
                return
            at = low

    def _first(self) -> Place:
        line = self._line(0)
        if line is None:
            size = os.fstat(self._fd).st_size
            said = "it is empty" if size == 0 else "it holds no whole line"
            raise JournalError(f"{self.path}: not a journal of migration-cockpit: {self.cut or said}")
        try:
            found = envelope(line)
        except Broken as error:
            raise JournalError(f"{self.path}: not a journal of migration-cockpit: line 1: {error}") from error
        if found.v > VERSION:
            raise JournalError(newer(self.path, found.v))
        return _place(0, line, found)

    def _last(self) -> Place:
        """The last line. Where it makes no sense, everything is looked through for the damage."""
        at = self.line_before(self.end)
        place = None if at is None else self.place(at)
        if place is None:
            self.find_damage()
            at = self.line_before(self.end)
            place = None if at is None else self.place(at)
        return place or self.first

    def refresh(self) -> bool:
        """Look whether the file has grown; True when there are new whole lines.

        Raises JournalError when it is shorter than it was: it is another file then.
        """
        if os.fstat(self._fd).st_size < self.end:
            raise JournalError(f"{self.path}: it is shorter than it was; open it anew")
        before = self.end
        self._find_end()
        if self.end == before:
            return False
        self.last = self._last()
        return self.end > before

    def stop_at(self, damage: Damage) -> None:
        """Go no further than to this damage."""
        if self.damage is None or damage.offset < self.damage.offset:
            self.damage = damage
            self.end = min(self.end, damage.offset)
            self.last = damage.last or self.first

    def find_damage(self) -> None:
        """Look at every line, from the first, for the one that makes no sense."""
        survey = self.survey()
        for _ in survey.go_on():
            pass
        if survey.damage is not None:
            self.stop_at(survey.damage)

    @property
    def unfinished(self) -> int:
        """Bytes behind the last whole line."""
        return os.fstat(self._fd).st_size - self.end

    def lost(self) -> str:
        """What lies behind the damage, in words."""
        size = os.fstat(self._fd).st_size
        at = self.line_before(size)
        for _ in range(LOOKS):
            place = None if at is None or at < self.end else self.place(at)
            if place is not None and place.seq > self.last.seq:
                return (
                    f"events {self.last.seq + 1:,} to {place.seq:,}, up to {place.t:%Y-%m-%d %H:%M:%S}Z, are not shown"
                )
            at = None if at is None else self.line_before(at)
        return f"{size - self.end:,} bytes behind it are not shown"

    # --- Lines -----------------------------------------------------------------------------------------------------

    def survey(self, *, decode_all: bool = False, anchors: tuple[str, ...] = ()) -> Survey:
        """One that looks at every line of it, from the first."""
        from migration_cockpit.session.recording.survey import Survey

        return Survey(self._fd, self.end, decode_all=decode_all, anchors=anchors)

    def lines(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Whole lines from a line's beginning on, each with its offset."""
        return read_lines(self._fd, start, lambda: self.end)

    def _line(self, start: int) -> bytes | None:
        """The line that begins here, None where there is no whole one."""
        size = os.fstat(self._fd).st_size
        return next((line for _, line in read_lines(self._fd, start, lambda: size)), None)

    def line_before(self, end: int) -> int | None:
        """Where the line begins that ends at or stretches over the byte before `end`; None where there is none."""
        if end <= 0:
            return None
        at = end - 1
        while at > 0 and end - at < LONGEST_LINE:
            low = max(0, at - BLOCK)
            newline = os.pread(self._fd, at - low, low).rfind(b"\n")
            if newline >= 0:
                return low + newline + 1
            at = low
        return 0 if at <= 0 else None

    def place(self, start: int) -> Place | None:
        """The line that begins here; None for one that makes no sense."""
        line = self._line(start)
        if line is None:
            return None
        try:
            return _place(start, line, envelope(line))
        except Broken:
            return None

    # --- Seeking ---------------------------------------------------------------------------------------------------

    def by_number(self, seq: int) -> int:
        """Offset behind the event of this number: behind the last one where there are fewer."""
        return self._bisect(lambda place: place.seq <= seq)

    def by_time(self, t: datetime) -> int:
        """Offset behind the last event of this moment or before; 0 when all are later.

        Where the machine's clock was set back, moments come twice: it is the offset of one of them.
        """
        return self._bisect(lambda place: place.t <= t)

    def _bisect(self, holds: Callable[[Place], bool]) -> int:
        low, high = 0, self.end  # both are beginnings of lines; what lies before `low` holds
        while low < high:
            middle = self.line_before((low + high) // 2 + 1)
            if middle is None or middle < low:
                middle = low
            place = self.place(middle)
            if place is None:
                self.find_damage()
                if self.damage is None or self.damage.offset > middle:
                    return low  # it makes sense now: the file was written to meanwhile
                return self._bisect(holds)
            if holds(place):
                low = place.end
            else:
                high = place.start
        return low

    def keyframe_before(self, offset: int, by: str = "") -> Kept:
        """The last keyframe whose line ends at or before an offset; `by` asks for one that this version wrote.

        The file's beginning and an empty State where there is none.
        """
        at = min(offset, self.end)
        while at > 0:
            low = max(0, at - BLOCK)
            block = os.pread(self._fd, min(at, low + BLOCK) - low + len(_KEYFRAME), low)
            found = block.rfind(_KEYFRAME)
            while found >= 0:
                kept = self._keyframe(low + found, offset, by)
                if kept is not None:
                    return kept
                found = block.rfind(_KEYFRAME, 0, found)
            at = low
        return Kept(0, 0, State())

    def _keyframe(self, offset: int, limit: int, by: str) -> Kept | None:
        """State of the keyframe on whose line this byte lies, if it is one and ends before the limit."""
        start = self.line_before(offset + 1)
        line = None if start is None else self._line(start)
        if start is None or line is None or start + len(line) > limit:
            return None
        try:
            found = envelope(line)
            event = event_of(found)
            if not isinstance(event, Keyframe) or (by and event.by != by):
                return None
            state = self._decode_state(event.state)
        except (Broken, msgspec.MsgspecError, ValueError, RecursionError):
            return None  # of another version, or damaged: the one before does as well
        return Kept(start, start + len(line), fold(state, event, found.t, found.seq))

    def state(self, offset: int) -> State:
        """State after everything that lies before an offset."""
        kept = self.keyframe_before(offset)
        state = kept.state
        for after, entry in self.entries(kept.end):
            if after > offset:
                break
            state = self.fold(state, entry, after)
        return state

    def entries(self, start: int) -> Iterator[tuple[int, Entry]]:
        """Events from a line's beginning on, each with the offset behind it; unknown kinds are passed over.

        Ends at damage, which it notes.
        """
        last: Place | None = None
        for offset, line in self.lines(start):
            try:
                found = envelope(line)
                event = event_of(found)
            except Broken as error:
                self._damaged(offset, str(error), last)
                return
            last = _place(offset, line, found)
            if event is not None:
                yield last.end, Entry(found.seq, found.t, event)

    def fold(self, state: State, entry: Entry, after: int) -> State:
        """State with one more event; an event that cannot have happened in this State is damage."""
        try:
            return fold(state, entry.event, entry.t, entry.seq)
        except Exception as error:  # noqa: BLE001 - the boundary: a changed journal can say what no cockpit would write
            start = self.line_before(after)
            self._damaged(start or 0, f"{entry.event.kind}: {type(error).__name__}: {error}", None)
            return state

    def _damaged(self, offset: int, why: str, last: Place | None) -> None:
        if last is None:
            before = self.line_before(offset)
            last = None if before is None else self.place(before)
        self.stop_at(Damage(offset, 0, why, last))


def read_lines(fd: int, start: int, end: Callable[[], int]) -> Iterator[tuple[int, bytes]]:
    """Whole lines, their newlines with them, from the beginning of one up to `end()`, each with its offset.

    A line that is longer than any event ends where the longest may, without a newline.
    """
    at, rest = start, b""
    while True:
        limit = end()
        chunk = os.pread(fd, max(0, min(BLOCK, limit - at - len(rest))), at + len(rest))
        if not chunk:
            return
        block = rest + chunk
        begin = 0
        while (newline := block.find(b"\n", max(begin, len(rest) if begin == 0 else 0))) >= 0:
            yield at + begin, block[begin : newline + 1]
            begin = newline + 1
        at, rest = at + begin, block[begin:]
        if len(rest) >= LONGEST_LINE:
            yield at, rest
            return


def _place(start: int, line: bytes, found: Envelope) -> Place:
    return Place(start, start + len(line), found.seq, found.t, found.kind)
