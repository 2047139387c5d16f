"""Probes: httpGet, tcpSocket and exec, with kubelet's counting."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import aiohttp

from .process import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Obj = dict[str, Any]


class ProbeTarget:
    """Where a container's probes go: its ports on loopback, its environment for commands."""

    def __init__(self, ports: Mapping[int, int], named: Mapping[str, int], env: dict[str, str], cwd: Path) -> None:
        self._ports = ports
        self._named = named
        self._env = env
        self._cwd = cwd

    async def ask(self, probe: Obj) -> tuple[bool, str]:
        """One try: whether it succeeded, and what kubelet would say when it did not."""
        timeout = float(probe.get("timeoutSeconds", 1))
        if "exec" in probe:
            return await self._exec(list(probe["exec"].get("command") or []), timeout)
        if "tcpSocket" in probe:
            return await self._tcp(self._port(probe["tcpSocket"]["port"]), timeout)
        if "httpGet" in probe:
            return await self._http(probe["httpGet"], timeout)
        return True, ""

    def _port(self, port: int | str) -> int:
        number = self._named.get(port, 0) if isinstance(port, str) and not port.isdigit() else int(port)
        return self._ports.get(number, number)

    async def _http(self, action: Obj, timeout: float) -> tuple[bool, str]:
        path = str(action.get("path") or "/")
        url = f"http://127.0.0.1:{self._port(action['port'])}/{path.lstrip('/')}"
        headers = {item["name"]: item["value"] for item in action.get("httpHeaders") or []}
        headers.setdefault("User-Agent", "kube-probe/1.32")
        limit = aiohttp.ClientTimeout(total=timeout)
        try:
            # One connection per probe, as kubelet does: a server that leaks connections shows it here too.
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.get(url, headers=headers, allow_redirects=False) as response,
            ):
                if 200 <= response.status < 400:
                    return True, ""
                return False, f"HTTP probe failed with statuscode: {response.status}"
        except TimeoutError:
            why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        except (aiohttp.ClientError, OSError) as error:
            why = _spoken(error, url)
        return False, f'Get "{url}": {why}'

    async def _tcp(self, port: int, timeout: float) -> tuple[bool, str]:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), timeout)
        except TimeoutError:
            return False, f"dial tcp 127.0.0.1:{port}: i/o timeout"
        except OSError:
            return False, f"dial tcp 127.0.0.1:{port}: connect: connection refused"
        writer.close()
        return True, ""

    async def _exec(self, command: list[str], timeout: float) -> tuple[bool, str]:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=self._env,
                cwd=self._cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            return False, f'exec: "{command[0] if command else ""}": {error.strerror}'
        try:
            output, _ = await asyncio.wait_for(process.communicate(), timeout)
        except TimeoutError:
            return False, f'command "{" ".join(command)}" timed out'
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return process.returncode == 0, output.decode(errors="replace")[:1024]


def _spoken(error: BaseException, url: str) -> str:
    address = url.split("/")[2]
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionRefusedError):
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(error) or type(error).__name__


async def watch_probe(
    probe: Obj,
    target: ProbeTarget,
    *,
    on_success: Callable[[], bool],
    on_failure: Callable[[str], None],
    on_threshold: Callable[[], bool],
) -> None:
    """Asks again and again. `on_success` and `on_threshold` come at their thresholds; either ends it by True.

    Periods come from the pod's own spec, so a rehearsal that must be quick writes short ones there.
    """
    successes = failures = 0
    await asyncio.sleep(float(probe.get("initialDelaySeconds", 0)))
    while True:
        ok, said = await target.ask(probe)
        successes, failures = (successes + 1, 0) if ok else (0, failures + 1)
        if not ok:
            on_failure(said)
        done = False
        if successes >= int(probe.get("successThreshold", 1)):
            done = on_success()
        elif failures >= int(probe.get("failureThreshold", 3)):
            done = on_threshold()
        if done:
            return
        await asyncio.sleep(float(probe.get("periodSeconds", 10)))
