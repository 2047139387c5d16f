"""The journal on disk: append with a hash chain, read back, survive a torn tail.

One JSON object a line: {"v", "seq", "t", "kind", "prev", "data"}. `prev` is the first 32 hex digits of the SHA-256 of
the line before, without its newline; the first line's is all zeros.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from migration_cockpit.session.events import KINDS, VERSION, Event

GENESIS = "0" * 32
NO_CHAIN = "it does not follow from the line before: that one was changed, or lines were taken out or put in"
"""What is said of a line that names another one before it than there is."""
FILE = "session.jsonl"
LONGEST_LINE = 16 * 1024 * 1024
"""A longer line is damage: no event comes near it."""


class JournalError(Exception):
    """The journal cannot be read or written; the message names the file and what to do."""


class SessionHeld(JournalError):
    """Another process holds the session's directory; the message names it."""


class Broken(ValueError):
    """A line that is no event; the message says what is wrong with it."""


class Envelope(msgspec.Struct, frozen=True):
    """A line of the journal; `data` stays undecoded until its kind is known."""

    v: int
    seq: int
    t: datetime
    kind: str
    prev: str
    data: msgspec.Raw


class Entry(msgspec.Struct, frozen=True):
    """An event as it stands in the journal."""

    seq: int
    t: datetime
    event: Event


_encode = msgspec.json.Encoder().encode
_envelope = msgspec.json.Decoder(Envelope)


def line_hash(line: bytes) -> str:
    """The hash by which the next line names this one."""
    import hashlib  # loads OpenSSL: not before the first paint

    return hashlib.sha256(line).hexdigest()[:32]


def make_directory(path: Path) -> None:
    """Make a directory of a session that only its owner can read. Raises JournalError when that is not possible."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(f"{path}: the session's directory cannot be made: {error.strerror}") from error


class SessionLock:
    """One cockpit at a time writes a session: an flock on `lock` in its directory, released by the kernel on death."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._fd = -1

    def take(self, who: str) -> None:
        """Take the lock. Raises JournalError, naming who holds it, when another process does; or when the directory
        cannot be written."""
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be opened for writing: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 200).decode(errors="replace").strip() or "another process"
            os.close(self._fd)
            self._fd = -1
            where = self._path.parent
            raise SessionHeld(f"{where}: this session is flown by {holder}; one cockpit at a time") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{who}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class JournalWriter:
    """Appends events. The caller holds the session's lock."""

    def __init__(self, path: Path, since: int = 0) -> None:
        """Open for appending; a torn last line (no newline, or not an envelope) is cut off first.

        Only what stands behind the byte `since`, the beginning of a line, is looked at.
        """
        self.path = path
        self.seq, self.prev, self.torn = 0, GENESIS, 0
        self._since = since
        try:
            if path.exists():
                self._find_end()
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{path}: cannot be opened for writing: {error.strerror}") from error
        self.wrote = 0
        """Bytes of the last line."""
        self._unsynced = False
        self._end: int | None = None
        """Where the file must be cut before the next line, when that could not be done at once."""

    def _find_end(self) -> None:
        good = self._since
        with self.path.open("rb") as file:
            file.seek(good)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    found = envelope(line)
                except Broken:
                    break
                good += len(line)
                self.seq, self.prev = found.seq, line_hash(line[:-1])
            rest = self.path.stat().st_size - good
        if rest:
            with self.path.open("rb") as file:
                file.seek(good)
                tail = file.read()
            if tail.count(b"\n") > 1:
                raise JournalError(
                    f"{self.path}: damaged after event {self.seq} (byte {good}); move the file away or start with --new"
                )
            # A line that never got its newline was never acknowledged: nothing rests on it. It is kept aside, unless
            # the disk is full: what is known must be seen all the same.
            with suppress(OSError):
                aside = self.path.with_suffix(".torn")
                aside.touch(mode=0o600)
                aside.write_bytes(tail)
            os.truncate(self.path, good)
            self.torn = rest

    def append(self, event: Event, t: datetime, clean: Callable[[str], str]) -> Entry:
        """Write one event, cleaned of secrets; a durable one is on disk when this returns.

        Raises JournalError when it cannot be written.
        """
        written = Envelope(VERSION, self.seq + 1, t, event.kind, self.prev, _cleaned(_encode(event), clean))
        line = _encode(written)
        try:
            self._write(line + b"\n", durable=event.durable)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}") from error
        self.seq, self.prev = written.seq, line_hash(line)
        self.wrote = len(line) + 1
        return Entry(written.seq, t, decode(written.kind, _envelope.decode(line).data) or event)

    def _write(self, line: bytes, *, durable: bool) -> None:
        """Put a line at the end, or nothing: one that is not there as a whole, or not surely, is taken back."""
        end = os.fstat(self._fd).st_size if self._end is None else self._end
        if self._end is not None:
            os.ftruncate(self._fd, end)  # what an earlier line left behind
            self._end = None
        try:
            _write_whole(self._fd, line)
            self._unsynced = True
            if durable:
                # Not by way of `sync`: another thread may be in it and think that nothing is left to do.
                os.fdatasync(self._fd)
        except OSError:
            self._end = end
            with suppress(OSError):  # else the next line does it first
                os.ftruncate(self._fd, end)
                self._end = None
            raise

    def sync(self) -> None:
        """Bring everything appended so far onto the disk; may be called from another thread."""
        if not self._unsynced:
            return
        self._unsynced = False  # before, not after: what is appended meanwhile still needs its own
        try:
            os.fdatasync(self._fd)
        except OSError:
            self._unsynced = True
            raise

    def close(self) -> None:
        """Sync and close. Raises OSError when the last readings do not go onto the disk; it is closed all the same."""
        try:
            self.sync()
        finally:
            os.close(self._fd)


def _write_whole(fd: int, line: bytes) -> None:
    if os.write(fd, line) != len(line):
        raise OSError(errno.ENOSPC, "the disk is full; free some space, then try again")


def cleaned(event: Event, clean: Callable[[str], str]) -> Event:
    """An event without secrets, as it would come out of the journal."""
    return decode(event.kind, _cleaned(_encode(event), clean)) or event


def _cleaned(data: bytes, clean: Callable[[str], str]) -> msgspec.Raw:
    """An event's JSON with its texts cleaned of secrets. Only texts: a password of digits may stand in any number."""
    text = data.decode()
    if clean(text) == text:
        return msgspec.Raw(data)
    return msgspec.Raw(_encode(_clean_texts(msgspec.json.decode(data), clean)))


def _clean_texts(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean_texts(each, clean) for each in value]
    if isinstance(value, dict):
        return {clean(key): _clean_texts(each, clean) for key, each in value.items()}
    return value


def decode(kind: str, data: msgspec.Raw) -> Event | None:
    """The event of this kind, or None for a kind that this version does not know. Raises msgspec.MsgspecError."""
    cls = KINDS.get(kind)
    return _decoder(cls).decode(data) if cls else None


@cache
def _decoder(cls: type[Event]) -> msgspec.json.Decoder[Event]:
    """Made with the first event of its kind: all of them together take as long as opening a session may."""
    return msgspec.json.Decoder(cls)


_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What bytes that are no event can raise: no JSON or another shape, no UTF-8 or a number too large, too deep."""


def envelope(line: bytes) -> Envelope:
    """The envelope of a line, with or without its newline. Raises Broken."""
    try:
        found = _envelope.decode(line)
    except _UNREADABLE as error:
        raise Broken(str(error)) from error
    if found.t.tzinfo is None:
        raise Broken(f"its time {found.t} names no zone")
    return found


def event_of(found: Envelope) -> Event | None:
    """The event in an envelope, None for a kind that this version does not know. Raises Broken."""
    try:
        return decode(found.kind, found.data)
    except _UNREADABLE as error:
        raise Broken(f"{found.kind}: {error}") from error


def read(path: Path, since: int = 0) -> Iterator[Entry]:
    """The events of a journal in their order, up to a torn tail; unknown kinds are passed over.

    `since` is the byte at which a line begins, from which on they are read.

    Raises JournalError for a file that cannot be read, is damaged in the middle or is of another version.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error
    yield from entries(file, path, since)


def entries(
    file: BinaryIO, path: Path, since: int = 0, kinds: frozenset[str] | None = None, *, chained: bool = False
) -> Iterator[Entry]:
    """The same for an open file of plain lines, which is closed at the end; `path` is what messages call it.

    With `kinds` all others are passed over, known only to be events. With `chained`, for which all of it is read, a
    line that does not follow from the one before is damage too.
    """
    with file:
        file.seek(since)
        number, prev = 0, GENESIS
        while line := file.readline(LONGEST_LINE):
            number += 1
            if not line.endswith(b"\n"):
                return
            try:
                found = envelope(line)
                if found.v > VERSION:
                    raise JournalError(newer(path, found.v))
                if chained and found.prev != prev:
                    raise JournalError(f"{path}: line {number}: {NO_CHAIN}")
                event = event_of(found) if kinds is None or found.kind in kinds else None
            except Broken as error:
                where = f"line {number}" + (f" behind byte {since}" if since else "")
                raise JournalError(f"{path}: {where} is not an event: {error}") from error
            if chained:
                prev = line_hash(line[:-1])
            if event is not None:
                yield Entry(found.seq, found.t, event)


def newer(path: Path, version: int) -> str:
    """What is said of a journal that this program is too old for."""
    return f"{path}: written by a newer cockpit (version {version} of the journal, this one reads {VERSION}); use that"
