"""Starting Airflow's programs by the image's wrapper, the way the rehearsal's kubelet does it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

SOURCE = "2.11.2"
TARGET = "3.2.2"
SECONDS = 120.0
"""Deadline of every wait: a loaded machine of two cores starts four components in half of it."""


class Pods:
    """Containers of one image version: processes that are all gone after `stop`."""

    def __init__(self, world: Path, version: str, environment: dict[str, str]) -> None:
        self._world = world
        self._bin = world / "images" / f"apache-airflow-{version}" / "bin"
        self._environment = {"PATH": f"{self._bin}:/usr/bin:/bin", "REHEARSAL_DIR": str(world), **environment}
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run `airflow <arguments>` to its end; returns exit code and output."""
        process = await self._spawn("job", arguments, {})
        code = await asyncio.wait_for(process.wait(), SECONDS)
        return code, self.log("job")

    async def start(self, component: str, port: int | None = None) -> None:
        """Start `airflow <component>`, which the kubelet gave a port."""
        extra = {} if port is None else {"PORT": str(port)}
        self._running[component] = await self._spawn(component, (component,), extra)

    async def stop(self) -> None:
        """End all containers as a deleted pod ends: SIGTERM, then what is left of the session is killed."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 30)
            _kill_session(process.pid)
            await process.wait()
        self._running.clear()

    def alive(self) -> dict[str, bool]:
        """Which components still run."""
        return {name: process.returncode is None for name, process in self._running.items()}

    def log(self, name: str) -> str:
        """What a container printed so far."""
        return self._log(name).read_text("utf-8", "replace")

    def _log(self, name: str) -> Path:
        return self._world / f"{self._bin.parent.name}-{name}.log"

    async def _spawn(self, name: str, arguments: tuple[str, ...], extra: dict[str, str]) -> asyncio.subprocess.Process:
        with self._log(name).open("wb") as log:
            return await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", 'exec airflow "$@"', "sh", *arguments),
                env={**self._environment, "POD_NAME": name, **extra},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


async def wait_for(what: str, holds: Callable[[], bool], pods: Pods) -> None:
    """Wait until a condition holds; fails with the components' state when it does not in time."""
    deadline = time.monotonic() + SECONDS
    while not await asyncio.to_thread(holds):
        assert all(pods.alive().values()), f"while waiting for {what}: {pods.alive()}"
        assert time.monotonic() < deadline, f"{what}: not in {SECONDS:.0f} s"
        await asyncio.sleep(0.3)


def _kill_session(session: int) -> None:
    """Kill every process of a session: Airflow's children have process groups of their own."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(entry.parent.name), signal.SIGKILL)
