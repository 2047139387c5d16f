"""The deployment's web address: one loopback port that leads to whichever Airflow server the cluster has just then."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from migration_cockpit.rehearsal.prepared import line

_CALL = re.compile(rb"[A-Z]+ /\S* HTTP/1\.[01](?=\r\n)")
_AGENT = re.compile(rb"\r\nUser-Agent: ([^\r]*)", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Temporarily Unavailable\r\nContent-Type: text/html\r\nContent-Length: 36\r\n"
    b"Connection: close\r\n\r\n<h1>503 Service Unavailable</h1>\r\n\r\n"
)


class Ingress:
    """Connects each connection with the first backend that accepts it; answers 503 when none does."""

    def __init__(
        self, backends: Callable[[], list[tuple[str, int]]], *, port: int = 0, log: Path | None = None
    ) -> None:
        """`backends` names the addresses to try, in order, at each connection; `log` gets a line for each call."""
        self._log = log
        self._backends = backends
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The address that users of Airflow know."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop what is connected."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # either side went away, or the world ends
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for host, port in self._backends():
            try:
                up_reader, up_writer = await asyncio.open_connection(host, port)
            except OSError:
                continue
            calls = _Calls(self._log, str(writer.get_extra_info("peername", ("-",))[0]))
            try:
                await asyncio.gather(_copy(reader, up_writer, calls.asked), _copy(up_reader, writer, calls.answered))
            finally:
                up_writer.close()
            return
        writer.write(UNAVAILABLE)
        await writer.drain()


class _Calls:
    """The calls of one connection, logged when they are answered. A call and an answer each begin a piece of data: our
    clients wait for an answer before they ask again."""

    def __init__(self, log: Path | None, client: str) -> None:
        self._log, self._client = log, client
        self._call, self._agent = "", ""

    def asked(self, data: bytes) -> None:
        """What a client has sent."""
        if found := _CALL.match(data):
            agent = _AGENT.search(data)
            self._call, self._agent = found[0].decode("latin-1"), agent[1].decode("latin-1") if agent else "-"

    def answered(self, data: bytes) -> None:
        """What a server has sent."""
        if self._log is not None and self._call and (found := _STATUS.match(data)):
            with self._log.open("a", encoding="utf-8") as log:
                log.write(line(self._client, datetime.now(UTC), self._call, int(found[1]), self._agent))
            self._call = ""


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, seen: Callable[[bytes], None]) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            seen(data)
            target.write(data)
            await target.drain()
    with suppress(OSError, RuntimeError):
        if target.can_write_eof():
            target.write_eof()
