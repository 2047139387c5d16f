"""The deployment's web address: one loopback port that leads to whichever Airflow server the cluster has just then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

Backend = Callable[[], tuple[str, int] | None]
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Temporarily Unavailable\r\nContent-Type: text/html\r\nContent-Length: 36\r\n"
    b"Connection: close\r\n\r\n<h1>503 Service Unavailable</h1>\r\n\r\n"
)


class Ingress:
    """Connects each connection with the first backend that accepts it; answers 503 when none does."""

    def __init__(self, backends: Callable[[], list[tuple[str, int]]], *, port: int = 0) -> None:
        """`backends` names the addresses to try, in order, at each connection."""
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
            try:
                await asyncio.gather(_copy(reader, up_writer), _copy(up_reader, writer))
            finally:
                up_writer.close()
            return
        writer.write(UNAVAILABLE)
        await writer.drain()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    with suppress(OSError, RuntimeError):
        if target.can_write_eof():
            target.write_eof()
