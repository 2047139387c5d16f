"""How long things may take in a test: never a guess about how quick the machine is."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

PATIENCE = 120.0
"""Seconds after which what has not come about never will, on a machine with much else to do too."""


def unhurried(seconds: float) -> float:
    """So many seconds of a machine with a core for whoever wants one; more where they wait for each other."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def one_within(seconds: float, attempt: Callable[[], Awaitable[float]], attempts: int = 20) -> bool:
    """Whether one of some attempts took less: what is too slow always is, what had to wait for a core is not."""
    for _ in range(attempts):
        if await attempt() < seconds:
            return True
    return False
