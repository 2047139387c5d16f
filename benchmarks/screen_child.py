"""What the screen benchmark runs on its pty: a bare Textual app, or the cockpit's app over a feed in which everything
changes each second. Imports nothing before it must, so that the time to the first paint is the app's own."""

from __future__ import annotations

import sys
from pathlib import Path


def bare() -> None:
    """The least one can paint with Textual: an app with a line of text."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("bare-textual-app")

    Bare().run()


def cockpit(directory: Path) -> None:
    """The app over a real cockpit with a new journal, whose world is a synthetic feed."""
    from migration_cockpit.app import painting_first

    with painting_first():
        from benchmarks.feed import settings

        from migration_cockpit.app.app import CockpitApp
        from migration_cockpit.cockpit.cockpit import Cockpit
        from migration_cockpit.cockpit.desk import Desk

        class Fed(Cockpit):
            async def start(self) -> None:
                import asyncio

                self._following = asyncio.create_task(self._feed())

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
                    n += 1
                    await asyncio.sleep(1.0)

            async def stop(self, reason: str) -> None:
                if self._following is not None:
                    self._following.cancel()

        fed = Fed(settings(), directory, operator="sre-1", observe=True, at_once=False)
        CockpitApp(fed, Desk(fed)).run()


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        bare()
    else:
        cockpit(Path(sys.argv[2]))
