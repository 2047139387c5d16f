"""Programs that a test starts: each with a log of its own, and none that outlives the test, however that ends."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PRCTL: Callable[[int, int], int] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
END_SECONDS = 10.0
_STARTER = ThreadPoolExecutor(1, "starter")
"""Starts every program: the kernel ends a child with the thread that started it, so that has to be one that stays."""


class Running:
    """A program at work."""

    def __init__(self, words: Sequence[str | Path], log: Path) -> None:
        """Starts it at once; `log` gets what it prints, behind what an earlier run printed."""
        self.name = Path(words[0]).name
        self._log = log
        with log.open("ab") as out:
            self._process = _STARTER.submit(
                subprocess.Popen[bytes],
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            ).result()

    def until(self, check: Callable[[], bool], seconds: float = 90.0) -> None:
        """Wait for a condition. AssertionError with the end of its log when it ends first, or takes too long."""
        deadline = time.monotonic() + seconds
        while not check():
            ended = self._process.poll()
            assert ended is None, f"{self.name} ended with {ended}:\n{self.tail()}"
            assert time.monotonic() < deadline, f"{self.name} was not ready after {seconds:.0f} s:\n{self.tail()}"
            time.sleep(0.1)

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def end(self, sign: int = signal.SIGTERM) -> None:
        """Ask it to end; what does not within ten seconds is killed."""
        for each in (sign, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            self._process.send_signal(each)
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                continue


def _die_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
