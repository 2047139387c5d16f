"""The app's life: signals and the start after the first paint, what it does by itself, and leaving."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from migration_cockpit import crash
from migration_cockpit.app import painted, settled

if TYPE_CHECKING:
    from migration_cockpit.app.app import CockpitApp

STOPPING = 10.0
"""Seconds that leaving may take: what is still open then is left to the process's end."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Life:
    """Begins and ends what an app shows, and keeps the tasks between. Used from the app's event loop."""

    def __init__(self, app: CockpitApp, *, autopilot: float | None, back: tuple[str, str] | None) -> None:
        """`autopilot` is the pause between its keys in seconds, None when people fly; `back` orders it to fly back."""
        self._app, self._pause, self._back = app, autopilot, back
        self._tasks: set[asyncio.Task[None]] = set()
        self.leaving = False
        self.ended_by = 0
        """Number of the signal that ended the app, 0 for none."""
        self.trouble = ""
        """Why the cockpit could not be started."""
        self.parting = ""
        """What did not end as it should when one left, to be said once the screen is gone."""

    def take_signals(self) -> None:
        """A signal ends the app as a key does, until `give_signals`."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)

    def give_signals(self) -> None:
        """Give the signals back."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def _signalled(self, number: int) -> None:
        self.leave(signal.Signals(number).name, signal_number=number)

    def spawn(self, work: Callable[[], Any]) -> asyncio.Task[None]:
        """Do something beside the drawing; where it fails, that is said and recorded. Leaving ends it."""
        task: asyncio.Task[None] = asyncio.create_task(work(), name=work.__name__.strip("_"))
        self._tasks.add(task)
        task.add_done_callback(self._spawned)
        return task

    def _spawned(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._app.failed(f"{task.get_name()} failed", error)

    async def start(self) -> None:
        """Begin what is shown, after the first paint."""
        from migration_cockpit.advice.phase import AFTER, phase

        app = self._app
        alone = painted()
        # On a thread: what draws a session takes a while to load, and the screen answers meanwhile.
        await asyncio.to_thread(import_module, "migration_cockpit.app.panes.drawn")
        try:
            await app.shown.start()
        except Exception as error:  # noqa: BLE001 - the boundary: said on the screen, where the operator looks
            self.trouble = crash.cleaned(f"the session cannot be started: {error}")
            app.draw()
            return
        settled(alone=alone)
        app.desk.welcome()
        live = self._pause is None and app.shown.track is None
        if live and app.desk.where == "screen" and phase(app.state, app.shown.clock.now()) == AFTER:
            app.read("days")
        if self._pause is not None:
            self.spawn(self._autopilot)

    async def _autopilot(self) -> None:
        from migration_cockpit.cockpit.autopilot import WATCHED, GoBack, fly
        from migration_cockpit.cockpit.desk import Desk

        app = self._app
        assert self._pause is not None
        assert isinstance(app.desk, Desk)
        order = GoBack(*self._back) if self._back else None
        why = await fly(app.desk, app.press, app.write, pause=self._pause, back=order, patience=WATCHED)
        over = "the way back is flown" if app.state.rollback else "every step is flown"
        app.tell(f"autopilot: {why or over}")

    def leave(self, reason: str, *, signal_number: int = 0) -> None:
        """End the app: close the journal, stop nothing in the cluster."""
        if self.leaving:
            return
        self.leaving = True
        self._app.desk.close_dialog()  # a countdown must not fire while the journal is being closed
        self.ended_by = signal_number
        self._app.tell(f"{reason}: the journal is being closed; nothing in the cluster stops")
        leaving = asyncio.create_task(self._leave(reason))
        leaving.add_done_callback(lambda _: self._app.exit())

    async def _leave(self, reason: str) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(STOPPING):
                await self._app.shown.stop(reason)
        except TimeoutError:
            self.parting = f"the cockpit did not stop within {STOPPING:.0f} s: the journal may lack its end"
        except Exception as error:  # noqa: BLE001 - the boundary: one leaves all the same, and is told
            self.parting = crash.cleaned(f"the cockpit did not stop as it should: {type(error).__name__}: {error}")
