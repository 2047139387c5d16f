"""What every source shares: read at a cadence, tell changes, heartbeats and failures, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from migration_cockpit.connections.errors import WorldError, one_line
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.events import Event, SourceBeat, SourceFailed, SourceRecovered

Emit = Callable[[Event], object]

FAST_HEARTBEAT = 5.0
"""Heartbeat, in seconds, of the sources whose trends are drawn from events."""
READ_SECONDS = 15.0
"""A read that takes longer has failed, whatever its client thinks."""


class Source(Protocol):
    """Reads one part of the world for ever and tells what it read. Never raises, never writes to the world."""

    name: str

    async def run(self, emit: Emit) -> None:
        """Read until cancelled."""


class Teller:
    """Turns what a source read, or why it could not, into events."""

    def __init__(self, name: str, event: Callable[..., Event], emit: Emit, clock: Clock, *, heartbeat: float) -> None:
        self._name = name
        self._event = event
        self._emit = emit
        self._clock = clock
        self._heartbeat = heartbeat
        self._last: Any = None
        self._told = 0.0
        self._failure = ""

    def reading(self, reading: Any) -> None:
        """Tell a reading where it differs from the last one, else at most a heartbeat."""
        now = self._clock.monotonic()
        if self._failure:
            self._failure = ""
            self._emit(SourceRecovered(source=self._name))
            self._told = float("-inf")
        if reading != self._last:
            self._last = reading
            self._emit(self._event(reading=reading))
        elif now - self._told >= self._heartbeat:
            self._emit(SourceBeat(source=self._name))
        else:
            return
        self._told = now

    def failure(self, why: str) -> None:
        """Tell a failure when it begins and when its reason changes."""
        if why != self._failure:
            self._failure = why
            self._emit(SourceFailed(source=self._name, why=why))


async def poll(
    teller: Teller, read: Callable[[], Awaitable[Any]], clock: Clock, *, every: float, why: Callable[[Exception], str]
) -> None:
    """Read every `every` seconds until cancelled; whatever goes wrong becomes a failure of the source."""
    while True:
        begun = clock.monotonic()
        try:
            async with asyncio.timeout(READ_SECONDS):
                reading = await read()
        except Exception as error:  # noqa: BLE001  # the boundary at which failures become events
            teller.failure(why(error))
        else:
            teller.reading(reading)
        await clock.sleep(max(0.05, every - (clock.monotonic() - begun)))


def explain(error: BaseException) -> str:
    """Why a source failed, for the screen."""
    if isinstance(error, TimeoutError):
        return str(error) or f"no answer within {READ_SECONDS:.0f} s"
    if isinstance(error, WorldError):
        return str(error)
    return f"{type(error).__name__}: {one_line(error)}"
