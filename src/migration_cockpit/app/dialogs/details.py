"""A pane full-screen: its rows with one selected, and what stands behind a row."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, line, shorten, wrap
from cockpit_widgets.spans import row as table_row
from cockpit_widgets.tiles import Rect
from migration_cockpit.app.controls import footer_entries
from migration_cockpit.app.details import detail
from migration_cockpit.app.dialogs.base import VITAL, Dialog
from migration_cockpit.app.panes import frame
from migration_cockpit.app.panes.badges import SOURCES
from migration_cockpit.app.panes.footer import keys_row, whole
from migration_cockpit.app.words import plural
from migration_cockpit.cockpit.about import PANES
from migration_cockpit.cockpit.details import Column, Row, Table
from migration_cockpit.cockpit.dialogs.details import Details, Looking, RowDialog

SHAPE = (1, 2)
"""Cells before a row's first column: the mark of the selected one, and its glyph."""


class FullScreen(Dialog):
    """What these screens share: the frame takes the whole width; what the last key did nothing for stands above it."""

    _last = Details(Looking("timeline"))

    def tiles(self, width: int, height: int) -> dict[str, Rect]:
        """Header, the timeline with what to do now, frame with the text in it, a field where one types, keys."""
        field = 1 if self.wants_field() else 0
        plan: dict[str, Rect] = {
            "header": (0, 0, width, 1),
            "strip": (0, 1, width, 1),
            "frame": (0, 2, width, height - 3),
            "body": (2, 3, width - 4, height - 5 - field),
        }
        if field:
            plan["label"] = (2, height - 3, 8, 1)
            plan["field"] = (10, height - 3, width - 12, 1)
        return plan | {"keys": (0, height - 1, width, 1)}

    @property
    def details(self) -> Details:
        """The dialog of the desk that this draws. While it is being changed for another one, the one before."""
        dialog = self._cockpit_app.desk.dialog
        if isinstance(dialog, Details):
            self._last = dialog
        return self._last

    @property
    def pane(self) -> str:
        """Which pane it is of."""
        return self.details.looking.pane

    def frame_tone(self) -> str:
        """That of the pane: careful while its source fails."""
        tone = self._framed().tone
        return "border-focus" if tone == "border" else tone

    def _framed(self) -> View:
        """The pane's frame without its lines: how old its data is, or since when and why it is stale."""
        app, source = self._cockpit_app, SOURCES.get(self.pane)
        if source is None:
            return View()
        return frame.view(self.pane, [], app.state, app.now, app.rules, source=source, width=10_000)

    def _position(self) -> Line:
        """How old the data is; and how much of a long text is seen."""
        place = super()._position()
        foot = self._framed().foot
        return line(foot, (" · ", "dim"), place) if foot and place else foot or place

    def _strip(self, width: int) -> Line:
        """Why the last key did nothing, else the timeline and what to do now."""
        said = self._notice(width - 1)
        return line((" ", "text"), said[0]) if said else super()._strip(width)

    def _keys(self, width: int) -> Line:
        """As many keys as there is room for as whole words; ? has the rest."""
        entries = footer_entries(self.about, self._cockpit_app.desk.controls)
        useless = {"help"} if self.pane == "pods" else {"help", "read anew"}
        entries = [entry for entry in entries if entry[1] not in useless]
        entries.sort(key=lambda entry: entry[0] != "Esc")
        return keys_row(whole(entries, width, VITAL), width)


class RowsDialog(FullScreen):
    """The rows: j and k select, Enter opens, / filters, s sorts."""

    _top = 0

    def heading(self) -> str:
        """The pane, how many rows are left, and how they are sorted."""
        looking = self.details.looking
        table = self.details.table(self._cockpit_app.desk)
        rows = self.details.rows(table)
        total = (looking.words == "" and table.told) or plural(len(table.rows), table.what)
        parts = [self.pane, f"{len(rows)} of {total}" if looking.words else total]
        if looking.words:
            parts.append(f"filter: {looking.words}")
        if 0 <= looking.column < len(table.columns):
            parts.append(f"by {table.columns[looking.column].name}{', downwards' if looking.down else ''}")
        return " · ".join(parts)

    def text(self, width: int) -> list[Line]:
        """All rows, to be copied: the screen draws those only that are seen."""
        table = self.details.table(self._cockpit_app.desk)
        return [_head(table, width, -1, down=False), *(_row(each, table, width) for each in self.details.rows(table))]

    def body(self, width: int, height: int) -> View:
        """The head, and the rows around the selected one."""
        app, looking = self._cockpit_app, self.details.looking
        table = self.details.table(app.desk)
        rows = self.details.rows(table)
        if not rows:
            return View(tuple(self._none(table, width)))
        room, at = max(1, height - 1), self.details.selected(table, rows)
        self._top = max(0, min(self._top, at, len(rows) - room))
        self._top = max(self._top, at - room + 1)
        shown = rows[self._top : self._top + room]
        lines = [_head(table, width, looking.column, down=looking.down)]
        lines += [_row(each, table, width, selected=self._top + n == at) for n, each in enumerate(shown)]
        return View(tuple(lines))

    def _none(self, table: Table, width: int) -> list[Line]:
        looking, app = self.details.looking, self._cockpit_app
        if looking.words and table.rows:
            said = f"none of {plural(len(table.rows), table.what)} holds {looking.words!r}; Esc shows all of them"
            return [line((each, "careful")) for each in wrap(said, width)]
        source = SOURCES.get(self.pane)
        known = app.state.sources.get(source or "")
        if source is not None and (known is None or known.read is None):
            return frame.empty(app.state, source, f"its first {table.what}", width)
        return [line((f"there is no {table.what}", "dim"))]

    def copied(self, width: int) -> Sequence[Line]:
        """All of it."""
        return self.text(width)


class FilterDialog(RowsDialog):
    """The rows follow what is typed."""

    asks = "Filter:"

    def on_mount(self) -> None:
        """The cursor stands in the field at once."""
        super().on_mount()
        self.set_focus(self._field)


class OneRow(FullScreen):
    """What stands behind a row; it is drawn from State, so that it goes on while one reads."""

    def heading(self) -> str:
        """The pane, and what is open of it."""
        return f"{self.pane} · detail"

    def text(self, width: int) -> list[Line]:
        """All that is known of it."""
        app, open_row = self._cockpit_app, self.details
        if not isinstance(open_row, RowDialog):
            return []
        return detail(open_row.looking.pane, app.state, app.now, open_row.key, width, app.rules)


class AboutPane(FullScreen):
    """What the pane shows, where it comes from, what is normal; and its keys."""

    def heading(self) -> str:
        """Which pane."""
        return f"{self.pane} · what this is"

    def text(self, width: int) -> list[Line]:
        """The same words as in the documentation."""
        from migration_cockpit.app.dialogs.help import place_lines

        about = PANES[self.pane]
        lines: list[Line] = []
        for name, said in (
            ("Shows", about.shows),
            ("From", about.source),
            ("Normal", about.normal),
            ("Rows", about.rows),
        ):
            first, *rest = wrap(said, min(100, width - 10))
            lines += [line((f"{name:<10}", "bold"), (first, "text"))]
            lines += [line((" " * 10 + each, "text")) for each in rest]
        desk, views = self._cockpit_app.desk, self._cockpit_app.views
        return [*lines, (), *place_lines(("rows", "row"), desk.controls, views)]


# --- Rows ---------------------------------------------------------------------------------------------------------


def _columns(table: Table, width: int) -> list[tuple[int, Column, int]]:
    """The columns that there is room for: (place, column, cells); the one of width 0 takes what is left."""
    shown = [(n, each) for n, each in enumerate(table.columns) if width >= each.least]
    fixed = sum(abs(each.cells) for _, each in shown) + len(shown) - 1 + sum(SHAPE)
    return [(n, each, each.cells or max(8, width - fixed)) for n, each in shown]


def _head(table: Table, width: int, sorted_by: int, *, down: bool) -> Line:
    cells = []
    for n, column, size in _columns(table, width):
        arrow = ("↓" if down else "↑") if n == sorted_by else ""
        name = f"{arrow}{column.name}" if size < 0 else f"{column.name}{arrow}"
        cells.append((line((name, "bold" if arrow else "dim")), size))
    return line((" " * sum(SHAPE), "dim"), table_row(cells))


def _row(each: Row, table: Table, width: int, *, selected: bool = False) -> Line:
    """A row; the selected one in reverse, and with a mark where there are no colours."""
    tone = "badge-plain" if selected else each.tone
    cells = [
        (line((each.cells[n] if column.cells or column.prose else shorten(each.cells[n], abs(size)), tone)), size)
        for n, column, size in _columns(table, width)
    ]
    drawn = line((">" if selected else " ", tone), (f"{each.glyph} ", tone), table_row(cells))
    if not selected:
        return drawn
    return fit(line(("".join(text for text, _ in drawn), tone)), width, tone=tone)
