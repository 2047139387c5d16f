"""A world's life seen from outside: begin it in its own process, find it again after a crash, end it, sweep stale ones.

A world belongs to the process named in its `owner` file. When that process is gone the world waits for a new owner (a
flight that is started again) and then ends by itself; the next start of any rehearsal sweeps what is left over.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

READY = "world.json"
OWNER = "owner"
STOP_SECONDS = 15.0
MODULE = "migration_cockpit.rehearsal.world"


class WorldError(Exception):
    """The embedded world cannot be started; the message says why and where its log is."""


def registry() -> Path:
    """Where every running world leaves a note of its directory and process."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "migration-cockpit" / "worlds"


def register(directory: Path) -> Path:
    """Leave a note of a world that this process runs; returns the note."""
    note = registry() / f"{os.getpid()}.json"
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    note.write_text(json.dumps({"pid": os.getpid(), "directory": str(directory)}), encoding="utf-8")
    return note


def alive(pid: int) -> bool:
    """Whether a process with this id runs (one of another user's counts)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_world(pid: int) -> bool:
    """Whether this process runs a world: a number may have been given to another program since."""
    if not alive(pid):
        return False
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists():
        return MODULE.encode() in command.read_bytes()
    seen = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return MODULE in seen.stdout


def owner_of(directory: Path) -> int:
    """The process that the world works for; 0 when none is named."""
    with suppress(OSError, ValueError):
        return int((directory / OWNER).read_text(encoding="utf-8"))
    return 0


def own(directory: Path) -> None:
    """Take the world for this process."""
    (directory / OWNER).write_text(str(os.getpid()), encoding="utf-8")


def sweep(keep: Path | None = None) -> list[Path]:
    """End and remove worlds whose owner is gone, but for the one at `keep`; returns what was removed."""
    removed = []
    for note in sorted(registry().glob("*.json")):
        try:
            told = json.loads(note.read_text(encoding="utf-8"))
            pid, directory = int(told["pid"]), Path(told["directory"])
        except (OSError, ValueError, KeyError):
            note.unlink(missing_ok=True)
            continue
        running = is_world(pid)
        if running and (directory == keep or alive(owner_of(directory))):
            continue
        if running:
            end_process(pid)
        # Ending it took a while: its directory may be another flight's by now, with a world that begins there.
        if directory != keep and not alive(owner_of(directory)):
            remove(directory)
            removed.append(directory)
        note.unlink(missing_ok=True)
    return removed


def remove(directory: Path) -> None:
    """Delete a world that has ended, and what it had to have elsewhere."""
    # Imported here: they load the database driver and the cluster, which `rehearse --help` does not need.
    from migration_cockpit.rehearsal.cluster.kubelet.sweep import sweep as sweep_containers
    from migration_cockpit.rehearsal.database import sweep as sweep_servers

    if directory.exists():
        for cluster in (directory, *(pods.parent for pods in directory.glob("*/pods"))):
            sweep_containers(cluster)
        sweep_servers(directory)
        shutil.rmtree(directory, ignore_errors=True)


def end_process(pid: int) -> None:
    """End a world's process: asked first, then by force. Its children die with it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while is_world(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not is_world(pid):
            return


def attach(directory: Path) -> int | None:
    """Take over a running world at this directory; returns its process, or None when there is none."""
    try:
        pid = int(json.loads((directory / READY).read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError):
        return None
    if not is_world(pid):
        return None
    own(directory)
    return pid


def begin(directory: Path, arguments: Sequence[str], tell: Callable[[str], None]) -> int:
    """Start a world and wait until it is ready; returns its process. `tell` gets a line per stage.

    Raises WorldError when it does not get ready.
    """
    try:
        registry().mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise WorldError(
            f"{registry()}: cannot be made: {error.strerror}; point XDG_STATE_HOME at a directory that can be written"
        ) from error
    remove(directory)
    directory.mkdir(mode=0o700, parents=True)
    own(directory)
    log = directory / "world.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, "--dir", str(directory), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C or a hang-up of the terminal is the cockpit's, not the world's
        )
    told = 0
    try:
        while not (directory / READY).exists():
            lines = _stages(log)
            for line in lines[told:]:
                tell(line)
            told = len(lines)
            _must_run(process, log)
            time.sleep(0.05)
    except BaseException:
        if process.poll() is None:
            end_process(process.pid)
        raise
    return process.pid


def _must_run(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.poll() is not None:
        raise WorldError(f"the world did not start; the end of {log}:\n{_tail(log)}")


def _stages(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    return [line.removeprefix("stage: ") for line in lines if line.startswith("stage: ")]


def _tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
