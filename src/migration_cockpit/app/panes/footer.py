"""The footer: what the keys do here, out of the tables of actions."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, line
from cockpit_widgets.spans import width as cells
from migration_cockpit.app.controls import LEAVING, footer_entries
from migration_cockpit.cockpit.control import Control


def view(where: str, width: int, controls: Sequence[Control], *, without: tuple[str, ...] = ()) -> View:
    """As many keys as there is room for, the ways back, out and to help in any case; the help has the rest.

    `without` names labels that mean nothing here.
    """
    entries = [entry for entry in footer_entries(where, controls) if entry[1] not in without]
    vital = [entry for entry in entries if entry[1] in {"help", "rollback", *LEAVING}]
    room = width - sum(_size(entry) for entry in vital)
    shown = []
    for entry in entries:
        if entry in vital:
            shown.append(entry)
        elif _size(entry) <= room:
            shown.append(entry)
            room -= _size(entry)
    row: Line = line(*(line((f" {keys} ", "key"), (f"{label}  ", "bar-dim")) for keys, label in shown))
    return View((fit(row, width, tone="bar"),))


def _size(entry: tuple[str, str]) -> int:
    return cells(((f" {entry[0]} {entry[1]}  ", ""),))
