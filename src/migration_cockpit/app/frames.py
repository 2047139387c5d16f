"""When the screen is drawn: at once for a key, soon for an event, and each second because clocks and ages go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.timer import Timer

    from migration_cockpit.app.app import CockpitApp

FRAME = 0.25
"""Seconds between two frames at least, whatever is pressed."""
NEVER = float("inf")


class Frames:
    """Paces an app's frames by the clock of what it shows."""

    def __init__(self, app: CockpitApp) -> None:
        self._app = app
        self._drawn = float("-inf")
        self._due = NEVER
        self._timer: Timer | None = None

    def drawn(self) -> float:
        """A frame is drawn now; returns the moment, in seconds of the clock."""
        self._due = NEVER
        self._forget_timer()  # else it would draw what comes from now on sooner than it is due
        self._drawn = self._app.shown.clock.monotonic()
        return self._drawn

    def tick(self) -> None:
        """Clocks and ages go on where nothing happens; a frame that has just been drawn will do."""
        if self._app.shown.clock.monotonic() - self._drawn > self._app.EVERY / 2:
            self._app.draw()

    def soon(self, every: float) -> None:
        """Draw, but not sooner than `every` seconds after the last time: bursts of events are one frame."""
        now = self._app.shown.clock.monotonic
        due = max(now() + 0.01, self._drawn + every)
        if due >= self._due or not self._app.is_running:
            return
        self._due = due
        self._forget_timer()
        self._timer = self._app.set_timer(due - now(), self._draw_due)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _draw_due(self) -> None:
        self._timer = None
        if self._due < NEVER:  # else it was drawn meanwhile
            self._app.draw()
