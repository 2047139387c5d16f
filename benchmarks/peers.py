"""The cockpit beside pg_activity and dolphie: bytes to the terminal, CPU, memory, and the time to the first paint.

`python -m benchmarks.peers [--seconds 30] [--pairs 10] [--task-instances 400000]` begins a rehearsal's world and flies
the real cockpit in it by autopilot. While the migration runs, three programs draw at the same time, each on a pty of
160x48 with a refresh of 1 s: the cockpit with its panes live, pg_activity on the same PostgreSQL, and dolphie on a
MariaDB; twenty sessions with queries that change all the time are there for either of them to see. Then the first paint
of `migration-cockpit run` is compared with that of a bare Textual app, in turns.

Asked for: bytes no more than pg_activity's, CPU at most a quarter of dolphie's, memory under 120 MB, first paint at
most 1.2 times the bare app's. Exit code 1 when one is missed; 2, with a sentence, when a peer cannot be had.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.peers_parts import DOLPHIE, PG_ACTIVITY, Load, MariaDb, Missing, environment
from benchmarks.terminal import COLUMNS, ROWS, Terminal, first

from migration_cockpit.rehearsal import life
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal

CPU_SHARE, MEMORY, PAINT = 0.25, 120e6, 1.2
WARM = 8.0
"""Seconds from the migration's beginning that are not counted: charts fill, lists find their place."""
PANES = {
    "read.pods": "pods",
    "step.progress": "timeline",
    "read.database": "database",
    "read.metrics": "scheduler",
    "log.line": "log",
}
"""The five panes that are fed, by the kind of event that feeds each; the tasks wait for the migration's own lock."""
BOARD = (b"timeline", b"detach")
"""What the board's first frame has at its beginning and at its end."""


@dataclass(frozen=True)
class Cost:
    """What one program took in the window."""

    name: str
    bytes_per_second: float
    cpu_percent: float
    memory: int


class TooShort(Exception):
    """The migration was over before enough was seen."""


@contextmanager
def world(directory: Path, task_instances: int) -> Iterator[Path]:
    """A rehearsal's world, and the environment in which a cockpit finds its way in it."""
    arguments = [f"--task-instances={task_instances}"]
    pid = life.begin(directory, arguments, lambda line: print(f"… {line}", flush=True))
    os.environ.update(
        AWS_SHARED_CREDENTIALS_FILE=str(directory / "aws-credentials"),
        AWS_CONFIG_FILE=str(directory / "aws-config"),
        AWS_EC2_METADATA_DISABLED="true",
    )
    try:
        yield directory
    finally:
        life.end_process(pid)
        life.remove(directory)


def side_by_side(work: Path, world_directory: Path, seconds: float) -> tuple[list[Cost], Counter[str]]:
    """All three at the same time while the migration runs, and how many events each of the cockpit's panes got."""
    programs = environment()
    dsn = (world_directory / "secrets" / "dsn").read_text(encoding="utf-8").strip()
    session = work / "session"
    with ExitStack() as stack:
        server = MariaDb()
        stack.callback(server.stop)
        server.start()
        ours = stack.enter_context(
            Terminal(
                [sys.executable, "-m", "benchmarks.peers_child", str(world_directory / "config.toml"), str(session)]
            )
        )
        _await(lambda: _migrating(session), ours, "the migration to begin", 300.0)
        address = f"127.0.0.1:{server.port}"
        loads = [
            Load(Path(sys.executable), "postgres", dsn, work / "load-postgres"),
            Load(programs / "python", "mysql", address, work / "load-mysql"),
        ]
        for load in loads:
            stack.callback(load.stop)
        home = work / "home"
        home.mkdir()
        alone = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        theirs = [
            stack.enter_context(Terminal([str(programs / "pg_activity"), "--refresh", "1", dsn], alone, home)),
            stack.enter_context(
                Terminal([str(programs / "dolphie"), "--refresh-interval", "1", f"mysql://root@{address}"], alone, home)
            ),
        ]
        terminals = dict(zip(("cockpit", "pg_activity", "dolphie"), (ours, *theirs), strict=True))
        time.sleep(WARM)
        begun = datetime.now(UTC)
        before = {name: (each.bytes, each.cpu()) for name, each in terminals.items()}
        started = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - started
        costs = []
        for name, each in terminals.items():
            if not each.runs:
                raise Missing(f"{name} ended by itself; the last of what it wrote: {each.last()!r}")
            written, cpu = before[name]
            costs.append(Cost(name, (each.bytes - written) / took, 100 * (each.cpu() - cpu) / took, each.memory()))
        for load in loads:
            load.check()
        if not _migrating(session):
            raise TooShort("the migration was over before the window was: give more --task-instances")
        return costs, _fed(session, begun)


def _migrating(session: Path) -> bool:
    """Whether the session is in its migration, by its journal."""
    path = session / journal.FILE
    if not path.exists():
        return False
    running = False
    for entry in journal.read(path):
        event = entry.event
        if isinstance(event, ev.StepEnded) and event.outcome in {"failed", "aborted"}:
            raise TooShort(f"the flight failed: {event.step}: {event.why}")
        if isinstance(event, ev.OperationIntended) and event.operation == "migration-job":
            running = True
        if isinstance(event, ev.StepEnded) and event.step == "migrate":
            running = False
    return running


def _await(holds: Callable[[], bool], terminal: Terminal, what: str, patience: float) -> None:
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end or not terminal.runs:
            raise SystemExit(f"waited in vain for {what}; the last of the screen: {terminal.last(2000)!r}")
        time.sleep(0.5)


def _fed(session: Path, since: datetime) -> Counter[str]:
    fed: Counter[str] = Counter()
    for entry in journal.read(session / journal.FILE):
        if entry.t >= since and entry.event.kind in PANES:
            fed[PANES[entry.event.kind]] += 1
    return fed


def first_paints(work: Path, world_directory: Path, pairs: int) -> tuple[float, float]:
    """Seconds to the first paint of a bare Textual app and of `migration-cockpit run`, the best of each.

    Both have their byte code, as an installed program has it: the first pair writes it and does not count.
    """
    bare, ours = [], []
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(work / "bytecode")}
    child = [sys.executable, "-m", "benchmarks.screen_child", "bare"]
    for n in range(pairs + 1):
        with Terminal(child, compiled) as terminal:
            bare.append(terminal.painted((b"bare-textual-app",)))
        command = [sys.executable, "-m", "migration_cockpit", "run", "--config", str(world_directory / "config.toml")]
        with Terminal([*command, "--session", str(work / f"paint-{n}")], compiled) as terminal:
            ours.append(terminal.painted(BOARD))
    return min(bare[1:]), min(ours[1:])


def main() -> int:
    """Run, print, compare with what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long is counted")
    parser.add_argument("--pairs", type=int, default=10, help="how often the first paints are compared")
    parser.add_argument("--task-instances", type=int, default=400_000, help="how long the migration is")
    options = parser.parse_args()
    first()
    with tempfile.TemporaryDirectory(prefix="migration-cockpit-peers-", ignore_cleanup_errors=True) as made_for:
        work = Path(made_for)
        try:
            environment()
            with world(work / "world", options.task_instances) as there:
                bare, ours = first_paints(work, there, options.pairs)
                costs, fed = side_by_side(work, there, options.seconds)
        except (Missing, TooShort, life.WorldError) as error:
            print(f"benchmarks.peers: {error}", file=sys.stderr)
            return 2
    return _report(costs, fed, ours / bare, options.seconds)


def _report(costs: list[Cost], fed: Counter[str], paint: float, seconds: float) -> int:
    cockpit, pg_activity, dolphie = costs
    print(
        f"{COLUMNS}x{ROWS}, refresh 1 s, {seconds:.0f} s of a migration, {platform.machine()}, {os.cpu_count()} cores"
    )
    print(
        f"pg_activity {PG_ACTIVITY}, dolphie {DOLPHIE}; events by pane: {', '.join(f'{k} {n}' for k, n in fed.items())}"
    )
    for each in costs:
        print(
            f"  {each.name:<12} {each.bytes_per_second:>7.0f} B/s  {each.cpu_percent:>5.1f} % of a core  "
            f"{each.memory / 1e6:>5.0f} MB"
        )
    asked = [
        ("bytes, times pg_activity's", cockpit.bytes_per_second / max(1.0, pg_activity.bytes_per_second), 1.0),
        ("CPU, times dolphie's", cockpit.cpu_percent / max(0.01, dolphie.cpu_percent), CPU_SHARE),
        ("memory in MB", cockpit.memory / 1e6, MEMORY / 1e6),
        ("first paint, times a bare Textual app's", paint, PAINT),
    ]
    for name, found, most in asked:
        print(f"  {name:<40} {found:>7.2f}   at most {most:g}{'' if found <= most else '   MISSED'}")
    dead = sorted(set(PANES.values()) - set(fed))
    if dead:
        print(f"  nothing came for {', '.join(dead)}: not all five panes were live   MISSED")
    return 0 if not dead and all(found <= most for _, found, most in asked) else 1


if __name__ == "__main__":
    sys.exit(main())
