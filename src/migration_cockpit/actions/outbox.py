"""What goes out of the house beside the steps, one after the other, and never holds one up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from migration_cockpit.session.clock import Clock, until

TRIES = 3
"""Tries for one thing, a pause between them; then the next one has its turn."""
LEAVING = 2.0
"""Seconds that leaving waits for what is still to go out."""

T = TypeVar("T")


class Outbox(Generic[T]):
    """Sends things in their order. `send` says whether it went out, and itself records what came of it."""

    def __init__(self, send: Callable[[T], Awaitable[bool]], clock: Clock, *, pause: float) -> None:
        """`pause` is in seconds, between two tries."""
        self._send, self._clock, self._pause = send, clock, max(0.1, pause)
        self._due: deque[T] = deque()
        self._wake = asyncio.Event()

    @property
    def empty(self) -> bool:
        """Whether nothing is left to go out."""
        return not self._due

    def put(self, thing: T) -> None:
        """Send this when those before it are through."""
        self._due.append(thing)
        self._wake.set()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            self._wake.clear()
            while self._due:
                await self._try(self._due[0])
                self._due.popleft()
            await self._wake.wait()

    async def _try(self, thing: T) -> None:
        for left in reversed(range(TRIES)):
            if await self._send(thing):
                return
            if left:
                await self._clock.sleep(self._pause)

    async def finish(self) -> None:
        """Wait a moment for what is still to go out: the last step has just ended, and one leaves."""
        await until(self._clock, self._done, timeout=LEAVING, every=0.05)

    async def _done(self) -> bool:
        return self.empty
