"""The one clock: UTC, injected, so that a test or a replay can hold it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

JUMP_SECONDS = 2.0
"""A wall clock that differs by less from the time that passed was steered, not set."""
_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)
"""The clock that goes on while the machine sleeps; Linux has it."""


class Clock(Protocol):
    """Wall time for the record, monotonic time for durations, and a way to wait."""

    def now(self) -> datetime:
        """UTC."""

    def monotonic(self) -> float:
        """Seconds; only differences mean something."""

    def elapsed(self) -> float:
        """Like `monotonic`, but it goes on while the machine sleeps, where the system can tell that."""

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

    def elapsed(self) -> float:
        """Like `monotonic`, but it goes on while the machine sleeps, where the system can tell that."""
        return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Jump:
    """The wall clock moved by itself, or the machine slept."""

    seconds: float
    """Below zero: back."""
    slept: bool


class JumpWatch:
    """Tells when the wall clock was set, and when the machine slept: each once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = self._times()

    def _times(self) -> tuple[datetime, float, float]:
        return self._clock.now(), self._clock.monotonic(), self._clock.elapsed()

    def look(self) -> Jump | None:
        """What has happened since the last look; to be asked every second or so."""
        before, self._last = self._last, self._times()
        wall, awake, passed = self._last
        slept = (passed - before[2]) - (awake - before[1])
        set_by = (wall - before[0]).total_seconds() - (passed - before[2])
        if slept >= JUMP_SECONDS:
            return Jump(slept, slept=True)
        return Jump(set_by, slept=False) if abs(set_by) >= JUMP_SECONDS else None


async def until(clock: Clock, condition: Callable[[], Awaitable[bool]], *, timeout: float, every: float = 0.5) -> bool:
    """Ask `condition` every `every` seconds until it holds; False when `timeout` seconds passed before it did."""
    deadline = clock.monotonic() + timeout
    while not await condition():
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(min(every, max(0.0, deadline - clock.monotonic())))
    return True
