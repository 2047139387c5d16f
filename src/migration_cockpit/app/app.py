"""The Textual app: it paints first, then starts the cockpit, draws its State, and takes its keys to the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.style import Style
from textual import events
from textual.app import App
from textual.screen import Screen

from cockpit_widgets import glyphs
from cockpit_widgets.panel import View
from migration_cockpit import crash
from migration_cockpit.app import give_back, theme
from migration_cockpit.app.board import Board, broken
from migration_cockpit.app.controls import VIEW_CONTROLS, ViewControl
from migration_cockpit.app.dialogs import Dialog, dialog_for
from migration_cockpit.app.frames import FRAME, Frames
from migration_cockpit.app.keyboard import Keyboard, PressedKey
from migration_cockpit.app.life import Life
from migration_cockpit.app.plan import Looking
from migration_cockpit.app.viewing import Viewing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from migration_cockpit.app.alarm import Alarm
    from migration_cockpit.app.panes.frame import Rules
    from migration_cockpit.cockpit.dialogs import OpenDialog
    from migration_cockpit.cockpit.keys import Keys
    from migration_cockpit.cockpit.shown import Shown
    from migration_cockpit.session.state import State

NOTICE = 12.0
"""Seconds for which a notice stays, unless the next key comes first."""
GIVE_BACK = 20.0
"""Seconds between two times that free memory is given back."""


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
        self.palette: Mapping[str, Style] = {}
        self.spelling = glyphs.ascii_only if ascii_only else glyphs.as_it_is
        """What is drawn of a text."""
        self._mouse = mouse
        self.animation_level = "none"
        self.life = Life(self, autopilot=autopilot, back=back)
        self.viewing = Viewing(self, copies)
        self.frames = Frames(self)
        self.views = tuple(views)
        """The actions on the view."""
        self._bell = bell
        self._alarm: Alarm | None = None
        self.keyboard = Keyboard(self)
        self._noticed = (self.shown.clock.monotonic(), "")
        self._moment: datetime | None = None
        self._failed_panes: set[str] = set()
        self._beneath: OpenDialog | None = None
        """The dialog over which the page was opened."""
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
        return self.life.trouble or self.desk.standing or self._noticed[1] or self.desk.offer

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
        wanted = themed.name if themed is not None else theme.OF_THE_TERMINAL
        self._dressed = self.theme != wanted
        self.theme = wanted
        self.stylesheet.set_variables(self.get_css_variables())

    def refresh_css(self, animate: bool = True) -> None:
        """As Textual's, but a theme that was chosen before the start is in the style sheet's first reading already."""
        if self._dressed:
            self._dressed = False
        else:
            super().refresh_css(animate)

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
        self.life.take_signals()
        # A recording that is moved through is drawn as it moves.
        self.shown.listen(lambda: self.draw_soon(self.EVERY if self.shown.track is None else FRAME))
        self.desk.listeners.append(self._desk_changed)
        self.set_interval(self.EVERY, self.frames.tick)
        self.set_interval(GIVE_BACK, give_back)
        self.call_after_refresh(self.life.spawn, self._start)

    async def _start(self) -> None:
        await self.life.start()

    def on_unmount(self) -> None:
        """Give the signals back."""
        self.life.give_signals()

    @property
    def ended_by(self) -> int:
        """Number of the signal that ended the app, 0 for none."""
        return self.life.ended_by

    @property
    def trouble(self) -> str:
        """Why the cockpit could not be started; stays on the screen."""
        return self.life.trouble

    def _fatal_error(self) -> None:
        """Textual's own would print the locals of every frame, secrets among them."""
        from rich.text import Text

        self.panic(Text(crash.told(), overflow="fold"))

    # --- Drawing ------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw what changed on the screen that is seen."""
        if not self.screen_stack:  # the app is ending
            return
        now = self.frames.drawn()
        said, text = self._noticed
        if text and now - said > NOTICE:
            self._noticed = (now, "")
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

    def draw_soon(self, every: float = FRAME) -> None:
        """Draw, but not sooner than `every` seconds after the last time: bursts of events are one frame."""
        self.frames.soon(every)

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
        if self.desk.dialog is not self._beneath:  # what a key has opened meanwhile is what is looked at
            self.page = ""
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
        return self.page or ("" if self.desk.where == "screen" else self.desk.where)

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
            self.life.leave("detached")

    def read(self, page: str) -> None:
        """Open or close a page to read."""
        dialog = self.desk.dialog
        if dialog is not None and dialog.counts:
            self.tell("it counts down: Esc stops it")
            return
        if self.page and dialog is not None:
            self.desk.seen_again()
        # Over a dialog only the keys are read: the rest would hide what is asked.
        may = dialog is None or page == "help"
        self.page, self._beneath = page if may and self.page != page else "", dialog
        self.tell("")  # what was said of a key before is not said of the page
        self.call_later(self._show_dialog)

    def run(self, **options: Any) -> None:
        """Run in the terminal. The mouse is left to it unless that is asked for, so that copying works in tmux."""
        super().run(**({"mouse": self._mouse} | options))
