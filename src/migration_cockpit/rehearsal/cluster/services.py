"""Services as loopback TCP proxies: a port for each Service port, refusing when no pod behind it is Ready."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from typing import TYPE_CHECKING, Any

from .controllers.endpoints import is_ready, selects, target_port
from .kinds import PODS, SERVICES
from .objects import name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kubelet.node import Kubelet
    from .store import Change, Store

Obj = dict[str, Any]
Key = tuple[str, str, int]

_CHUNK = 64 * 1024


class ServiceProxies:
    """The proxies. An address, once given, stays with its (namespace, name, port), even if the Service is remade."""

    def __init__(self, store: Store, node: Kubelet) -> None:
        self._store = store
        self._node = node
        self._proxies: dict[Key, _Proxy] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._dirty: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Begins to follow Services and pods."""
        self._unsubscribe = self._store.subscribe(self._seen)

    async def stop(self) -> None:
        """Closes every proxy."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        for proxy in self._proxies.values():
            proxy.close()
        await asyncio.sleep(0)

    def address(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        """The loopback address of a Service's port, reserved when it is first asked for.

        Connections to it are refused while the Service does not exist or has no Ready pod.
        """
        return "127.0.0.1", self._proxy((namespace, name, port)).port

    def known(self, namespace: str, name: str, port: int) -> tuple[str, int] | None:
        """The address of an existing Service's TCP port, or None."""
        service = self._store.find(SERVICES, namespace, name)
        for item in (service or {}).get("spec", {}).get("ports") or []:
            if item["port"] == port and item.get("protocol", "TCP") == "TCP":
                return self.address(namespace, name, port)
        return None

    def targets(self, key: Key) -> list[int]:
        """The real ports behind a Service port now."""
        namespace, name, number = key
        service = self._store.find(SERVICES, namespace, name)
        if service is None:
            return []
        port = next((item for item in service["spec"].get("ports") or [] if item["port"] == number), None)
        if port is None:
            return []
        found = [
            self._node.port(pod, inner)
            for pod in self._store.list(PODS, namespace)
            if selects(service, pod) and is_ready(pod) and (inner := target_port(port, pod)) is not None
        ]
        return [item for item in found if item is not None]

    def _proxy(self, key: Key) -> _Proxy:
        if key not in self._proxies:
            self._proxies[key] = _Proxy(lambda: self.targets(key))
        proxy = self._proxies[key]
        proxy.refresh()
        return proxy

    def _seen(self, change: Change) -> None:
        obj = change.object
        if change.kind is SERVICES:
            self._mark(namespace_of(obj), name_of(obj))
        elif change.kind is PODS:
            for service in self._store.list(SERVICES, namespace_of(obj)):
                if selects(service, obj) or (change.previous is not None and selects(service, change.previous)):
                    self._mark(namespace_of(service), name_of(service))

    def _mark(self, namespace: str, name: str) -> None:
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._refresh)
        self._dirty.add((namespace, name))

    def _refresh(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for namespace, name in dirty:
            service = self._store.find(SERVICES, namespace, name)
            for item in (service or {}).get("spec", {}).get("ports") or []:
                if item.get("protocol", "TCP") == "TCP":
                    self._proxy((namespace, name, item["port"]))
        for (namespace, name, _), proxy in self._proxies.items():
            if (namespace, name) in dirty:
                proxy.refresh()


class _Proxy:
    """One listening port. While it has no target it is bound but does not listen, so that connections are refused."""

    def __init__(self, targets: Callable[[], list[int]]) -> None:
        self._targets = targets
        self._turn = itertools.count()
        self._socket = _bind(0)
        self.port = int(self._socket.getsockname()[1])
        self._server: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def refresh(self) -> None:
        """Listens or refuses, as there are targets or not."""
        if self._targets() and self._server is None:
            self._socket.listen(128)
            self._server = asyncio.get_running_loop().create_task(self._accept())
        elif self._server is not None and not self._targets():
            self._server.cancel()
            self._server = None
            self._socket.close()
            self._socket = _bind(self.port)

    def close(self) -> None:
        """Ends the proxy and cuts its connections."""
        if self._server is not None:
            self._server.cancel()
        for connection in self._connections:
            connection.cancel()
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        listener = self._socket
        while True:
            client, _ = await loop.sock_accept(listener)
            task = loop.create_task(self._serve(client))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            targets = self._targets()
            for _ in targets:
                port = targets[next(self._turn) % len(targets)]
                with contextlib.suppress(OSError):
                    await join(reader, writer, port)
                    return
        finally:
            writer.close()


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Copies both ways between a connection and a loopback port until both are done. Raises OSError when refused."""
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
    finally:
        far_writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.setblocking(False)
    return sock
