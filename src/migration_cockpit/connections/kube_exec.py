"""A command in a container, over the WebSocket of the Kubernetes API."""

from __future__ import annotations

import json
import time

from migration_cockpit.connections.errors import KubeError
from migration_cockpit.connections.kube_api import Executed, KubeApi


def execute(api: KubeApi, path: str, query: list[tuple[str, str]], stdin: str | None, timeout: float) -> Executed:
    """Speak channel.k8s.io v4/v5: the first byte of a frame is its channel, channel 3 brings the outcome."""
    import websocket

    socket = api.websocket(path, query)
    output: dict[int, bytes] = {1: b"", 2: b"", 3: b""}
    deadline = time.monotonic() + timeout
    try:
        if stdin is not None:
            socket.send(b"\x00" + stdin.encode(), opcode=websocket.ABNF.OPCODE_BINARY)
            # The library fills its own `subprotocol` only when it was asked for by option, not by header.
            spoken = {key.lower(): value for key, value in socket.getheaders().items()}
            if spoken.get("sec-websocket-protocol") == "v5.channel.k8s.io":
                socket.send(b"\xff\x00", opcode=websocket.ABNF.OPCODE_BINARY)
        while True:
            socket.settimeout(max(0.01, deadline - time.monotonic()))
            code, frame = socket.recv_data_frame(True)
            if code == websocket.ABNF.OPCODE_CLOSE:
                break
            data = frame.data
            if code in (websocket.ABNF.OPCODE_BINARY, websocket.ABNF.OPCODE_TEXT) and data and data[0] in output:
                output[data[0]] += data[1:]
                if data[0] == 3:
                    break
    except websocket.WebSocketTimeoutException as error:
        raise KubeError(0, "Timeout", f"the command did not end within {timeout:.0f} s") from error
    except websocket.WebSocketConnectionClosedException:
        pass
    except (websocket.WebSocketException, OSError) as error:
        raise KubeError(0, "Broken", f"the connection to the command broke off: {error}") from error
    finally:
        socket.close(timeout=1)
    return Executed(_exit_code(output[3]), output[1].decode(errors="replace"), output[2].decode(errors="replace"))


def _exit_code(status: bytes) -> int:
    """The exit code that the Status on the error channel tells. KubeError when the command never ran."""
    if not status:
        raise KubeError(0, "Broken", "the connection ended before the command did")
    outcome = json.loads(status)
    if outcome.get("status") == "Success":
        return 0
    for cause in (outcome.get("details") or {}).get("causes", []):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise KubeError(0, outcome.get("reason", "Failure"), outcome.get("message", "the command did not run"))
