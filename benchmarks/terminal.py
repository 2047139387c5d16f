"""A program on a terminal of its own: what it writes to it, what it takes of the CPU, what it holds of the memory."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

ROWS, COLUMNS = 48, 160
ROOT = Path(__file__).resolve().parent.parent
KEPT = 1 << 18
"""Bytes of the end of what came that are kept: more than a first frame has."""
RAISED = -10
_TICK = os.sysconf("SC_CLK_TCK")


class Terminal:
    """Runs a command on a pty of 160x48 that is read all the time, so that the command never waits for it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        around = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TMUX"}}
        around |= {"TERM": "xterm-256color", "COLORTERM": os.environ.get("COLORTERM", "truecolor")}
        self.bytes = 0
        """Written until now."""
        self._seen = b""
        self._came = threading.Condition()
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,  # Textual draws there
            cwd=cwd,
            env=around | {"PYTHONPATH": str(ROOT)} | dict(env or {}),
            start_new_session=True,
        )
        os.close(slave)
        _raise(self.process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _read(self) -> None:
        while True:
            try:
                came = os.read(self._master, 1 << 16)
            except OSError:  # Linux says EIO when the last writer has closed the pty
                came = b""
            with self._came:
                self.bytes += len(came)
                self._seen = (self._seen + came)[-KEPT:]
                self._came.notify_all()
            if not came:
                return

    def painted(self, marks: Sequence[bytes], patience: float = 60.0) -> float:
        """Seconds from the start until all `marks` have come. Raises SystemExit when they do not."""
        with self._came:
            if not self._came.wait_for(lambda: all(mark in self._seen for mark in marks), patience):
                raise SystemExit(f"no first paint within {patience:.0f} s; the last of what came: {self.last()!r}")
            return time.monotonic() - self._started

    def last(self, count: int = 400) -> bytes:
        """The last bytes that came."""
        return self._seen[-count:]

    @property
    def runs(self) -> bool:
        """Whether the program has not ended."""
        return self.process.poll() is None

    def cpu(self) -> float:
        """Seconds of CPU that the program and its children have taken until now, those that have ended among them."""
        return sum(_cpu(pid) for pid in tree(self.process.pid))

    def memory(self) -> int:
        """Bytes that the program and its children hold in memory now (Rss of smaps_rollup)."""
        return sum(_rss(pid) for pid in tree(self.process.pid))

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._master, keys.encode())

    def end(self, patience: float = 15.0) -> None:
        """Ask the program to end, and make it end."""
        if self.runs:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        if self.runs:
            self.process.kill()
            self.process.wait()
        self._reader.join(5.0)
        with suppress(OSError):
            os.close(self._master)


def tree(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text(encoding="ascii").split():
                yield from tree(int(child))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime, stime, and both of the children that were waited for: fields 14 to 17, counted behind the name's.
    return sum(int(each) for each in fields[11:15]) / _TICK


def _rss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:")), 0)


def first() -> None:
    """Let this process and those on its terminals go before others, where that may be asked: ratios are steadier so."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, RAISED)
        _raise(os.getpid())


def _raise(pid: int) -> None:
    """The same for a session of its own, among which the kernel divides first where it groups them."""
    if os.getpriority(os.PRIO_PROCESS, 0) == RAISED:
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(RAISED), encoding="ascii")
