"""Kills what a world left running when its supervisor was killed (grandchildren outlive a dying parent)."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def sweep(directory: Path) -> list[int]:
    """Kills the process groups whose pid files are in `directory/pods`; returns their ids.

    Only a process that carries this world's directory in its environment is touched (Linux: read from /proc; elsewhere
    the session leader must still exist under the recorded id), so that a reused id hits nobody else.
    """
    killed = []
    for pid_file in (directory / "pods").glob("*/*/pid"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if _is_ours(pid, directory):
                os.killpg(pid, signal.SIGKILL)
                killed.append(pid)
        pid_file.unlink(missing_ok=True)
    return killed


def _is_ours(group: int, directory: Path) -> bool:
    mark = f"REHEARSAL_DIR={directory}".encode()
    proc = Path("/proc")
    if not (proc / "self" / "environ").exists():
        return os.getpgid(group) == group
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry.name)) == group and mark in (entry / "environ").read_bytes().split(b"\0"):
                    return True
    return False
