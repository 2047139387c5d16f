"""What the screen costs: bytes to the terminal, CPU, and time to the first paint against a bare Textual app.

`python -m benchmarks.screen [--seconds 30] [--pairs 5]` runs both on a pty of 160x48, bare and cockpit in turns, and
prints one table. The first paints are the best of each: what else the machine does only ever adds to them. Limits:
under 4 kB/s and 10 % of a core with everything changing each second; first paint at most 1.5 times the bare app's.
Exit code 1 when one is passed.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path

ROWS, COLUMNS = 48, 160
ROOT = Path(__file__).resolve().parent.parent
WARM = 8.0
"""Seconds after the first paint that are not counted: charts fill, the log finds its place."""
MOST_BYTES, MOST_CPU, MOST_RATIO = 4000.0, 10.0, 1.5


@dataclass(frozen=True)
class Run:
    """One process on its pty."""

    first_paint: float
    bytes_per_second: float = 0.0
    cpu_percent: float = 0.0


def run(
    arguments: list[str], marks: tuple[bytes, ...], seconds: float, report: Path | None = None, *, warm: float = WARM
) -> Run:
    """Start a process on a pty, note when all `marks` of its first frame have come, then count for `seconds`."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TMUX"}}
    env |= {"TERM": "xterm-256color", "COLORTERM": os.environ.get("COLORTERM", "truecolor")}
    env["PYTHONPATH"] = str(ROOT)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.screen_child", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,  # Textual draws there
        cwd=ROOT,
        env=env,
        start_new_session=True,
    )
    os.close(slave)
    try:
        painted = _paint(master, marks, started)
        if not seconds:
            return Run(painted)
        _count(master, warm)
        cpu = _cpu(report)
        counted = _count(master, seconds)
        return Run(painted, counted / seconds, 100.0 * (_cpu(report) - cpu) / seconds)
    finally:
        process.send_signal(signal.SIGTERM)
        _drain(master, process)
        os.close(master)


def _paint(master: int, marks: tuple[bytes, ...], started: float) -> float:
    seen = b""
    while not all(mark in seen for mark in marks):
        ready, _, _ = select.select([master], [], [], 60.0)
        if not ready:
            raise SystemExit(f"no first paint within 60 s; the last of what came: {seen[-400:]!r}")
        seen += os.read(master, 1 << 16)
    return time.monotonic() - started


def _count(master: int, seconds: float) -> int:
    total, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([master], [], [], left)
        if ready:
            total += len(os.read(master, 1 << 16))
    return total


def _cpu(report: Path | None) -> float:
    return float(report.read_text(encoding="utf-8") or 0) if report is not None else 0.0


def _drain(master: int, process: subprocess.Popen[bytes]) -> None:
    """Read what comes until the process is gone, so that it never waits for a full pty."""
    end = time.monotonic() + 15.0
    while process.poll() is None:
        if time.monotonic() > end:
            process.kill()
        if select.select([master], [], [], 0.1)[0]:
            try:
                os.read(master, 1 << 16)
            except OSError:  # Linux says EIO when the last writer has closed the pty
                break
    process.wait()


def main() -> int:
    """Run, print, compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long bytes and CPU are counted")
    parser.add_argument("--pairs", type=int, default=5, help="how often the first paints are compared")
    options = parser.parse_args()
    bare, ours = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for n in range(options.pairs):
            bare.append(run(["bare"], (b"bare-textual-app",), 0).first_paint)
            arguments = ["cockpit", f"{temporary}/paint-{n}", f"{temporary}/cpu-{n}"]
            ours.append(run(arguments, (b"timeline", b"detach"), 0).first_paint)
        report = Path(temporary) / "cpu"
        steady = run(["cockpit", f"{temporary}/steady", str(report)], (b"timeline", b"detach"), options.seconds, report)
    ratio = min(ours) / min(bare)
    rows = [
        ("bytes to the terminal", f"{steady.bytes_per_second:.0f} B/s", f"{MOST_BYTES:.0f} B/s"),
        ("CPU of one core", f"{steady.cpu_percent:.1f} %", f"{MOST_CPU:.0f} %"),
        ("first paint, bare Textual", f"{min(bare):.2f} s", ""),
        ("first paint, cockpit", f"{min(ours):.2f} s", ""),
        ("first paint, ratio", f"{ratio:.2f}", f"{MOST_RATIO:.2f}"),
    ]
    print(f"{COLUMNS}x{ROWS}, everything changes each second, {options.seconds:.0f} s, best of {options.pairs} pairs")
    for name, found, limit in rows:
        print(f"  {name:<28} {found:>10}   {f'at most {limit}' if limit else ''}")
    good = steady.bytes_per_second < MOST_BYTES and steady.cpu_percent < MOST_CPU and ratio <= MOST_RATIO
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
