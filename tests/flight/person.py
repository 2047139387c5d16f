"""A flight back by somebody with a choice of their own: which recovery point, and what becomes of a Job at work.

`python -m tests.flight.person CONFIG SESSION --after STEP [--during] [--point METHOD] [--job CHOICE]` flies forward as
the autopilot does and then presses the keys of the rollback dialog. A stage that fails is written to SESSION.asked;
once that file is gone, the stage is tried again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from migration_cockpit.cockpit.autopilot import next_key
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.cockpit.dialogs import RollbackDialog, RollbackEndJobDialog, RollbackPhraseDialog
from migration_cockpit.cockpit.headless import Printer, table
from migration_cockpit.cockpit.outcome import exit_code
from migration_cockpit.config import load
from migration_cockpit.playbook.rollback.plan import END, JOB_CHOICES, RESTORE, WAIT
from migration_cockpit.session.events import LogLine
from migration_cockpit.session.journal import Entry
from migration_cockpit.session.state import State

SECONDS = 400.0
"""A flight with its way back that takes longer hangs."""
LINES = 5
"""Lines of the migration Job after which it is surely at work."""
HEARD = DEAF * 1.2


class Person:
    """Somebody at the desk."""

    def __init__(self, cockpit: Cockpit, order: argparse.Namespace) -> None:
        self.cockpit, self.order, self.desk = cockpit, order, Desk(cockpit)
        self._lines = 0
        cockpit.recorder.listeners.append(self._saw)

    def _saw(self, entry: Entry, _: State) -> None:
        self._lines += isinstance(entry.event, LogLine) and entry.event.source == "job"

    async def fly(self) -> None:
        """Forward as far as was ordered, then back to the end."""
        while not self._due():
            if key := next_key(self.desk):
                await self.desk.press(key)
            await self.cockpit.clock.sleep(HEARD if self.desk.where != "screen" else 0.05)
        if self.cockpit.state.rollback is None:
            self.desk.close_dialog()
            await self._go_back()
        while self.cockpit.state.rollback is not None and self.cockpit.state.rollback.active:
            if self.desk.where != "screen" and (key := next_key(self.desk)):
                await self._press(key)  # what a cockpit that was started again shows first
            await self._again()
            await self.cockpit.clock.sleep(0.1)

    def _due(self) -> bool:
        if self.cockpit.state.rollback is not None:
            return True
        step = self.cockpit.state.steps[self.order.after]
        if self.order.during:
            return step.running and self._lines >= LINES
        return bool(step.outcome) and self.cockpit.state.running_step is None

    async def _go_back(self) -> None:
        await self._press("R")
        await self._until(lambda: isinstance(self.desk.dialog, RollbackDialog))
        dialog = self.desk.dialog
        assert isinstance(dialog, RollbackDialog)
        number = [way.id for way in dialog.prospect.ways].index(RESTORE) + 1
        await self._press(str(number))
        for _ in dialog.prospect.ways[number - 1].points:
            if dialog.plan is not None and dialog.plan.point and dialog.plan.point.method == self.order.point:
                break
            await self._press("p")
        assert dialog.plan is not None, self.desk.notice
        assert dialog.plan.point is not None
        assert dialog.plan.point.method == self.order.point, self.desk.notice
        if dialog.prospect.seen.job:
            await self._press("e" if self.order.job == END else "t")
        await self._press("enter")
        await self._type("somebody chose so")
        if isinstance(self.desk.dialog, RollbackEndJobDialog):
            await self._type(self.desk.dialog.phrase)
        assert isinstance(self.desk.dialog, RollbackPhraseDialog), self.desk.notice
        await self._type(self.desk.dialog.phrase(self.desk))
        await self._until(lambda: self.cockpit.state.rollback is not None or self.desk.where == "screen")
        assert self.cockpit.state.rollback is not None, self.desk.notice

    async def _again(self) -> None:
        """Tell who waits outside what has failed; go on when that is mended."""
        asked = self.cockpit.state.decision
        if asked is None:
            return
        note = Path(f"{self.cockpit.recorder.directory}.asked")
        await asyncio.to_thread(note.write_text, "\n".join(asked.event.evidence), encoding="utf-8")
        await self._until(lambda: not note.exists())
        why = self.cockpit.answer("retry", "")
        assert not why, why

    async def _press(self, key: str) -> None:
        await self.cockpit.clock.sleep(HEARD)
        await self.desk.press(key)

    async def _type(self, text: str) -> None:
        await self.cockpit.clock.sleep(HEARD)
        self.desk.type(text)
        await self.desk.press("enter")

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self.cockpit.clock.sleep(0.05)


async def fly(order: argparse.Namespace) -> int:
    """Fly; returns the exit code."""
    cockpit = Cockpit(load(order.config), order.session, operator="somebody")
    cockpit.recorder.listeners.append(Printer().show)
    await cockpit.start()
    try:
        async with asyncio.timeout(SECONDS):
            await Person(cockpit, order).fly()
    finally:
        await cockpit.stop("the flight of this test is over")
        print(table(cockpit.state), flush=True)
    return exit_code(cockpit.state, asked_back=True)


def main() -> int:
    """Fly as ordered."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("session", type=Path)
    parser.add_argument("--after", default="migrate")
    parser.add_argument("--during", action="store_true", help="while the step's Job is at work")
    parser.add_argument("--point", default="snapshot")
    parser.add_argument("--job", default=WAIT, choices=JOB_CHOICES)
    return asyncio.run(fly(parser.parse_args()))


def ends_a_job(config: Path, session: Path, step: str, choice: str) -> int:
    """Fly back while the step's Job is at work, as one chose what becomes of it; returns the exit code."""
    order = {"config": config, "session": session, "after": step, "job": choice, "during": True, "point": "snapshot"}
    return asyncio.run(fly(argparse.Namespace(**order)))


if __name__ == "__main__":
    sys.exit(main())
