"""Everything that a container started, process groups of its own included.

A real container is a PID namespace: when its process 1 ends, the kernel ends all of it. Here a daemon that moved into
a group or session of its own (Airflow's DAG processor manager and its task runners do) would outlive its container and
keep its database session. So the descendants are remembered by /proc before a container is ended, and found again by a
mark in their environment (Linux; elsewhere only the process group is ended).
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

MARK = "REHEARSAL_CONTAINER"

_PROC = Path("/proc")

# A process and when it started (clock ticks since boot): the two together are never used twice.
Member = tuple[int, int]


def descendants(pid: int) -> set[Member]:
    """The living descendants of a process."""
    parents: dict[int, list[Member]] = {}
    for member, parent in _processes():
        parents.setdefault(parent, []).append(member)
    found: set[Member] = set()
    todo = [pid]
    while todo:
        for member in parents.get(todo.pop(), []):
            if member not in found:
                found.add(member)
                todo.append(member[0])
    return found


def marked(mark: str) -> set[Member]:
    """The living processes that carry `mark` in their environment (one that rewrote its title may have lost it)."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for member, _ in _processes():
        with contextlib.suppress(OSError):
            if wanted in (_PROC / str(member[0]) / "environ").read_bytes().split(b"\0"):
                found.add(member)
    return found


def of_world(directory: Path) -> dict[Member, bool]:
    """The living processes with this world's directory in their environment, and whether each is of a container."""
    wanted, mark = f"REHEARSAL_DIR={directory}".encode(), f"{MARK}=".encode()
    found = {}
    for member, _ in _processes():
        with contextlib.suppress(OSError):
            variables = (_PROC / str(member[0]) / "environ").read_bytes().split(b"\0")
            if wanted in variables:
                found[member] = any(item.startswith(mark) for item in variables)
    return found


def can_look() -> bool:
    """Whether this system shows its processes."""
    return (_PROC / "self" / "environ").exists()


def end(members: set[Member]) -> None:
    """Kills those that still live and are still the same processes."""
    for pid, started in members:
        found = _stat(pid)
        if found is not None and found[0][1] == started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[tuple[Member, int]]:
    if not _PROC.is_dir():
        return []
    found = (_stat(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [item for item in found if item is not None]


def _stat(pid: int) -> tuple[Member, int] | None:
    """((pid, start time), parent's pid), or None for a process that is gone or a zombie."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else ((pid, int(fields[19])), int(fields[1]))
