"""The session changes hands: the driver's lease is kept, the helm is taken over, or handed to another cockpit."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from migration_cockpit.cockpit.driving import Driving, who
from migration_cockpit.connections.kube_lease import KubeLease
from migration_cockpit.session import events as ev
from migration_cockpit.session.journal import JournalError

if TYPE_CHECKING:
    from migration_cockpit.cockpit.cockpit import Cockpit
    from migration_cockpit.session.lease import Holder

HAND_OVER_SECONDS = 30.0
"""How long a cockpit that took the helm waits for the other one to let go of the session's directory."""
NOT_LET_GO = "the helm is taken, but another cockpit still holds the session's directory: t tries again"
"""Why keys are off meanwhile."""


class Changeover:
    """One cockpit's part in who drives. Used from one event loop."""

    def __init__(self, cockpit: Cockpit) -> None:
        self._cockpit, self._logbook, self._clock = cockpit, cockpit.logbook, cockpit.clock
        store = KubeLease(lambda: cockpit.connections.kube, cockpit.settings.kubernetes.release)
        me = who(cockpit.operator, self._logbook.directory, self._clock)
        self.driving = Driving(store, self._clock, me, locked=self._logbook.ours)
        self.driving.changed = self._changed
        self.driving.given = self._hand_over
        self._task: asyncio.Task[None] | None = None

    @property
    def not_driving(self) -> str:
        """Why this cockpit does not drive; empty when it does."""
        return self.driving.why_not or ("" if self._logbook.ours else NOT_LET_GO)

    async def begin(self) -> None:
        """Begin to keep the lease, or to watch who does; returns once it was looked at."""
        self._task = asyncio.create_task(self.driving.run(), name="lease")
        await self.driving.seen()

    async def end(self) -> None:
        """Leave the lease as it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _changed(self) -> None:
        """The lease was lost, or is held again."""
        if self._logbook.ours:
            self._cockpit.helm_changed(held=self.driving.drives, why=self.driving.why_not)

    async def take_over(self) -> str:
        """Take the helm from a cockpit that is gone or offers it; returns why that cannot be, or ""."""
        driving, logbook = self.driving, self._logbook
        if not logbook.ours and not driving.keeper.offered and not logbook.free:
            return "the process that drives is alive and holds the session's directory: it must offer the helm with o"
        if why := await driving.take():
            return why
        if logbook.ours:
            self._cockpit.go_on()
            return ""
        if why := await self._come_aboard():
            # A lease that is kept without the directory would keep everybody from flying.
            await driving.release()
        return why

    async def _come_aboard(self) -> str:
        """From following to flying: the journal is written by this cockpit from now on. Returns why not, or ""."""
        deadline = self._clock.monotonic() + HAND_OVER_SECONDS
        while not self._logbook.free:
            if self._clock.monotonic() >= deadline:
                return "the cockpit before this one does not let go of the session's directory: end its process"
            await self._clock.sleep(0.2)
        await self._cockpit.end_tasks()
        try:
            self._logbook.take()
        except JournalError as error:
            self._logbook.follow()
            return str(error)
        self._cockpit.renew()
        await self._cockpit.fly()
        return ""

    async def _hand_over(self, to: Holder) -> None:
        """Another cockpit took the helm that was offered: let go, so that it can go on, and follow."""
        logbook = self._logbook
        if not logbook.ours or to.place != self.driving.keeper.me.place:
            return
        await self._cockpit.runner.close()
        await self._cockpit.end_tasks()
        with suppress(JournalError):
            logbook.recorder.record(ev.SessionClosed(reason=f"handed over to {to.words}"))
        logbook.give()
        self._cockpit.renew()
        logbook.follow()
