"""A proxy before one system of the world, which can make it fail in the six ways in which systems fail."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import struct
from contextlib import suppress
from typing import Literal

Way = Literal["passes", "refuses", "hangs", "resets", "answers 500", "talks nonsense", "is ten seconds late"]
WAYS: tuple[Way, ...] = ("refuses", "hangs", "resets", "answers 500", "talks nonsense", "is ten seconds late")

LATE_SECONDS = 10.0


class Outage:
    """Listens on loopback and passes everything on to a server, until it is told to fail.

    With `tls` it is the end of the client's encryption, as a load balancer would be; `postgres` makes its errors those
    of PostgreSQL's protocol instead of HTTP's.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, postgres: bool = False) -> None:
        """`port` is the server's on 127.0.0.1."""
        self._upstream = port
        self._tls = tls
        self._postgres = postgres
        self._way: Way = "passes"
        self._listening: asyncio.Server | None = None
        self._live: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen, on the same port as before where there was one."""
        self._listening = await asyncio.start_server(self._begin, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections and cut those there are."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        self._cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def become(self, way: Way) -> None:
        """Fail in this way from now on, also on connections that are open."""
        self._way = way
        self._changed.set()
        self._changed = asyncio.Event()
        if way == "refuses":
            await self.stop()
            return
        if self._listening is None:
            await self.start()
        if way != "hangs":
            self._cut()

    def _cut(self) -> None:
        for writer in list(self._live):
            _reset(writer)

    def _begin(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(client, to_client))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._live.add(to_client)
        try:
            if self._way in {"answers 500", "talks nonsense"}:
                await client.read(1)  # nothing is answered before something is asked
                to_client.write(self._nonsense() if self._way == "talks nonsense" else self._error())
                await to_client.drain()
                return
            context = ssl._create_unverified_context() if self._tls else None  # noqa: S323 - loopback, its own CA
            server, to_server = await asyncio.open_connection("127.0.0.1", self._upstream, ssl=context)
            self._live.add(to_server)
            asking = asyncio.create_task(self._pass_on(client, to_server))
            answering = asyncio.create_task(self._pass_on(server, to_client, answers=True))
            try:
                await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (asking, answering):
                    task.cancel()
                await asyncio.gather(asking, answering, return_exceptions=True)
                self._live.discard(to_server)
                to_server.close()
        except OSError:
            pass
        finally:
            self._live.discard(to_client)
            to_client.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                while self._way == "hangs":
                    await self._changed.wait()
                if answers and self._way == "is ten seconds late":
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), LATE_SECONDS)
                if answers and self._way == "resets":
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    _reset(writer)
                    return
                writer.write(data)
                await writer.drain()

    def _error(self) -> bytes:
        if self._postgres:
            fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"
            return b"E" + struct.pack("!i", len(fields) + 4) + fields
        body = b"internal error"
        head = f"HTTP/1.1 500 Internal Server Error\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return head.encode() + body

    def _nonsense(self) -> bytes:
        noise = random.Random(1).randbytes(400)  # noqa: S311 - noise, no secret
        if self._postgres:
            return noise
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(noise)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + noise


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset, as a machine that lost it does."""
    with suppress(OSError, AttributeError):
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
