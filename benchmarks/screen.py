"""What the screen costs: bytes to the terminal, CPU, and time to the first paint against a bare Textual app.

`python -m benchmarks.screen [--seconds 30] [--pairs 5]` runs both on a pty of 160x48, bare and cockpit in turns, and
prints one table. The first paints are the best of each: what else the machine does only ever adds to them. Limits:
under 4 kB/s and 10 % of a core with everything changing each second; first paint at most 1.2 times the bare app's.
Exit code 1 when one is passed. `--seconds 0` compares the first paints alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time

from benchmarks.terminal import COLUMNS, ROWS, Terminal, first

WARM = 8.0
"""Seconds after the first paint that are not counted: charts fill, the log finds its place."""
MOST_BYTES, MOST_CPU, MOST_RATIO = 4000.0, 10.0, 1.2
BARE = (b"bare-textual-app",)
BOARD = (b"timeline", b"detach")
"""What the board's first frame has at its beginning and at its end."""


def child(*arguments: str) -> Terminal:
    """One side of the comparison."""
    return Terminal([sys.executable, "-m", "benchmarks.screen_child", *arguments])


def steady(directory: str, seconds: float, *, warm: float = WARM) -> tuple[float, float]:
    """Bytes a second and percent of a core with everything changing each second."""
    with child("cockpit", directory) as terminal:
        terminal.painted(BOARD)
        time.sleep(warm)
        written, cpu = terminal.bytes, terminal.cpu()
        time.sleep(seconds)
        return (terminal.bytes - written) / seconds, 100.0 * (terminal.cpu() - cpu) / seconds


def first_paints(temporary: str, pairs: int) -> tuple[float, float]:
    """Seconds to the first paint, the best of a bare Textual app and the best of the cockpit."""
    bare, ours = [], []
    for n in range(pairs):
        with child("bare") as terminal:
            bare.append(terminal.painted(BARE))
        with child("cockpit", f"{temporary}/paint-{n}") as terminal:
            ours.append(terminal.painted(BOARD))
    return min(bare), min(ours)


def main() -> int:
    """Run, print, compare with the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long bytes and CPU are counted")
    parser.add_argument("--pairs", type=int, default=5, help="how often the first paints are compared")
    options = parser.parse_args()
    first()
    with tempfile.TemporaryDirectory() as temporary:
        bare, ours = first_paints(temporary, options.pairs)
        written, cpu = steady(f"{temporary}/steady", options.seconds) if options.seconds else (0.0, 0.0)
    ratio = ours / bare
    rows = [
        ("bytes to the terminal", f"{written:.0f} B/s", f"{MOST_BYTES:.0f} B/s"),
        ("CPU of one core", f"{cpu:.1f} %", f"{MOST_CPU:.0f} %"),
        ("first paint, bare Textual", f"{bare:.3f} s", ""),
        ("first paint, cockpit", f"{ours:.3f} s", ""),
        ("first paint, ratio", f"{ratio:.2f}", f"{MOST_RATIO:.2f}"),
    ]
    print(f"{COLUMNS}x{ROWS}, everything changes each second, {options.seconds:.0f} s, best of {options.pairs} pairs")
    for name, found, limit in rows:
        print(f"  {name:<28} {found:>10}   {f'at most {limit}' if limit else ''}")
    return 0 if written < MOST_BYTES and cpu < MOST_CPU and ratio <= MOST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
