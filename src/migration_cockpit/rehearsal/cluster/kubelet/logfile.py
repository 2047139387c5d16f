"""Container logs on disk, in the line format of the CRI, so that times, streams and tails survive.

A line is `<RFC 3339 nano> <stdout|stderr> <F|P> <text>`; P marks a piece of a line that goes on in the next entry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from ..objects import parse_time, utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

_PIECE = 16 * 1024


class LogFile:
    """One run of one container: written by its pipes, read and followed by any number of clients."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.closed = False
        self._file = path.open("ab", buffering=0)
        self._news = asyncio.Event()
        self._rest: dict[str, bytes] = {}

    def feed(self, name: str, data: bytes) -> None:
        """Takes what came out of the stream `name` (stdout, stderr)."""
        *lines, rest = (self._rest.get(name, b"") + data).split(b"\n")
        self._write(lines, name, "F")
        while len(rest) >= _PIECE:
            self._write([rest[:_PIECE]], name, "P")
            rest = rest[_PIECE:]
        self._rest[name] = rest

    def close(self) -> None:
        """Ends the log, with what was left of a last line: followers finish."""
        if not self.closed:
            for name, rest in self._rest.items():
                self._write([rest] if rest else [], name, "F")
            self.closed = True
            self._file.close()
            self._ring()

    def _write(self, lines: list[bytes], name: str, tag: str) -> None:
        if lines and not self.closed:
            head = f"{utc_now().strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {name} {tag} ".encode()
            self._file.write(b"".join(head + line + b"\n" for line in lines))
            self._ring()

    def _ring(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def watch_news(self) -> asyncio.Event:
        """The event that the next write sets."""
        return self._news


def _show(line: bytes, *, timestamps: bool) -> bytes:
    time, _, rest = line.partition(b" ")
    _, _, rest = rest.partition(b" ")
    tag, _, text = rest.partition(b" ")
    text = text[:-1] if tag == b"P" else text
    return time + b" " + text if timestamps else text


def _opening(path: Path, tail: int | None, since: datetime | None) -> tuple[list[bytes], int]:
    """The complete lines on disk that are asked for, and the offset behind the last one."""
    offset = 0
    kept: deque[bytes] = deque(maxlen=tail)
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            offset += len(line)
            if since is None or parse_time(line[:30].decode()) >= since:
                kept.append(line)
    return list(kept), offset


async def read_log(
    path: Path,
    live: LogFile | None,
    *,
    tail: int | None = None,
    since: datetime | None = None,
    timestamps: bool = False,
    limit: int | None = None,
) -> AsyncIterator[bytes]:
    """Yields the log at `path`; with `live` goes on until that run of the container has ended.

    `tail` in lines, `limit` in bytes of output, `since` an aware time.
    """
    budget = limit
    lines, offset = _opening(path, tail, since)
    while True:
        out = b"".join(_show(line, timestamps=timestamps) for line in lines)
        if budget is not None:
            out, budget = out[:budget], budget - len(out)
        if out:
            yield out
        if live is None or (budget is not None and budget <= 0):
            return
        news = live.watch_news()
        lines, offset = _more(path, offset)
        if lines:
            continue
        if live.closed:
            return
        await news.wait()
        lines, offset = _more(path, offset)


def _more(path: Path, offset: int) -> tuple[list[bytes], int]:
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return whole.splitlines(keepends=True), offset + len(whole)
