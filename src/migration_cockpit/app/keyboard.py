"""Between the terminal's keys and the desk: which are text, which act, and that only a deliberate Enter confirms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import events

from migration_cockpit.app.controls import view_control
from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.session.clock import Clock

if TYPE_CHECKING:
    from migration_cockpit.app.app import CockpitApp

BURST = 0.15
"""Seconds. Terminals tell no release of a key: Enters closer than this are one that is held down."""
FIELD_KEYS = frozenset({"enter", "escape", "tab", "shift+tab", "up", "down", "pageup", "pagedown", "ctrl+c", "ctrl+q"})
"""Keys that are not text even while one types."""
CLOSING_KEYS = frozenset({"escape", "question_mark", "q", "a", "f", "D"})
"""Keys that close a page."""


class PressedKey(events.Key):
    """A key that the autopilot presses; it waits until the key has been dealt with."""

    def __init__(self, key: str) -> None:
        super().__init__(key, None)
        self.done = asyncio.Event()


class FreshEnter:
    """Tells a pressed Enter from a held one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._last = float("-inf")

    def strike(self) -> bool:
        """Note an Enter; False when it follows another so closely that the key is being held."""
        now = self._clock.monotonic()
        gap, self._last = now - self._last, now
        self._count += 1
        return gap >= BURST

    async def alone(self) -> bool:
        """Wait a moment: False when more Enters came in it. The first repeat of a held key comes late enough (half a
        second) to pass for a press of its own; the ones after it give it away."""
        count = self._count
        await self._clock.sleep(BURST)
        return count == self._count


class Keyboard:
    """Takes the app's keys to its desk, its dialogs and its view."""

    def __init__(self, app: CockpitApp) -> None:
        self._app = app
        self._enter = FreshEnter(app.shown.clock)

    def takes(self, event: events.Key | events.Paste) -> bool:
        """Deal with a key or a paste; False when it is text for a field."""
        if isinstance(event, events.Paste):
            return not self._takes_paste()
        if self._typing and event.key not in FIELD_KEYS:
            return self._app.desk.deaf
        if not self._app.life.leaving:
            self._app.life.spawn(lambda: self._press(event))
        return True

    def _takes_paste(self) -> bool:
        """Whether pasted text goes anywhere: only into a field, and not in the moment a dialog opens."""
        desk = self._app.desk
        if self._typing and desk.takes_paste:
            return True
        by_hand = desk.dialog is not None and desk.dialog.by_hand
        why = "this is typed by hand" if by_hand else "nothing is being typed here"
        self._app.tell(f"pasted text was dropped: {why}")
        return False

    @property
    def _typing(self) -> bool:
        return isinstance(self._app.screen, Dialog) and self._app.screen.typing

    async def _press(self, event: events.Key) -> None:
        try:
            await self._act(event.key, event.character if event.is_printable and event.character else event.key)
        except Exception as error:  # noqa: BLE001 - the boundary: a key that fails is said and recorded, and the app goes on
            self._app.failed(f"the key {event.key} failed", error)
        finally:
            if isinstance(event, PressedKey):
                event.done.set()

    async def _act(self, key: str, named: str) -> None:
        """Do what a key does; `named` is what a person calls it."""
        app, deaf = self._app, self._app.desk.deaf
        if key == "enter" and not await self._confirms(deaf=deaf):
            return
        control = view_control(key, app.page or app.desk.where, app.views)
        if app.page and key in CLOSING_KEYS:
            app.read(app.page)
        elif self._dialog_took(key) or app.page:
            return
        elif await app.desk.press(key):
            app.pressed()
        elif control is not None:
            control.act(app.viewing)
        elif not deaf:
            app.tell(f"{named} does nothing here; ? lists the keys")

    async def _confirms(self, *, deaf: bool) -> bool:
        """Whether an Enter counts: in a dialog it must be pressed once, on what is still the same dialog after it."""
        place = self._place()
        if not self._enter.strike() or deaf:
            return False
        if place[0] == "screen" or (await self._enter.alone() and self._place() == place):
            return True
        self._app.tell("a held Enter confirms nothing: press it once")
        return False

    def _place(self) -> tuple[object, ...]:
        desk = self._app.desk
        return self._app.page or desk.where, id(desk.dialog)

    def _dialog_took(self, key: str) -> bool:
        """Keys that move within a dialog: Tab between its field and its text; those of the view in any case."""
        app = self._app
        if not isinstance(app.screen, Dialog) or (not app.page and app.desk.takes(key)):
            return False
        if key in {"tab", "shift+tab"}:
            if not app.screen.toggle_typing():
                app.tell("there is nothing to type here")
            return True
        control = view_control(key, "any", app.views)
        if control is not None:
            control.act(app.viewing)
        return control is not None
