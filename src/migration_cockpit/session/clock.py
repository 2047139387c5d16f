"""The one clock: UTC, injected, so that a test or a replay can hold it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for the record, monotonic time for durations, and a way to wait."""

    def now(self) -> datetime:
        """UTC."""

    def monotonic(self) -> float:
        """Seconds; only differences mean something."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds; only differences mean something."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def until(clock: Clock, condition: Callable[[], Awaitable[bool]], *, timeout: float, every: float = 0.5) -> bool:
    """Ask `condition` every `every` seconds until it holds; False when `timeout` seconds passed before it did."""
    deadline = clock.monotonic() + timeout
    while not await condition():
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(min(every, max(0.0, deadline - clock.monotonic())))
    return True
