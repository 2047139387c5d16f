"""A container as a local process: its own session and process group, dying with the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

from . import family

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


class _Streams(asyncio.SubprocessProtocol):
    """Carries a process's output into its log, and tells its exit from the end of its pipes.

    The two differ when something that the process started still holds a pipe; `Process.wait` would wait for both.
    """

    def __init__(self, log: LogFile) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.drained: asyncio.Future[None] = loop.create_future()
        self._log = log
        self._open = {1: "stdout", 2: "stderr"}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._log.feed(self._open.get(fd, "stdout"), data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.pop(fd, None)
        if not self._open and not self.drained.done():
            self.drained.set_result(None)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)


class ContainerProcess:
    """One run of a container."""

    def __init__(
        self, transport: asyncio.SubprocessTransport, streams: _Streams, log: LogFile, pid_file: Path, mark: str
    ) -> None:
        self._transport = transport
        self._streams = streams
        self._log = log
        self._pid_file = pid_file
        self._family: set[family.Member] = set()
        self._mark = mark
        self.pid = transport.get_pid()
        self._end = asyncio.create_task(self._finish())

    @classmethod
    async def start(
        cls, argv: list[str], env: dict[str, str], cwd: Path, log: LogFile, pid_file: Path
    ) -> ContainerProcess:
        """Starts `argv`. Raises OSError (no such program, not executable)."""
        transport, streams = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Streams(log),
            *argv,
            env=env,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # one prctl call, looked up before the fork
        )
        pid_file.write_text(f"{transport.get_pid()}\n")  # noqa: ASYNC240 - a few bytes; a thread would take longer
        return cls(transport, streams, log, pid_file, env.get(family.MARK, ""))

    @property
    def running(self) -> bool:
        """Whether the main process lives."""
        return self._transport.get_returncode() is None

    async def wait(self) -> int:
        """The container's exit code, when its process has ended and its log is complete."""
        return await asyncio.shield(self._end)

    def signal(self, number: int) -> None:
        """Signals the main process alone, as a runtime signals a container's process 1."""
        if self.running:
            self._family |= family.descendants(self.pid)
            with contextlib.suppress(ProcessLookupError):
                self._transport.send_signal(number)

    def freeze(self, *, frozen: bool) -> None:
        """Stops everything in the container's process group without ending it, or lets it go on."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def kill(self) -> None:
        """Kills everything that the container started."""
        if self.running:
            self._family |= family.descendants(self.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        family.end(self._family)

    async def _finish(self) -> int:
        await self._streams.exited
        code = self._transport.get_returncode() or 0
        # When process 1 of a container ends, the kernel ends everything else in it.
        self._family |= family.marked(self._mark)
        self.kill()
        await asyncio.wait([self._streams.drained], timeout=1.0)
        self._transport.close()
        self._log.close()
        self._forget_pid()
        return exit_code(code)

    def _forget_pid(self) -> None:
        """Removes the pid file, unless a later container of the same name has taken it over."""
        with contextlib.suppress(OSError):
            if self._pid_file.read_text() == f"{self.pid}\n":
                self._pid_file.unlink()
