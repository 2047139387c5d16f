"""A port-forward to a Service or pod that the cockpit opens itself, without kubectl.

It listens on loopback; each connection gets its own WebSocket to a pod that is ready at that moment, so that a pod
that goes away costs the sessions through it and nothing else: the next connection finds its successor.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Any

from migration_cockpit.connections.errors import KubeError, Unreachable
from migration_cockpit.connections.kube_api import KubeApi
from migration_cockpit.connections.resources import RESOURCES, path_of

CHUNK = 65536
DATA, ERROR = 0, 1
"""Channels of the one forwarded port, in the portforward protocol of v4.channel.k8s.io."""


class PortForward:
    """A loopback listener that leads to `svc/name:port` or `pod/name:port` of the namespace."""

    def __init__(self, api: KubeApi, namespace: str, target: str) -> None:
        """Raises Unreachable when `target` cannot be read."""
        kind, slash, rest = target.partition("/")
        name, colon, port = rest.rpartition(":")
        if not (slash and colon and name and port.isdigit() and kind in {"svc", "service", "pod"}):
            mend = "it takes svc/name:5432 or pod/name:5432"
            raise Unreachable("port-forward", f"postgres.port_forward: found {target!r}", mend)
        self._api = api
        self._namespace = namespace
        self._kind, self._name, self._port = kind, name, int(port)
        self._listener: socket.socket | None = None
        self._open: set[Any] = set()
        self.last_error = ""
        """Why the newest connection could not be forwarded."""

    def start(self) -> tuple[str, int]:
        """Listen; returns the loopback address. Raises Unreachable when nothing stands behind the target."""
        try:
            self._pod()
        except KubeError as error:
            raise Unreachable("port-forward", str(error), "check postgres.port_forward and RBAC") from error
        listener = socket.create_server(("127.0.0.1", 0))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True, name="port-forward").start()
        host, port = listener.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """End the listener and everything that goes through it."""
        if self._listener is not None:
            with suppress(OSError):
                # Closing alone does not wake a thread that waits in accept().
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for end in list(self._open):
            _shut(end)

    def _pod(self) -> tuple[str, int]:
        """A ready pod behind the target, and the port there."""
        if self._kind == "pod":
            return self._name, self._port
        service = self._get("services", self._name)
        ports = service["spec"].get("ports") or []
        spec = next((port for port in ports if port["port"] == self._port), None)
        if spec is None:
            raise KubeError(404, "NotFound", f"Service {self._name} has no port {self._port}")
        selector = ",".join(f"{key}={value}" for key, value in (service["spec"].get("selector") or {}).items())
        if not selector:
            raise KubeError(404, "NotFound", f"Service {self._name} selects no pods, so nothing can be forwarded to")
        path = path_of(RESOURCES["pods"], "v1", self._namespace)
        pods = self._api.request("GET", path, {"labelSelector": selector})["items"]
        for pod in pods:
            conditions = (pod.get("status") or {}).get("conditions") or []
            if any(item["type"] == "Ready" and item["status"] == "True" for item in conditions):
                return pod["metadata"]["name"], _target_port(spec, pod)
        raise KubeError(404, "NotFound", f"no pod of Service {self._name} is ready")

    def _get(self, resource: str, name: str) -> Any:
        return self._api.request("GET", path_of(RESOURCES[resource], "v1", self._namespace, name))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._forward, args=(client,), daemon=True, name="port-forward").start()

    def _forward(self, client: socket.socket) -> None:
        """Carry one connection; closing it without a byte is how a failure shows to the client."""
        web = None
        try:
            pod, port = self._pod()
            path = path_of(RESOURCES["pods"], "v1", self._namespace, pod, "portforward")
            web = self._api.websocket(path, [("ports", str(port))])
            self._open |= {client, web}
            threading.Thread(target=self._upstream, args=(client, web), daemon=True, name="port-forward").start()
            self._downstream(client, web)
        except KubeError as error:
            self.last_error = str(error)
        finally:
            for end in (client, web):
                if end is not None:
                    self._open.discard(end)
                    _shut(end)

    def _upstream(self, client: socket.socket, web: Any) -> None:
        import websocket

        try:
            while data := client.recv(CHUNK):
                web.send(bytes([DATA]) + data, opcode=websocket.ABNF.OPCODE_BINARY)
        except (OSError, websocket.WebSocketException):
            pass  # one side is gone, which the other direction sees too
        _shut(web)

    def _downstream(self, client: socket.socket, web: Any) -> None:
        import websocket

        named: set[int] = set()
        try:
            while True:
                code, frame = web.recv_data_frame(True)
                if code == websocket.ABNF.OPCODE_CLOSE:
                    return
                if code != websocket.ABNF.OPCODE_BINARY or not frame.data:
                    continue
                channel, data = frame.data[0], frame.data[1:]
                if channel not in named:
                    # The first frame of each channel only repeats the port number.
                    named.add(channel)
                    struct.unpack("<H", data)
                elif channel == ERROR:
                    self.last_error = data.decode(errors="replace").strip()
                    return
                else:
                    client.sendall(data)
        except (OSError, struct.error, websocket.WebSocketException):
            return  # one side is gone


def _target_port(spec: dict[str, Any], pod: dict[str, Any]) -> int:
    """The pod's port behind a Service's port: a number, a name of a container port, or the same number."""
    target = spec.get("targetPort", spec["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == target:
                return int(port["containerPort"])
    raise KubeError(404, "NotFound", f"no container of {pod['metadata']['name']} has a port named {target}")


def _shut(end: Any) -> None:
    """Wake whoever reads from this socket or WebSocket, and close it."""
    with suppress(OSError, AttributeError):
        getattr(end, "sock", end).shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        end.close() if isinstance(end, socket.socket) else end.shutdown()
