"""A pane full-screen: its rows, one of them selected, filtered and sorted; and what stands behind one row.

Nothing here changes the world. A pod's events and log are read through the sources and come back as events; where that
cannot be (a replay, a watch), what was recorded is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from migration_cockpit.cockpit.about import PANES
from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.details import Row, Table, arranged, table_of
from migration_cockpit.cockpit.details.tables import LOAD, WARNING
from migration_cockpit.cockpit.dialogs.base import OpenDialog
from migration_cockpit.cockpit.keys import Keys
from migration_cockpit.playbook.sheet import Refused

PAGE = 10
"""Rows by which PgUp and PgDn move."""
FRESH = timedelta(seconds=5)
"""What was read of a pod so recently is not read again when it is opened."""


@dataclass
class Looking:
    """Which rows are looked at, and how. Kept while one goes down into a row and back."""

    pane: str
    words: str = ""
    column: int = -1
    """By which column the rows are sorted; -1 for the pane's own order."""
    down: bool = False
    key: str | None = None
    """The selected row; None for where one begins."""
    at: int = 0
    """Where it stood last: the row there takes its place when it is gone."""


class Details(OpenDialog):
    """What the dialogs here share: it is quiet, for a key that is pressed too soon does no harm."""

    quiet: ClassVar[bool] = True

    def __init__(self, looking: Looking) -> None:
        super().__init__()
        self.looking = looking

    def table(self, desk: Keys) -> Table:
        """All rows of the pane."""
        return table_of(self.looking.pane, desk.shown.state, desk.shown.clock.now())

    def rows(self, table: Table) -> Sequence[Row]:
        """The rows that are left, as they are sorted."""
        looking = self.looking
        return arranged(table, looking.words, looking.column, down=looking.down)

    def selected(self, table: Table, rows: Sequence[Row]) -> int:
        """Which of the rows is selected; -1 where there are none."""
        looking = self.looking
        if not rows:
            return -1
        if looking.key is None:
            return len(rows) - 1 if table.newest_last and looking.column < 0 else 0
        found = next((n for n, row in enumerate(rows) if row.key == looking.key), None)
        return min(looking.at, len(rows) - 1) if found is None else found


class RowsDialog(Details):
    """The rows of a pane."""

    place = "rows"

    async def confirm(self, desk: Any) -> None:
        """Open the selected row. Raises Refused where there is none."""
        table = self.table(desk)
        rows = self.rows(table)
        at = self.selected(table, rows)
        if at < 0:
            raise Refused(f"there is no {table.what} to open" + (": the filter leaves none" if table.rows else ""))
        self.looking.key, self.looking.at = rows[at].key, at
        desk.open(RowDialog(self.looking, rows[at].key))
        read_pod(desk, again=False)


class FilterDialog(RowsDialog):
    """The rows, while one types what they must hold."""

    place = "rows-filter"

    def __init__(self, looking: Looking) -> None:
        words, key = looking.words, looking.key
        self._looking = looking
        super().__init__(looking)
        looking.words, looking.key = words, key

    @property
    def typed(self) -> str:
        """What stands in the field is the filter: the rows follow each key."""
        return self._looking.words

    @typed.setter
    def typed(self, text: str) -> None:
        if self._looking.words != text:
            self._looking.words = text
            self._looking.key = None

    async def confirm(self, desk: Any) -> None:
        """Keep the filter and go back to the rows."""
        desk.open(RowsDialog(self.looking))


class RowDialog(Details):
    """What stands behind one row."""

    place = "row"

    def __init__(self, looking: Looking, key: str) -> None:
        super().__init__(looking)
        self.key = key


class AboutDialog(Details):
    """What the pane shows, from where, and what is normal."""

    place = "about-pane"


def read_pod(desk: Keys, *, again: bool) -> str:
    """Have a pod's events and log read where the open row is a pod; returns why they cannot be, or ""."""
    dialog = desk.dialog
    if not isinstance(dialog, RowDialog) or dialog.looking.pane != "pods" or dialog.key.startswith((LOAD, WARNING)):
        return "there is nothing to read anew here: it is read all the time"
    known = desk.shown.state.looks.get(dialog.key)
    now = desk.shown.clock.now()
    if known is not None and not again and known.read is not None and now - known.read < FRESH:
        return ""
    return desk.shown.look_at(dialog.key)


# --- What the keys do ---------------------------------------------------------------------------------------------


async def _open(desk: Keys) -> None:
    desk.open(RowsDialog(Looking(desk.pane)))


def _rows(desk: Keys) -> RowsDialog:
    assert isinstance(desk.dialog, RowsDialog)
    return desk.dialog


def _moves(by: int) -> Act:
    async def act(desk: Keys) -> None:
        dialog = _rows(desk)
        table = dialog.table(desk)
        rows = dialog.rows(table)
        at = dialog.selected(table, rows)
        wanted = max(0, min(len(rows) - 1, at + by))
        if at < 0:
            raise Refused(f"there is no {table.what}" + (" that the filter leaves" if table.rows else " yet"))
        if wanted == at:
            raise Refused(f"this is the {'last' if by > 0 else 'first'} {table.what}")
        dialog.looking.key, dialog.looking.at = rows[wanted].key, wanted
        if table.newest_last and dialog.looking.column < 0 and wanted == len(rows) - 1:
            dialog.looking.key = None  # at the end one follows what comes

    return act


def _sorts(by: int) -> Act:
    async def act(desk: Keys) -> None:
        dialog = _rows(desk)
        looking, columns = dialog.looking, dialog.table(desk).columns
        looking.column = (looking.column + 1 + by) % (len(columns) + 1) - 1
        looking.down = False
        name = columns[looking.column].name if looking.column >= 0 else ""
        desk.notice = f"sorted by {name}; S turns it round" if name else "sorted as the pane sorts"

    return act


async def _turns(desk: Keys) -> None:
    dialog = _rows(desk)
    if dialog.looking.column < 0:
        raise Refused("the rows stand as the pane sorts them: s sorts by a column first")
    dialog.looking.down = not dialog.looking.down


def _pane(by: int) -> Act:
    async def act(desk: Keys) -> None:
        names = list(PANES)
        desk.pane = names[(names.index(desk.pane) + by) % len(names)]
        desk.open(RowsDialog(Looking(desk.pane)))

    return act


async def _filter(desk: Keys) -> None:
    desk.open(FilterDialog(_rows(desk).looking))


async def _drop_filter(desk: Keys) -> None:
    dialog = desk.dialog
    assert isinstance(dialog, FilterDialog)
    dialog.typed = ""
    desk.open(RowsDialog(dialog.looking))


async def _confirm(desk: Keys) -> None:
    await _rows(desk).confirm(desk)


async def _leave(desk: Keys) -> None:
    """One level back: from a filter to all rows, from the rows to the screen."""
    dialog = _rows(desk)
    if dialog.looking.words:
        dialog.looking.words = ""
        desk.notice = "all rows again"
        return
    desk.close_dialog()


async def _back(desk: Keys) -> None:
    dialog = desk.dialog
    assert isinstance(dialog, Details)
    desk.open(RowsDialog(dialog.looking))


def _next(by: int) -> Act:
    """The row after or before the one that is open, as the rows are sorted and filtered."""

    async def act(desk: Keys) -> None:
        dialog = desk.dialog
        assert isinstance(dialog, RowDialog)
        table = dialog.table(desk)
        rows = dialog.rows(table)
        at = dialog.selected(table, rows)
        if not 0 <= at + by < len(rows):
            raise Refused(f"this is the {'last' if by > 0 else 'first'} {table.what}")
        dialog.looking.key, dialog.looking.at = rows[at + by].key, at + by
        desk.open(RowDialog(dialog.looking, rows[at + by].key))
        read_pod(desk, again=False)

    return act


async def _read(desk: Keys) -> None:
    if why := read_pod(desk, again=True):
        raise Refused(why)
    desk.notice = "read anew; it comes within 8 seconds, or says why not"


async def _about(desk: Keys) -> None:
    dialog = desk.dialog
    assert isinstance(dialog, Details)
    desk.open(AboutDialog(dialog.looking))


OPEN = Control(
    "details",
    ("d",),
    "details",
    "the selected pane full-screen: its rows to select, filter, sort and open",
    "screen",
    _open,
    observer=True,
)


def _row(id_: str, keys: tuple[str, ...], label: str, help_: str, act: Act, *, footer: bool = False) -> Control:
    return Control(id_, keys, label, help_, "rows", act, footer=footer, observer=True)


def _at(place: str, id_: str, keys: tuple[str, ...], label: str, help_: str, act: Act) -> Control:
    return Control(id_, keys, label, help_, place, act, observer=True)


CONTROLS = (
    _row("row-open", ("enter",), "open", "what stands behind the selected row", _confirm, footer=True),
    _row("row-up", ("up", "k"), "row", "the row above", _moves(-1)),
    _row("row-down", ("down", "j"), "row", "the row below", _moves(1)),
    _row("row-page-up", ("pageup",), "rows", "ten rows up", _moves(-PAGE)),
    _row("row-page-down", ("pagedown", "space"), "rows", "ten rows down", _moves(PAGE)),
    _row("row-first", ("home",), "first", "the first row", _moves(-1_000_000)),
    _row("row-last", ("end",), "last", "the last row; the log follows what comes", _moves(1_000_000)),
    _row("row-filter", ("slash",), "filter", "show the rows only that hold the words typed", _filter, footer=True),
    _row("row-sort", ("s",), "sort", "sort by the next column, and at last as the pane does", _sorts(1), footer=True),
    _row("row-turn", ("S",), "turn", "turn the order round", _turns, footer=True),
    _row("row-pane", ("tab",), "next pane", "the rows of the next pane", _pane(1), footer=True),
    _row("row-pane-back", ("shift+tab",), "pane back", "the rows of the pane before", _pane(-1)),
    _row("row-about", ("question_mark",), "what is this", "what it shows, and what is normal", _about, footer=True),
    _row("row-back", ("escape", "q"), "back", "all rows where they are filtered, else all panes", _leave, footer=True),
    _at("rows-filter", "keep-filter", ("enter",), "keep it", "keep the filter and go to the rows", _confirm),
    _at("rows-filter", "drop-filter", ("escape",), "back", "drop the filter", _drop_filter),
    _at("row", "detail-read", ("r",), "read anew", "read a pod's events and log again", _read),
    _at("row", "detail-next", ("n",), "next", "open the next row", _next(1)),
    _at("row", "detail-previous", ("p",), "previous", "open the row before", _next(-1)),
    _at("row", "detail-about", ("question_mark",), "what is this", "what this pane shows", _about),
    _at("row", "detail-back", ("escape", "q"), "back", "back to the rows", _back),
    _at("about-pane", "about-back", ("escape", "q", "question_mark"), "back", "back to the rows", _back),
)  # fmt: skip
"""A pane full-screen, a row of it, and what the pane is."""
