"""The first paint of what is there already: a long session that is gone on with, replayed and watched.

`python -m benchmarks.paints [--events 1000000] [--hours 12] [--pairs 5]` writes a session as `benchmarks.journal` does,
then takes the time to the first frame, which shows the session itself, beside that of a bare Textual app and of a new
session.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.journal import busy, write
from benchmarks.terminal import ROOT, Terminal, first

MARKS = {
    "bare": (b"bare-textual-app",),
    "new": (b"timeline", b"detach"),
    "gone on with": (b"timeline", b"revision", b"detach"),
    "replay": (b"timeline", b"REPLAY", b"leave"),
    "watch": (b"timeline", b"revision", b"leave"),
}
"""What the first frame has at its beginning, of the session, and at its end."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--pairs", type=int, default=5, help="how often each is begun; the best counts")
    options = parser.parse_args()
    first()
    config = ROOT / "config.example.toml"
    program = [sys.executable, "-m", "migration_cockpit"]
    with tempfile.TemporaryDirectory(prefix="migration-cockpit-paints-") as made_for:
        path = write(Path(made_for) / "long", busy(options.events, options.hours))
        print(f"{options.events:,} events of {options.hours:g} h, {path.stat().st_size / 1e6:.0f} MB")
        took: dict[str, list[float]] = {name: [] for name in MARKS}
        for n in range(options.pairs):
            session = str(path.parent)
            commands = {
                "bare": [sys.executable, "-m", "benchmarks.screen_child", "bare"],
                "new": [*program, "run", "--config", str(config), "--session", f"{made_for}/new-{n}"],
                "gone on with": [*program, "run", "--config", str(config), "--session", session],
                "replay": [*program, "replay", session, "--at", "+6h"],
                "watch": [*program, "watch", session],
            }
            for name, command in commands.items():
                with Terminal(command) as terminal:
                    took[name].append(terminal.painted(MARKS[name]))
    bare = min(took["bare"])
    for name, each in took.items():
        print(f"  {name:<14} {1000 * min(each):>5.0f} ms   {min(each) / bare:.2f} times a bare Textual app's")
    return 0


if __name__ == "__main__":
    sys.exit(main())
