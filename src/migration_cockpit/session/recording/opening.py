"""A journal's bytes, wherever they lie: a session's directory, a plain file, one packed with gzip or zstd.

A packed file is unpacked into a nameless file on disk, so that any place in it can be read and little memory is used.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from migration_cockpit.session.journal import FILE, Entry, JournalError, entries

CHUNK = 1 << 20
PIECE = 512
"""Packed bytes taken at once: what few bytes can unpack to fits into memory even where somebody means harm."""
MOST = 8 << 30
"""Bytes that a packed file may unpack to: fifty times what a session of twelve busy hours has."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Opened:
    """An open file of whole bytes, and what went wrong in unpacking it."""

    fd: int
    packed: bool
    cut: str = ""
    """Why the unpacked bytes end before the packed file does; empty when they do not."""


def find_journal(path: Path) -> Path:
    """The journal that a person means by a path: a file, or the one in a session's directory, packed or not.

    Raises JournalError when there is none.
    """
    if not path.is_dir():
        return path
    for name in (FILE, f"{FILE}.zst", f"{FILE}.gz"):
        if (path / name).exists():
            return path / name
    raise JournalError(f"{path}: there is no {FILE} in this directory, so it is not a session's")


def open_journal(path: Path) -> Opened:
    """Open a journal for reading. Raises JournalError when it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise JournalError(f"{path}: not a file")
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        magic = os.pread(fd, 4, 0)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error
    unpack = _gunzipped if magic.startswith(_GZIP) else _unzstd if magic == _ZSTD else None
    if unpack is None:
        return Opened(fd, packed=False)
    try:
        return _unpacked(path, fd, unpack)
    finally:
        os.close(fd)


def read(path: Path, kinds: frozenset[str] | None = None) -> Iterator[Entry]:
    """The events of a journal, packed or not, a file or a session's directory, up to a torn tail; of `kinds` or all.

    Raises JournalError where it cannot be read, is damaged, of another version, or packed and cut off.
    """
    path = find_journal(path)
    opened = open_journal(path)
    yield from entries(os.fdopen(opened.fd, "rb"), path, kinds=kinds, chained=True)
    if opened.cut:
        raise JournalError(f"{path}: {opened.cut}; what follows is missing")


def _unpacked(path: Path, fd: int, unpack: Callable[[int], Iterator[bytes]]) -> Opened:
    cut = ""
    try:
        with tempfile.TemporaryFile() as spool:
            try:
                for chunk in unpack(fd):
                    spool.write(chunk)
                    if spool.tell() > MOST:
                        cut = f"it unpacks to more than {MOST >> 30} GB"
                        break
            except (EOFError, zlib.error, gzip.BadGzipFile, _zstd_error()) as error:
                cut = f"the packed file is damaged: {error}"
            spool.flush()
            return Opened(os.dup(spool.fileno()), packed=True, cut=cut)
    except OSError as error:
        raise JournalError(f"{path}: cannot be unpacked: {error.strerror or error}") from error


def _gunzipped(fd: int) -> Iterator[bytes]:
    with os.fdopen(os.dup(fd), "rb") as packed, gzip.GzipFile(fileobj=packed) as plain:
        while chunk := plain.read1(CHUNK):
            yield chunk


def _unzstd(fd: int) -> Iterator[bytes]:
    import zstandard

    decoder = None
    with os.fdopen(os.dup(fd), "rb") as packed:
        while piece := packed.read(PIECE):
            while piece:
                decoder = decoder or zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
                yield decoder.decompress(piece)
                piece = decoder.unused_data
                if decoder.eof:
                    decoder = None
    if decoder is not None:
        raise EOFError("it ends before its end was written")


def _zstd_error() -> type[Exception]:
    import zstandard

    return zstandard.ZstdError
