"""The Textual app: it paints first, then starts the cockpit, draws its State, and takes its keys to the desk."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.style import Style
from textual import events
from textual.app import App
from textual.screen import Screen

from cockpit_widgets import glyphs
from cockpit_widgets.panel import Panel, View
from migration_cockpit import crash
from migration_cockpit.app import give_back, painted, theme
from migration_cockpit.app.board import Board, broken
from migration_cockpit.app.controls import VIEW_CONTROLS, ViewControl
from migration_cockpit.app.copying import copy
from migration_cockpit.app.dialogs import Dialog, dialog_for
from migration_cockpit.app.keyboard import Keyboard, PressedKey
from migration_cockpit.app.plan import PANES, Looking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from textual.timer import Timer

    from migration_cockpit.app.alarm import Alarm
    from migration_cockpit.app.panes.frame import Rules
    from migration_cockpit.cockpit.keys import Keys
    from migration_cockpit.cockpit.shown import Shown
    from migration_cockpit.session.state import State

FRAME = 0.25
"""Seconds between two frames at least, whatever is pressed."""
NEVER = float("inf")
NOTICE = 12.0
"""Seconds for which a notice stays, unless the next key comes first."""
STOPPING = 10.0
"""Seconds that leaving may take: what is still open then is left to the process's end."""
GIVE_BACK = 20.0
"""Seconds between two times that free memory is given back."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CockpitApp(App[None]):
    """Draws the State of what it is given once a second and when something happens; keeps no facts of its own."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = False
    TITLE = "migration-cockpit"
    EVERY = 1.0
    """Seconds between two frames at least, however many events come in; a key's is drawn at once."""

    def __init__(
        self,
        shown: Shown,
        desk: Keys,
        *,
        autopilot: float | None = None,
        colours: str | None = None,
        ascii_only: bool = False,
        mouse: bool = False,
        back: tuple[str, str] | None = None,
        views: Sequence[ViewControl] = VIEW_CONTROLS,
        bell: bool = False,
        copies: Path | None = None,
    ) -> None:
        """`autopilot` is the pause between its keys in seconds, None when people fly; `colours` names one of THEMES,
        `ascii_only` draws every glyph as a character of ASCII, `mouse` takes the mouse away from the terminal.

        `back` orders it to fly back: after which step, and by which way. `views` are the actions on the view, `bell`
        rings the terminal's bell when something must be seen, `copies` is the file that copied text goes into too.
        """
        super().__init__()
        self.shown = shown
        self._rules: tuple[object, Rules] | None = None
        self.desk = desk
        self.ended_by = 0
        """Number of the signal that ended the app, 0 for none."""
        self.trouble = ""
        """Why the cockpit could not be started; stays on the screen."""
        self.palette: Mapping[str, Style] = {}
        self.spelling = glyphs.ascii_only if ascii_only else glyphs.as_it_is
        """What is drawn of a text."""
        self._mouse = mouse
        self.animation_level = "none"
        self._pause = autopilot
        self._back = back
        self.views = tuple(views)
        """The actions on the view."""
        self._bell = bell
        self._alarm: Alarm | None = None
        self._copies = copies
        self.keyboard = Keyboard(self)
        self._noticed = (self.shown.clock.monotonic(), "")
        self._drawn = float("-inf")
        self._due = NEVER
        self._timer: Timer | None = None
        self._moment: datetime | None = None
        self.leaving = False
        self._failed_panes: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.page = ""
        """The page that is being read: `help`, `advice` or none."""
        self._colour(colours)

    # --- What the panes draw from -----------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """All that is known now."""
        return self.shown.state

    @property
    def rules(self) -> Rules:
        """By what the panes draw: it is in State too."""
        from migration_cockpit.app.panes.frame import Rules

        said = self.state.rules
        if self._rules is None or self._rules[0] is not said:
            self._rules = (said, replace(Rules.of(self.state), recorded=self.shown.track is not None))
        return self._rules[1]

    @property
    def now(self) -> datetime:
        """UTC; one moment for all that is drawn in a frame."""
        return self._moment or self.shown.clock.now()

    @property
    def write_error(self) -> str:
        """Why the journal cannot be written; empty when it can."""
        return self.shown.write_error

    @property
    def notice(self) -> str:
        """What must be said to the operator now."""
        if self.write_error:
            return f"the journal cannot be written, no step runs: {self.write_error}"
        return self.trouble or self.desk.standing or self._noticed[1] or self.desk.offer

    def guarded(self, name: str, view: Callable[[], View]) -> View:
        """A pane's view; where drawing it fails, that is an event and the other panes go on."""
        try:
            return view()
        except Exception as error:  # noqa: BLE001 - the boundary: one pane's defect must not end the screen
            if name not in self._failed_panes:
                self._failed_panes.add(name)
                self.call_later(self.failed, f"the pane {name} cannot be drawn", error)
            return broken(name, crash.cleaned(f"{type(error).__name__}: {error}"))

    def _colour(self, name: str | None) -> None:
        """Choose colours for the terminal: none, its own sixteen, or ours."""
        system = self.console.color_system
        self.palette, themed = theme.chosen(name, system, coloured=not self.no_color)
        if themed is not None:
            self.register_theme(themed)
        self.theme = themed.name if themed is not None else theme.OF_THE_TERMINAL

    # --- Life cycle ---------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        """The board."""
        return Board()

    @property
    def board(self) -> Board:
        """The main screen."""
        board = self.screen_stack[0]
        assert isinstance(board, Board)
        return board

    def on_mount(self) -> None:
        """Paint; what costs time starts after the first paint."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        # A recording that is moved through is drawn as it moves.
        self.shown.listen(lambda: self.draw_soon(self.EVERY if self.shown.track is None else FRAME))
        self.desk.listeners.append(self._desk_changed)
        self.set_interval(self.EVERY, self._tick)
        self.set_interval(GIVE_BACK, give_back)
        self.call_after_refresh(self.spawn, self._start)

    def on_unmount(self) -> None:
        """Give the signals back."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def spawn(self, work: Callable[[], Any]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work(), name=work.__name__.strip("_"))
        self._tasks.add(task)
        task.add_done_callback(self._spawned)
        return task

    def _spawned(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.failed(f"{task.get_name()} failed", error)

    async def _start(self) -> None:
        from migration_cockpit.advice.phase import AFTER, phase

        painted()
        # On a thread: what draws a session takes a while to load, and the screen answers meanwhile.
        await asyncio.to_thread(import_module, "migration_cockpit.app.panes.drawn")
        try:
            await self.shown.start()
        except Exception as error:  # noqa: BLE001 - the boundary: said on the screen, where the operator looks
            self.trouble = crash.cleaned(f"the session cannot be started: {error}")
            self.draw()
            return
        gc.collect()  # what was loaded since the first paint has left some behind, which no later look would find soon
        self.desk.welcome()
        live = self._pause is None and self.shown.track is None
        if live and self.desk.where == "screen" and phase(self.state, self.shown.clock.now()) == AFTER:
            self.read("days")
        if self._pause is not None:
            self.spawn(self._autopilot)

    async def _autopilot(self) -> None:
        from migration_cockpit.cockpit.autopilot import WATCHED, GoBack, fly
        from migration_cockpit.cockpit.desk import Desk

        assert self._pause is not None
        assert isinstance(self.desk, Desk)
        order = GoBack(*self._back) if self._back else None
        why = await fly(self.desk, self.press, self.write, pause=self._pause, back=order, patience=WATCHED)
        over = "the way back is flown" if self.state.rollback else "every step is flown"
        self.tell(f"autopilot: {why or over}")

    def _signalled(self, number: int) -> None:
        self.leave(signal.Signals(number).name, signal_number=number)

    def leave(self, reason: str, *, signal_number: int = 0) -> None:
        """End the app: close the journal, stop nothing in the cluster."""
        if self.leaving:
            return
        self.leaving = True
        self.desk.close_dialog()  # a countdown must not fire while the journal is being closed
        self.ended_by = signal_number
        self.tell(f"{reason}: the journal is being closed; nothing in the cluster stops")
        leaving = asyncio.create_task(self._leave(reason))
        leaving.add_done_callback(lambda _: self.exit())

    async def _leave(self, reason: str) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(STOPPING):
                await self.shown.stop(reason)
        except TimeoutError:
            self.log.warning("the cockpit did not stop in time")

    def _fatal_error(self) -> None:
        """Textual's own would print the locals of every frame, secrets among them."""
        from rich.text import Text

        self.panic(Text(crash.told(), overflow="fold"))

    # --- Drawing ------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw what changed on the screen that is seen."""
        self._due = NEVER
        if self._timer is not None:
            self._timer.stop()  # else it would draw what comes from now on sooner than it is due
            self._timer = None
        if not self.screen_stack:  # the app is ending
            return
        self._drawn = self.shown.clock.monotonic()
        said, text = self._noticed
        if text and self._drawn - said > NOTICE:
            self._noticed = (self._drawn, "")
        self.desk.close_moot()
        if self._bell and self._rings():
            self.bell()
        screen = self.screen
        if isinstance(screen, Board | Dialog):
            self._moment = self.shown.clock.now()
            try:
                screen.redraw()
            finally:
                self._moment = None

    def _rings(self) -> bool:
        """Whether something must be seen that was not there before."""
        if self._alarm is None:
            from migration_cockpit.app.alarm import Alarm

            self._alarm = Alarm()
        return self._alarm.rings(self.state, self.now, self.rules)

    def _tick(self) -> None:
        """Clocks and ages go on where nothing happens; a frame that has just been drawn will do."""
        if self.shown.clock.monotonic() - self._drawn > self.EVERY / 2:
            self.draw()

    def draw_soon(self, every: float = FRAME) -> None:
        """Draw, but not sooner than `every` seconds after the last time: bursts of events are one frame."""
        due = max(self.shown.clock.monotonic() + 0.01, self._drawn + every)
        if due >= self._due or not self.is_running:
            return
        self._due = due
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(due - self.shown.clock.monotonic(), self._draw_due)

    def _draw_due(self) -> None:
        self._timer = None
        if self._due < NEVER:  # else it was drawn meanwhile
            self.draw()

    def tell(self, text: str) -> None:
        """Say something to the operator where the advice stands."""
        self._noticed = (self.shown.clock.monotonic(), text)
        self.draw_soon()

    def failed(self, what: str, error: Exception) -> None:
        """A failure that nothing below has turned into words: it is said and recorded, and the app goes on."""
        said = crash.cleaned(f"{what}: {type(error).__name__}: {error}")
        self.tell(said)
        self.shown.complain(said)

    def _desk_changed(self) -> None:
        self._noticed = (self.shown.clock.monotonic(), self.desk.notice)
        self.call_later(self._show_dialog)

    async def _show_dialog(self) -> None:
        """Bring the screens in line with the desk: the dialog that it has open, or none."""
        if not self.screen_stack:
            return
        wanted = self._wanted()
        if isinstance(self.screen, Dialog) and self.screen.about != wanted:
            await self.pop_screen()
        if not self.screen_stack:  # it ended meanwhile
            return
        if not wanted and self.desk.pane != self.board.looking.pane:  # another pane was gone to in the details
            self.board.look(Looking(self.desk.pane, self.board.looking.zoom))
        if wanted and not isinstance(self.screen, Dialog):
            await self.push_screen(dialog_for(wanted, self))
        self.draw()

    def _wanted(self) -> str:
        return self.desk.where if self.desk.where != "screen" else self.page

    # --- Keys ---------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Take keys and pastes before Textual's own bindings do; everything else is Textual's."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded and self.keyboard.takes(event):
            return
        await super().on_event(event)

    async def press(self, key: str) -> None:
        """Press a key as a person would, and wait until it has been dealt with."""
        event = PressedKey(key)
        self.post_message(event)
        await event.done.wait()

    async def write(self, text: str) -> None:
        """Type a text into the field of the open dialog."""
        screen = self.screen
        if isinstance(screen, Dialog):
            screen.write(text)

    def pressed(self) -> None:
        """The desk has dealt with a key: it may have been the one to leave."""
        if self.desk.quitting:
            self.desk.quitting = False
            self.leave("detached")

    # --- The view, as controls.Viewer moves it ------------------------------------------------------------------------

    def next_pane(self, step: int) -> None:
        """Select another pane."""
        looking = self.board.looking
        pane = self.desk.pane = PANES[(PANES.index(looking.pane) + step) % len(PANES)]
        self.board.look(Looking(pane, looking.zoom))

    def toggle_zoom(self) -> None:
        """The selected pane on the whole screen, and back."""
        if self.board.compact:
            self.tell("one pane at a time is shown already at this size; Tab shows the next")
            return
        self.board.look(Looking(self.board.looking.pane, not self.board.looking.zoom))

    def unzoom(self) -> None:
        """All panes again."""
        if self.board.looking.zoom:
            self.board.look(Looking(self.board.looking.pane))
        else:
            self.tell("nothing is open or zoomed: Esc has nothing to close")

    def read(self, page: str) -> None:
        """Open or close a page to read."""
        self.page = "" if self.page == page or self.desk.where != "screen" else page
        self.tell("")  # what was said of a key before is not said of the page
        self.call_later(self._show_dialog)

    def scroll_by(self, down: int = 0, right: int = 0, *, pages: bool = False) -> None:
        """Scroll the selected pane, or the open dialog."""
        panel = self._scrolled()
        if panel is None:
            return
        lines = down * max(1, panel.size.height - 3) if pages else down
        if not panel.scroll(lines, right):
            self.tell("there is nothing further that way")
        self.draw()

    def scroll_to_end(self, end: bool) -> None:
        """Scroll to the end, or to the beginning."""
        panel = self._scrolled()
        if panel is not None and not panel.to_end(end):
            self.tell(f"this is the {'end' if end else 'beginning'} already")

    def _scrolled(self) -> Panel | None:
        screen = self.screen
        return screen.scrolled if isinstance(screen, Board | Dialog) else None

    def copy(self) -> None:
        """Copy what is looked at: to the terminal's clipboard (OSC 52), and into the file for copies."""
        copy(self, self._copies)

    def run(self, **options: Any) -> None:
        """Run in the terminal. The mouse is left to it unless that is asked for, so that copying works in tmux."""
        super().run(**({"mouse": self._mouse} | options))
