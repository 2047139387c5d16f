"""What all dialogs share: header, the timeline and what to do now in a row, a frame with a text that scrolls, a field
where one is needed, the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from cockpit_widgets.panel import Panel, Source, View
from cockpit_widgets.spans import Line, fit, line, wrap
from cockpit_widgets.tiles import Rect, TiledScreen
from migration_cockpit.app.controls import footer_entries
from migration_cockpit.app.panes import header
from migration_cockpit.app.panes.footer import apart, whole

if TYPE_CHECKING:
    from textual.widgets import Input

    from cockpit_widgets.typein import TypeIn
    from migration_cockpit.app.app import CockpitApp
    from migration_cockpit.cockpit.cockpit import Cockpit
    from migration_cockpit.cockpit.desk import Desk

WIDEST = 120
VITAL = frozenset({"Esc", "Enter", "?"})
"""Keys that stand below every dialog, however narrow."""
AROUND = 3
"""Cells that a key takes here beside its words: it stands on a ground of its own."""
MORE = ("?", "all keys")
HIGH = 30
"""Rows from which there is room for two rows of notice, said or not."""


class Dialog(TiledScreen):
    """Stands on its own ground: nothing shines through, nothing beneath costs bytes while it is open."""

    tone = "border-focus"
    widest = WIDEST
    """Cells that it takes at most."""
    asks = ""
    """What the field is for; empty for a dialog without one."""

    def __init__(self, about: str, app: CockpitApp) -> None:
        super().__init__()
        self.about = about
        self._cockpit_app = app
        self._parts: dict[str, Panel] = {}
        self._field: TypeIn | None = None

    # --- What a dialog says of itself --------------------------------------------------------------------------------

    def heading(self) -> str:
        """Its title."""
        raise NotImplementedError

    def text(self, width: int) -> list[Line]:
        """Its text, in lines of at most `width`."""
        raise NotImplementedError

    def body(self, width: int, height: int) -> View:
        """What of its text is drawn: all, which scrolls."""
        return View(tuple(self.text(width)))

    def copied(self, width: int) -> Sequence[Line]:
        """What is copied of it."""
        return self._parts["body"].view.lines

    def wants_field(self) -> bool:
        """Whether the field is to be seen now."""
        return bool(self.asks)

    def make_field(self) -> TypeIn:
        """The field; its text is the desk's."""
        from cockpit_widgets.typein import TypeIn  # not before it is needed: the first paint comes sooner

        return TypeIn("", deaf=lambda: self._cockpit_app.desk.deaf, id="field")

    def frame_tone(self) -> str:
        """Tone of the frame."""
        return self.tone

    # --- Building ----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Header, frame, text, notice, keys; the field on top of the frame."""
        app = self._cockpit_app
        sources: dict[str, Source] = {
            "header": lambda w, h: header.view(app.state, app.now, w, h, app.shown.mark),
            "strip": lambda w, _h: View((self._strip(w),)),
            "frame": lambda _w, _h: View((), line((self.heading(), "title")), self._position(), self.frame_tone()),
            "body": self.body,
            "label": lambda w, _h: View(tuple(line((each, "careful-bold")) for each in wrap(self.asks, w)[:1])),
            "notice": lambda w, h: View(tuple(self._notice(w)[:h])),
            "keys": lambda w, _h: View((self._keys(w),)),
        }
        for name, source in sources.items():
            guarded = self._guard(name, source)
            framed = name == "frame"
            self._parts[name] = Panel(guarded, app.palette, framed=framed, spelling=app.spelling, id=name)
            yield self._parts[name]
        if self.asks:
            self._field = self.make_field()
            if app.desk.typed:  # a draft: the cursor stands behind it
                self._field.value = app.desk.typed
                self._field.cursor_position = len(app.desk.typed)
            yield self._field

    @property
    def desk(self) -> Desk:
        """The desk of the flight: only a flight's own dialogs ask for more than any table of keys has."""
        from migration_cockpit.cockpit.desk import Desk

        desk = self._cockpit_app.desk
        assert isinstance(desk, Desk)
        return desk

    @property
    def cockpit(self) -> Cockpit:
        """The flight."""
        return self.desk.cockpit

    def _guard(self, name: str, source: Source) -> Source:
        return lambda w, h: self._cockpit_app.guarded(f"{self.about} {name}", lambda: source(w, h))

    def on_mount(self) -> None:
        """Draw at once."""
        self.redraw()

    def tiles(self, width: int, height: int) -> dict[str, Rect]:
        """Centred, as wide as reads well, as high as its text needs or the screen has."""
        wide = min(self.widest, width)
        x = (width - wide) // 2
        inner = wide - 4
        field = 0 if not self.wants_field() else 3 if height >= HIGH else 2 if height >= 18 else 1
        told = 2 if height >= HIGH else max(1, len(self._notice(inner)))
        room = height - 2 - 2 - told - field - 1
        high = max(3, min(room, len(self.text(inner))))
        whole = high + told + field + 3
        top = 2 + max(0, (height - 2 - whole) // 3)
        plan: dict[str, Rect] = {
            "header": (0, 0, width, 1),
            "strip": (0, 1, width, 1),
            "frame": (x, top, wide, whole),
            "body": (x + 2, top + 1, inner, high),
        }
        y = top + 1 + high
        if field > 1:
            plan["label"] = (x + 2, y + field - 2, inner, 1)
        if field:
            plan["field"] = (x + 2, y + field - 1, inner, 1)
        return plan | {"notice": (x + 2, y + field, inner, told), "keys": (x + 2, y + field + told, inner, 1)}

    def _strip(self, width: int) -> Line:
        """Where the flight stands and what to do now: a question may be asked while one reads here."""
        from migration_cockpit.app.panes import strip  # with the first dialog, after the first paint

        app = self._cockpit_app
        return strip.line_of(app.state, app.now, width, app.rules)

    def _position(self) -> Line:
        """How much of the text is seen, and that one can scroll, where it is not all."""
        body = self._parts["body"]
        return line(("↑↓ ", "bold"), (body.place, "text")) if body.place else ()

    def _notice(self, width: int) -> list[Line]:
        said = self._cockpit_app.notice
        if not said:
            return []
        return [line(("▲ ", "careful-bold"), (text, "careful-bold")) for text in wrap(said, width - 2)[:2]]

    def _keys(self, width: int) -> Line:
        """All keys, closer to each other where there is little room; where some have none, ? shows them."""
        entries = self.key_entries()
        gap = next((gap for gap in (3, 2, 1) if whole(entries, width, around=AROUND, gap=gap) == entries), 0)
        if not gap:
            gap, entries = 1, whole([*entries, MORE], width, VITAL)
        parts = [line((f" {keys} ", "badge-plain"), (f" {label}", "text")) for keys, label in entries]
        return fit(apart(parts, (" " * gap, "text")), width)

    def key_entries(self) -> list[tuple[str, str]]:
        """(keys, label) of what can be done here; the way back stands first."""
        entries = [entry for entry in footer_entries(self.about, self._cockpit_app.desk.controls) if entry[1] != "help"]
        entries.sort(key=lambda entry: entry[0] != "Esc")
        if self.wants_field():
            entries.append(("Tab", "out" if self.typing else "type"))
        return entries

    # --- Living -----------------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw what changed; make room where the text or the field came or went."""
        self.replan()
        for panel in self._parts.values():
            panel.redraw()

    @property
    def scrolled(self) -> Panel:
        """What arrow keys move."""
        return self._parts["body"]

    @property
    def typing(self) -> bool:
        """Whether keys go into the field."""
        return self._field is not None and self.focused is self._field

    def toggle_typing(self) -> bool:
        """Into the field, or out of it; False when there is none now."""
        if self._field is None or not self.wants_field():
            return False
        self.set_focus(None if self.typing else self._field)
        self.redraw()
        return True

    def write(self, text: str) -> None:
        """Put a text into the field, as if it had been typed."""
        if self._field is not None:
            self._field.value = text

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed belongs to the desk."""
        self._cockpit_app.desk.type(event.value)
