"""Streams over WebSocket: exec (`v4`/`v5.channel.k8s.io`) and port-forward.

A frame is one channel byte and data: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 terminal size; in v5 the byte
255 followed by a channel number closes that channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from typing import TYPE_CHECKING, Any

from aiohttp import WSMessage, WSMsgType, web

from ..errors import bad_request
from ..kubelet import environment
from ..kubelet.process import die_with_parent, exit_code
from .request import flag

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kubelet.container import Container

Obj = dict[str, Any]

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_CHUNK = 32 * 1024


async def run_exec(request: web.Request, container: Container) -> web.StreamResponse:
    """Runs the asked command with the container's environment, until it ends or the client goes."""
    socket = _upgrade(request)
    await socket.prepare(request)
    query = request.query
    command = [environment.rewrite_paths(word, container.mounts) for word in query.getall("command")]
    wants = {name: flag(query, name) for name in ("stdin", "stdout", "stderr", "tty")}
    if shutil.which(command[0], path=container.env.get("PATH")) is None:
        await _finish(socket, _runtime_failure(command[0]))
        return socket
    process = await asyncio.create_subprocess_exec(
        *command,
        env=container.env,
        cwd=container.cwd,
        stdin=asyncio.subprocess.PIPE if wants["stdin"] else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if wants["stdout"] else asyncio.subprocess.DEVNULL,
        stderr=_stderr(wants),
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    container.adopt(process)
    incoming = asyncio.create_task(_feed(socket, process))
    try:
        outputs = [_send(socket, process.stdout, STDOUT), _send(socket, process.stderr, STDERR)]
        await asyncio.gather(*outputs)
        code = await process.wait()
        await _finish(socket, exec_status(exit_code(code)))
    except ConnectionError:
        pass  # the client has gone; a real runtime leaves the command running, and so do we
    finally:
        incoming.cancel()
    return socket


async def run_portforward(request: web.Request, real_port: Callable[[int], int | None]) -> web.StreamResponse:
    """Forwards each asked port: channel 2i carries its data, 2i+1 its errors; both begin with the port number."""
    ports = [int(text) for value in request.query.getall("ports", []) for text in value.split(",")]
    if not ports:
        raise bad_request("at least one port must be specified")
    socket = _upgrade(request)
    await socket.prepare(request)
    links: list[asyncio.StreamWriter | None] = []
    tasks: list[asyncio.Task[None]] = []
    for index, port in enumerate(ports):
        for channel in (2 * index, 2 * index + 1):
            await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", real_port(port) or port)
            tasks.append(asyncio.create_task(_send(socket, reader, 2 * index)))
        except OSError:
            text = f"failed to connect to localhost:{port} inside namespace: connect: connection refused"
            await socket.send_bytes(bytes([2 * index + 1]) + text.encode())
        links.append(writer)
    try:
        async for message in socket:
            frame = _bytes(message)
            if frame and frame[0] % 2 == 0:
                link = links[frame[0] // 2] if frame[0] // 2 < len(links) else None
                if link is not None:
                    link.write(frame[1:])
                    await link.drain()
    except ConnectionError:
        pass  # one of the two sides has gone, which ends the forwarding
    finally:
        for task in tasks:
            task.cancel()
        for link in links:
            if link is not None:
                link.close()
    return socket


def exec_status(code: int) -> Obj:
    """The Status that ends an exec stream."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _runtime_failure(program: str) -> Obj:
    message = (
        "Internal error occurred: error executing command in container: failed to exec in container: failed to start "
        "exec: OCI runtime exec failed: exec failed: unable to start container process: "
        f'exec: "{program}": executable file not found in $PATH: unknown'
    )
    return {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}


def _upgrade(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=_PROTOCOLS, max_msg_size=0)
    if not socket.can_prepare(request).ok:
        raise bad_request("Upgrade request required")
    return socket


def _stderr(wants: dict[str, bool]) -> int:
    if wants["tty"]:
        return asyncio.subprocess.STDOUT
    return asyncio.subprocess.PIPE if wants["stderr"] else asyncio.subprocess.DEVNULL


async def _send(socket: web.WebSocketResponse, stream: asyncio.StreamReader | None, channel: int) -> None:
    if stream is None:
        return
    while chunk := await stream.read(_CHUNK):
        await socket.send_bytes(bytes([channel]) + chunk)


async def _feed(socket: web.WebSocketResponse, process: asyncio.subprocess.Process) -> None:
    """Carries stdin until the client closes it or goes; losing the client ends the input, not the command."""
    with contextlib.suppress(ConnectionError):
        async for message in socket:
            frame = _bytes(message)
            if not frame:
                continue
            channel, data = frame[0], frame[1:]
            if channel == STDIN and process.stdin is not None:
                process.stdin.write(data)
                await process.stdin.drain()
            elif channel == CLOSE and data == bytes([STDIN]) and process.stdin is not None:
                process.stdin.close()
    if process.stdin is not None:
        process.stdin.close()


def _bytes(message: WSMessage) -> bytes:
    """A frame's bytes; the Python client sends its input as text frames."""
    if message.type is WSMsgType.TEXT:
        return str(message.data).encode()
    return bytes(message.data) if message.type is WSMsgType.BINARY else b""


async def _finish(socket: web.WebSocketResponse, status: Obj) -> None:
    await socket.send_bytes(bytes([ERROR]) + json.dumps(status).encode())
    await socket.close()
