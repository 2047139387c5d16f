"""One driver at a time: the protocol of the lease, without a word about where the lease is kept.

A driver writes the lease every few seconds. Whether it still lives is judged by what one sees change, on one's own
clock: wall clocks of two machines are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from migration_cockpit.session.clock import Clock

DURATION = 15.0
"""Seconds without a change after which a lease is stale."""
RENEW_EVERY = 5.0
"""Seconds between two writes of the driver."""
RENEW_DEADLINE = 10.0
"""A driver that could not write for so long stops before any other may take its lease for stale."""


@dataclass(frozen=True)
class Holder:
    """A cockpit that drives, or wants to."""

    operator: str
    host: str
    session: str
    place: str
    """Host and directory of the session: two cockpits of one place share the directory's lock."""
    token: str
    """Drawn anew by each process."""
    since: str = ""
    """RFC 3339, UTC, as the holder's clock told it: for people only."""

    @property
    def words(self) -> str:
        """Who it is."""
        return f"{self.operator} on {self.host}"


@dataclass(frozen=True)
class Lease:
    """The lease as it was read or written."""

    holder: Holder | None
    offered: str = ""
    """Operator to whom the holder offers it."""
    version: str = ""
    """Of the store; another with each write."""


class Conflict(Exception):
    """Someone else wrote the lease first."""


class Store(Protocol):
    """Where the lease is kept."""

    async def read(self) -> Lease | None:
        """The lease; None when there is none yet."""

    async def write(self, lease: Lease) -> Lease:
        """Write it over the version that it names, or create it where it names none. Raises Conflict."""


class Keeper:
    """One cockpit's side of the lease: renews it, watches it, gives it away. Errors of the store pass through."""

    def __init__(self, store: Store, clock: Clock, me: Holder, *, locked: bool = True) -> None:
        """`locked`: this process holds the session's directory, so another holder of the same place is surely dead."""
        self.me = me
        self.lease: Lease | None = None
        self._store = store
        self._clock = clock
        self._changed = clock.elapsed()
        self._renewed: float | None = None
        self._fresh = locked
        """Until it has driven or has seen another drive: whatever is nobody's, or of the dead, is taken at once."""
        self._last = False
        """Whether this cockpit was the last driver that was seen: what then is nobody's is its own."""

    @property
    def drives(self) -> bool:
        """Whether this cockpit surely holds the lease now."""
        return self._renewed is not None and self._clock.elapsed() - self._renewed < RENEW_DEADLINE

    @property
    def holder(self) -> Holder | None:
        """Who holds it as last seen; None for nobody."""
        return self.lease.holder if self.lease else None

    @property
    def quiet(self) -> float:
        """Seconds for which nothing has been seen to change."""
        return self._clock.elapsed() - self._changed

    @property
    def stale(self) -> bool:
        """Whether it can be taken over: nobody's, or of a holder who has not written for the lease's duration."""
        other = self.holder
        return other is None or (other.token != self.me.token and self.quiet >= DURATION)

    @property
    def offered(self) -> bool:
        """Whether the holder offers it to this cockpit's operator, in the same session."""
        lease, me = self.lease, self.me
        return lease is not None and lease.holder is not None and self._to(lease) and lease.holder.place == me.place

    def _to(self, lease: Lease) -> bool:
        return bool(lease.offered) and lease.offered == self.me.operator

    async def look(self) -> None:
        """One round: renew it where it is ours, take it where that needs no question, else see whether it changes."""
        begun = self._clock.elapsed()
        found = await self._store.read()
        self._see(found)
        if found is not None and found.holder is not None and found.holder.token == self.me.token:
            await self._write(found, begun)
        elif self._free(found):
            await self._write(replace(found or Lease(None), holder=self.me, offered=""), begun)
        else:
            self._renewed = None
            if found is not None and found.holder is not None:
                self._fresh = self._last = False

    def _free(self, found: Lease | None) -> bool:
        """Whether it is taken without a question: nobody's at the start, or of a process that died in our place."""
        if found is None or found.holder is None:
            return self._fresh or self._last
        return self._fresh and found.holder.place == self.me.place

    def _see(self, found: Lease | None) -> None:
        if (found.version if found else "") != (self.lease.version if self.lease else ""):
            self._changed = self._clock.elapsed()
        self.lease = found

    async def _write(self, lease: Lease, begun: float) -> None:
        try:
            written = await self._store.write(lease)
        except Conflict:
            # Who was quicker is seen in the next round.
            if lease.holder is not None and (self.holder is None or self.holder.token != self.me.token):
                self._renewed = None
            return
        self._see(written)
        mine = written.holder is not None and written.holder.token == self.me.token
        self._renewed = begun if mine else None
        if mine:
            self._fresh, self._last = False, True

    async def take(self) -> bool:
        """Take over a stale lease, or one that is offered to us; whether that succeeded. Looks once more before."""
        await self.look()
        if self.drives:
            return True
        if not (self.stale or self.offered):
            return False
        await self._write(replace(self.lease or Lease(None), holder=self.me, offered=""), self._clock.elapsed())
        return self.drives

    async def offer(self, operator: str) -> bool:
        """Offer it to an operator, or to nobody any more; False when it is not ours or someone else was quicker."""
        begun = self._clock.elapsed()
        if self.lease is None or not self.drives:
            return False
        await self._write(replace(self.lease, offered=operator), begun)
        return self.drives and self.lease is not None and self.lease.offered == operator

    async def release(self) -> None:
        """Give it back, where it is ours."""
        if self.lease is not None and self.holder is not None and self.holder.token == self.me.token:
            self._renewed, self._last = None, False
            await self._write(replace(self.lease, holder=None, offered=""), self._clock.elapsed())
