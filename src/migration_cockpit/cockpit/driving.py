"""Who drives: keeps the cockpit's side of the lease and says in words why keys are off."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from migration_cockpit.session.clock import Clock
from migration_cockpit.session.lease import RENEW_EVERY, Holder, Keeper, Store

CALL_SECONDS = 4.0
"""A call to Kubernetes that takes longer has failed: the next one must come before the deadline."""


def who(operator: str, directory: Path, clock: Clock) -> Holder:
    """This process as a holder of the lease."""
    host = socket.gethostname()
    place = hashlib.sha256(f"{host}:{directory.resolve()}".encode()).hexdigest()[:16]
    since = clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    return Holder(operator=operator, host=host, session=directory.name, place=place, token=token, since=since)


class Driving:
    """The lease's state for this cockpit. `changed` is told when it begins or ceases to drive, `given` when the lease
    was handed over to another."""

    def __init__(self, store: Store, clock: Clock, me: Holder, *, locked: bool) -> None:
        self.keeper = Keeper(store, clock, me, locked=locked)
        self.error = ""
        """Why the lease could not be looked at, the last time."""
        self.offered_to = ""
        self.changed: Callable[[], None] = lambda: None
        self.given: Callable[[Holder], Awaitable[None]] | None = None
        self._clock = clock
        self._once = asyncio.Event()
        self._drove = False
        self._one = asyncio.Lock()
        """One call at a time: a round that read the lease before it was taken would undo what is known of it."""

    @property
    def drives(self) -> bool:
        """Whether this cockpit surely holds the lease now."""
        return self.keeper.drives

    @property
    def other(self) -> Holder | None:
        """The other cockpit that holds it; None for nobody, or for this one."""
        holder = self.keeper.holder
        return None if holder is None or holder.token == self.keeper.me.token else holder

    @property
    def why_not(self) -> str:
        """Why this cockpit's keys are off; empty when it drives."""
        if self.drives:
            return ""
        other = self.other
        if other is not None:
            return f"{other.words} drives{since(other)}: this cockpit observes; t takes over where that may be"
        if self.error:
            return f"the lease cannot be renewed: {self.error}; keys are off until it is held again"
        if self.keeper.lease is None:
            return "the lease is being asked for; keys are off until it is held"
        return "nobody drives: t takes over"

    async def run(self) -> None:
        """Keep it for ever."""
        while True:
            await self.look()
            self._tell()
            other = self.other
            if other is not None and self.offered_to and self.given is not None:
                self.offered_to = ""
                await self.given(other)
            await self._clock.sleep(1.0 if self.error or self._drove != self.drives else RENEW_EVERY)

    def _tell(self) -> None:
        if self._drove != self.drives:
            self._drove = not self._drove
            self.changed()

    async def look(self) -> None:
        """One round of the keeper; what fails becomes `error`."""
        self.error = await self._called(self.keeper.look)
        self._once.set()

    async def seen(self) -> None:
        """Wait until the lease was looked at once."""
        await self._once.wait()

    async def take(self) -> str:
        """Take over; returns why that was not possible, or ""."""
        error = await self._called(self.keeper.take)
        if self.drives:
            self._tell()
            return ""
        return error or self.why_not

    async def offer(self, operator: str) -> str:
        """Offer it to an operator, or to nobody any more; returns why that was not possible, or ""."""
        error = await self._called(lambda: self.keeper.offer(operator))
        lease = self.keeper.lease
        if error or lease is None or lease.offered != operator:
            return error or self.why_not or "the lease was written by another at the same moment: try again"
        self.offered_to = operator
        return ""

    async def release(self) -> None:
        """Give it back; a lease that cannot be given back is stale soon."""
        await self._called(self.keeper.release)

    async def _called(self, call: Callable[[], Awaitable[object]]) -> str:
        try:
            async with self._one, asyncio.timeout(CALL_SECONDS):
                await call()
        except TimeoutError:
            return f"Kubernetes has not answered within {CALL_SECONDS:.0f} s"
        except Exception as error:  # noqa: BLE001 - the boundary: whatever the API answers, the keys are off and say why
            return str(error) or type(error).__name__
        return ""


def since(holder: Holder) -> str:
    """Since when, as the holder's own clock told it."""
    return f" since {holder.since[11:19]} UTC" if len(holder.since) > 19 else ""
