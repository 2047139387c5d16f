"""A container as a local process: its own session and process group, dying with the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .logfile import LogFile

_PR_SET_PDEATHSIG = 1
_PRCTL: Callable[[int, int], int] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Runs in the child before exec: SIGKILL when the supervisor dies, even by SIGKILL itself (Linux only)."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


def exit_code(returncode: int) -> int:
    """The exit code a container runtime reports: 128 + N for a process ended by signal N."""
    return returncode if returncode >= 0 else 128 - returncode


class ContainerProcess:
    """One run of a container."""

    def __init__(self, process: asyncio.subprocess.Process, log: LogFile, pid_file: Path) -> None:
        self._process = process
        self._log = log
        self._pid_file = pid_file
        self._pumps: list[asyncio.Task[None]] = []
        self._end: asyncio.Task[int] | None = None
        self.pid = process.pid

    @classmethod
    async def start(
        cls, argv: list[str], env: dict[str, str], cwd: Path, log: LogFile, pid_file: Path
    ) -> ContainerProcess:
        """Starts `argv`. Raises OSError (no such program, not executable)."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=env,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self = cls(process, log, pid_file)
        pid_file.write_text(f"{process.pid}\n")  # noqa: ASYNC240 - a few bytes; a thread would take longer
        if process.stdout is not None and process.stderr is not None:
            self._pumps = [
                asyncio.create_task(log.pump(process.stdout, "stdout")),
                asyncio.create_task(log.pump(process.stderr, "stderr")),
            ]
        self._end = asyncio.create_task(self._finish())
        return self

    @property
    def running(self) -> bool:
        """Whether the main process lives."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """The container's exit code, when its process has ended and its log is complete."""
        if self._end is None:
            raise RuntimeError("the process was never started")
        return await asyncio.shield(self._end)

    def signal(self, number: int) -> None:
        """Signals the main process alone, as a runtime signals a container's process 1."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill(self) -> None:
        """Kills the whole process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _finish(self) -> int:
        code = await self._process.wait()
        # When process 1 of a container ends, the kernel ends everything else in it.
        self.kill()
        _, pending = await asyncio.wait(self._pumps, timeout=1.0)
        for pump in pending:
            pump.cancel()
        self._log.close()
        self._pid_file.unlink(missing_ok=True)
        return exit_code(code)
