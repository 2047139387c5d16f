"""The prerequisites in a session: looked at beside everything else, signed off, the backup tested; each as events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migration_cockpit.advice.rollback_cost import upgraded
from migration_cockpit.connections.errors import one_line
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.journal import Entry
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import OperationState, State

if TYPE_CHECKING:
    from migration_cockpit.actions.scratch import RestoreInScratch
    from migration_cockpit.config import Settings
    from migration_cockpit.playbook.flight import Flight
    from migration_cockpit.playbook.prepare.shape import Result

Examine = Callable[[Callable[["Result"], None]], Awaitable[list["Result"]]]
"""Looks at all of it, telling each result as it comes. Raises SignOffError."""


class Preparing:
    """What the preparation does at the desk. Used from the event loop's thread."""

    def __init__(self, flight: Flight, sessions: Path, examine: Examine | None = None) -> None:
        """`sessions` is where sessions are kept; `examine` looks at the world unless another is given."""
        self._flight = flight
        self._sessions = sessions
        self._examine = examine or self._look_at_the_world
        self._task: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[Any] | None = None
        flight.recorder.listeners.append(self._heard)

    @property
    def busy(self) -> bool:
        """Whether it is being looked at, or the backup is being tested."""
        return self._task is not None and not self._task.done()

    @property
    def off(self) -> str:
        """Why nothing may be looked at now; empty when it may.

        XComs are read in one pass, up to a minute long, and a migration of that table would wait for it. After the
        upgrade production is not what is asked about any more: true answers would read as failures.
        """
        state = self._flight.state
        step = state.running_step
        if (step is not None and step.id == "migrate") or (state.rollback is not None and state.rollback.active):
            return "not while the database is migrated or goes back: a long read would stand in the way"
        if upgraded(state) and (state.rollback is None or state.rollback.outcome not in {"rolled back", "aborted"}):
            return "production is upgraded: the prerequisites are of the time before, and not looked at any more"
        return ""

    def resume(self, *, look: bool) -> None:
        """Settle a backup's test that was broken off; then look, where that is asked for."""
        broken = self._broken
        if broken is not None:
            self._begin(self._settle(broken, look=look))
        elif look:
            self.look()

    @property
    def _broken(self) -> OperationState | None:
        """The backup's test that the last cockpit has begun and nobody has ended."""
        test = self._flight.state.operations.get(f"{ev.PREPARE}/{ev.BACKUP_TEST}")
        return test if test is not None and not test.outcome else None

    def look(self) -> bool:
        """Begin to look, in the background; False where that goes on already."""
        return self._begin(self._look())

    def sign(self, asked: str, note: str) -> None:
        """Write down that the operator answers for it. Raises SignOffError, and JournalError."""
        from migration_cockpit.playbook.prepare import signoffs
        from migration_cockpit.playbook.prepare.printed import signed_anew

        settings = self._settings
        word = signoffs.SignOff(asked, self._flight.operator, self._clock.now().replace(microsecond=0), note)
        signoffs.add(signoffs.path(self._sessions, settings.deployment.name), word)
        before = self._flight.state.prepare
        if before is not None and asked in before.seen:
            stale = timedelta(days=settings.prepare.stale_days)
            self._recorder.record(signed_anew(before.seen[asked].event, word, self._clock.now(), stale))

    def backup_test(self) -> RestoreInScratch:
        """The test of the newest dump, to be shown. Raises NothingToTest."""
        from migration_cockpit.playbook.prepare import backup

        return backup.operation(self._settings, self._sessions, None, None)

    def test_backup(self, shown: RestoreInScratch) -> bool:
        """Begin the test that was shown, then look at everything; False where either goes on already."""
        return self._begin(self._test_backup(shown))

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _heard(self, entry: Entry, _: State) -> None:
        """A look that is under way gives way to a migration and to a way back."""
        if isinstance(entry.event, ev.StepStarted | ev.RollbackStarted) and self.off and self._looking is not None:
            self._looking.cancel()

    # --- In the background --------------------------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        return self._flight.settings

    @property
    def _recorder(self) -> Recorder:
        return self._flight.recorder

    @property
    def _clock(self) -> Clock:
        return self._flight.clock

    def _begin(self, work: Coroutine[Any, Any, None]) -> bool:
        if self.busy:
            work.close()
            return False
        self._task = asyncio.create_task(work, name="preparation")
        return True

    async def _look(self) -> None:
        from migration_cockpit.playbook.prepare import PREREQUISITES
        from migration_cockpit.playbook.prepare.printed import as_event

        def tell(result: Result) -> None:
            self._recorder.record(as_event(result))

        if self.off:
            return
        self._recorder.record(ev.PrepareStarted(operator=self._flight.operator))
        ready, why, gave_way = 0, "", False
        self._looking = asyncio.ensure_future(self._examine(tell))
        try:
            results = await self._looking
            ready = sum(each.ready for each in results)
        except asyncio.CancelledError:
            self._looking.cancel()
            if not self.off:
                raise
            why, gave_way = self.off, True
        except Exception as error:  # noqa: BLE001 - the boundary: that nobody could look is told, and the flight goes on
            why = str(error) or type(error).__name__
        self._recorder.record(ev.PrepareEnded(ready=ready, total=len(PREREQUISITES), why=why, gave_way=gave_way))

    async def _look_at_the_world(self, tell: Callable[[Result], None]) -> list[Result]:
        from migration_cockpit.playbook.prepare import examine

        return await examine(self._settings, sessions=self._sessions, now=self._clock.now(), tell=tell)

    async def _settle(self, broken: OperationState, *, look: bool) -> None:
        from migration_cockpit.playbook.prepare import backup

        try:
            said = "; ".join(await backup.sweep(self._settings, self._flight.connections))
        except Exception as error:  # noqa: BLE001 - as above: that it is not known is told
            said = f"whether {broken.key} is left cannot be seen: {one_line(error)}"
        said = said or f"there is no database {broken.key}, nothing of it is left"
        detail = f"the backup's test was broken off: {said}; t tests it anew"
        self._recorder.record(
            ev.OperationEnded(
                step=broken.step, operation=broken.operation, key=broken.key, outcome="failed", detail=detail
            )
        )
        self._flight.say(detail, level="careful")
        if look:
            await self._look()

    async def _test_backup(self, shown: RestoreInScratch) -> None:
        from migration_cockpit.playbook.prepare import backup

        async def do(operation: Any) -> str:
            return await self._flight.do(ev.PREPARE, operation)

        try:
            await backup.restore_by(self._settings, self._sessions, do, self._flight.connections, shown)
        except Exception as error:  # noqa: BLE001 - as above
            self._flight.say(f"the backup could not be tested: {error}", level="bad")
        await self._look()
