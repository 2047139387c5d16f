"""What the screen benchmark runs on its pty: a bare Textual app, or the cockpit's app over a feed in which everything
changes each second. Imports nothing before it must, so that the time to the first paint is the app's own."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration_cockpit.cockpit.cockpit import Cockpit


def bare() -> None:
    """The least one can paint with Textual: an app with a line of text."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("bare-textual-app")

    Bare().run()


def cockpit(directory: Path, report: Path) -> None:
    """The app over a synthetic feed; writes its CPU seconds to `report` each second."""
    from migration_cockpit.app.app import CockpitApp
    from migration_cockpit.cockpit.cockpit import Cockpit  # noqa: F401 - what a real start imports before it paints
    from migration_cockpit.cockpit.desk import Desk

    fed = cast("Cockpit", _Fed(directory, report))
    CockpitApp(fed, Desk(fed)).run()


class _Fed:
    """The shape of a cockpit, its journal and state real, its world a feed."""

    write_error = ""

    def __init__(self, directory: Path, report: Path) -> None:
        from migration_cockpit.cockpit.shown import LIVE

        self.mark, self.track = LIVE, None
        from benchmarks.feed import settings

        from migration_cockpit.session.clock import SystemClock
        from migration_cockpit.session.recorder import Recorder
        from migration_cockpit.session.redact import Redactor

        self.settings = settings()
        self.operator = "sre-1"
        self.clock = SystemClock()
        self.recorder = Recorder(directory, self.clock, Redactor())
        self.not_driving = ""
        self._report = report
        self._tasks: list[Any] = []

    @property
    def state(self) -> Any:
        """All that is known now."""
        return self.recorder.state

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` with every event."""
        self.recorder.listeners.append(lambda _entry, _state: changed())

    async def start(self) -> None:
        """Begin to feed."""
        import asyncio

        self._tasks.append(asyncio.create_task(self._feed()))

    async def _feed(self) -> None:
        import asyncio

        from benchmarks.feed import beginning, second

        for event in beginning(self.clock.now()):
            self.recorder.record(event)
        n = 0
        while True:
            for event in second(n, self.clock.now()):
                self.recorder.record(event)
            self.recorder.sync()
            self._report.write_text(f"{time.process_time()}", encoding="utf-8")
            n += 1
            await asyncio.sleep(1.0)

    async def stop(self, reason: str) -> None:
        """End the feed."""
        for task in self._tasks:
            task.cancel()


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        bare()
    else:
        cockpit(Path(sys.argv[2]), Path(sys.argv[3]))
