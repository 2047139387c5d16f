"""The footer: what the keys do here, out of the tables of actions."""

from __future__ import annotations

from collections.abc import Container, Sequence

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, Span, fit, line
from cockpit_widgets.spans import width as cells
from migration_cockpit.app.controls import LEAVING, footer_entries
from migration_cockpit.cockpit.control import Control

Entry = tuple[str, str]
"""Keys, and what they do."""


def view(where: str, width: int, controls: Sequence[Control], *, without: tuple[str, ...] = ()) -> View:
    """As many keys as there is room for, the ways back, out and to help in any case; the help has the rest.

    `without` names labels that mean nothing here.
    """
    entries = [entry for entry in footer_entries(where, controls) if entry[1] not in without]
    return View((keys_row(whole(entries, width, {"help", "rollback", *LEAVING}), width),))


def keys_row(entries: Sequence[Entry], width: int) -> Line:
    """The row itself, on the bar's ground."""
    parts = [line((f" {keys} ", "key"), (label, "bar-dim")) for keys, label in entries]
    return fit(apart(parts, ("  ", "bar-dim")), width, tone="bar")


def apart(parts: Sequence[Line], gap: Span) -> Line:
    """The parts in a row, a gap between each two."""
    return line(*(each for part in parts for each in (gap, part)))[1:]


def whole(
    entries: Sequence[Entry], width: int, vital: Container[str] = (), *, around: int = 2, gap: int = 2
) -> list[Entry]:
    """The entries that stand in so many cells as whole words, in their order: those with a vital label or key first,
    then as many of the others as there is room for, the first ones first.

    `around` is what a key takes beside its words, `gap` what stands between two keys, both in cells.
    """
    size = {entry: cells(((entry[0] + entry[1], ""),)) + around + gap for entry in entries}
    room, shown = width + gap, set()
    for entry in sorted(entries, key=lambda each: each[0] not in vital and each[1] not in vital):
        if size[entry] <= room:
            shown.add(entry)
            room -= size[entry]
    return [entry for entry in entries if entry in shown]
