"""Kills what a world left running when its supervisor was killed (grandchildren outlive a dying parent)."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from . import family

if TYPE_CHECKING:
    from pathlib import Path


def sweep(directory: Path) -> list[int]:
    """Kills the container processes that belong to the world in `directory`; returns the groups that it killed.

    A recorded group counts only while a process of it carries the world's directory in its environment, and a process
    outside of these groups only when it carries a container's mark besides: a reused id hits nobody else (Linux; on a
    system without /proc the group's leader must still exist).
    """
    killed = []
    ours = family.of_world(directory)
    for pid_file in (directory / "pods").glob("*/*/pid"):
        with contextlib.suppress(OSError, ValueError):
            group = int(pid_file.read_text())
            if _is_ours(group, ours):
                os.killpg(group, signal.SIGKILL)
                killed.append(group)
        pid_file.unlink(missing_ok=True)
    family.end({member for member, is_container in ours.items() if is_container})
    return killed


def _is_ours(group: int, ours: dict[family.Member, bool]) -> bool:
    if not family.can_look():
        return os.getpgid(group) == group
    for pid, _ in ours:
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) == group:
                return True
    return False
