"""A TCP endpoint that stays while what is behind it changes.

On AWS the endpoint of an RDS instance is a DNS name made from its identifier: after two instances swapped their
identifiers, the same name leads to the other server. On loopback there are no names, so each identifier has a port of
its own, and this is what listens there. As with a changed DNS record, connections that are open stay where they are;
only new ones go to the new server.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Forwarder:
    """Listens on 127.0.0.1:``port`` and connects each client to the port that ``target`` names at that moment.

    ``target`` returns None while the identifier leads nowhere: the client's connection is then closed at once.
    """

    def __init__(self, target: Callable[[], int | None]) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.BaseTransport] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port, or again on the one it had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Side(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self._open):
            transport.close()

    async def connect(self, client: _Side) -> None:
        """Open the other side of ``client``'s connection, or close the client when there is none."""
        port = self._target()
        if port is not None and client.transport is not None:
            loop = asyncio.get_running_loop()
            with suppress(OSError):
                await loop.create_connection(lambda: _Side(self, client), "127.0.0.1", port)
                return
        client.close()

    def opened(self, transport: asyncio.BaseTransport) -> None:
        """Remember an open connection."""
        self._open.add(transport)

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection that ended."""
        self._open.discard(transport)


class _Side(asyncio.Protocol):
    """One end of a forwarded connection: the client's (without ``peer`` at first) or the server's."""

    def __init__(self, forwarder: Forwarder, peer: _Side | None = None) -> None:
        self._forwarder = forwarder
        self._peer = peer
        self._dial: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._forwarder.opened(transport)
        if self._peer is None:
            transport.pause_reading()
            self._dial = asyncio.get_running_loop().create_task(self._forwarder.connect(self))
        else:
            self._peer.join(self)

    def join(self, peer: _Side) -> None:
        """Begin to pass on what the client sends, now that the server's side is open."""
        self._peer = peer
        if self.transport is None or self.transport.is_closing():
            peer.close()
        else:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._peer is not None and self._peer.transport is not None:
            self._peer.transport.write(data)

    def eof_received(self) -> bool:
        if self._peer is not None and self._peer.transport is not None and not self._peer.transport.is_closing():
            self._peer.transport.write_eof()
            return True
        return False

    def pause_writing(self) -> None:
        self._flow(lambda transport: transport.pause_reading())

    def resume_writing(self) -> None:
        self._flow(lambda transport: transport.resume_reading())

    def _flow(self, change: Callable[[asyncio.Transport], None]) -> None:
        if self._peer is not None and self._peer.transport is not None and not self._peer.transport.is_closing():
            change(self._peer.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self._forwarder.closed(self.transport)
            self.transport = None
        if self._peer is not None:
            self._peer.close()

    def close(self) -> None:
        """Close this side; what was written to it still goes out."""
        if self.transport is not None:
            self.transport.close()
