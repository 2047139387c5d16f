"""What the cockpit says of the running migration, judged every second and recorded when it changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from migration_cockpit.advice.progress import PARTS, Progress, progress
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.verdict import judge
from migration_cockpit.config import Limits
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder

EVERY = 1.0


class MigrationWatch:
    """Judges State; reads nothing of the world itself."""

    def __init__(self, recorder: Recorder, clock: Clock, limits: Limits, rates: Rates = BUILT_IN) -> None:
        self._recorder, self._clock, self._limits, self._rates = recorder, clock, limits, rates

    async def run(self) -> None:
        """Judge until cancelled, and then once more: a flight may end in the very second after its migration."""
        try:
            while True:
                with suppress(JournalError):  # the recorder's write_error says it; judged again in a second
                    self.look()
                await self._clock.sleep(EVERY)
        except asyncio.CancelledError:
            with suppress(JournalError):
                self.look()
            raise

    def look(self) -> None:
        """Record the verdict and the progress where they changed. Raises JournalError."""
        state, now = self._recorder.state, self._clock.now()
        found = judge(state, now, self._limits, self._rates)
        if found is None:
            return
        told = (state.verdict.verdict, state.verdict.subject) if state.verdict is not None else None
        if told != found.key:
            self._recorder.record(ev.VerdictChanged(verdict=found.word, evidence=found.evidence, subject=found.subject))
        step = state.steps["migrate"]
        if not step.running or state.migration.ended is not None:
            return
        far = progress(state, now, self._rates)
        if far is not None and far.number:
            told_step = (step.progress, step.done, step.total)
            done = int(far.reached * PARTS)
            if told_step != (words(far), done, PARTS):
                self._recorder.record(ev.StepProgress(step="migrate", text=words(far), done=done, total=PARTS))


def words(far: Progress) -> str:
    """`revision 15 of 82, d59cbbef95eb: Add UUID primary key to task_instance table`."""
    title = f", {far.revision}: {far.message}" if far.revision else ""
    return f"revision {far.number} of {far.total}{title}"
