"""The actions, those that the words typed leave on top, with their keys."""

from __future__ import annotations

from cockpit_widgets.spans import Line, fit, line
from migration_cockpit.app.controls import key_names
from migration_cockpit.app.dialogs.writing import Writing
from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.palette import found


class PaletteDialog(Writing):
    """One types until one action is left; Enter does what its key would."""

    asks = "Words of what it does:"

    def heading(self) -> str:
        """Its title."""
        return "actions"

    def text(self, width: int) -> list[Line]:
        """The whole table, so that the frame stands still while one types."""
        desk = self._cockpit_app.desk
        left = found(desk.controls, desk.typed)
        others = [row for row in found(desk.controls, "") if row not in left]
        only = len(left) == 1
        return [
            *(_row(row, width, "good-bold" if only else "bold", "bright" if only else "text") for row in left),
            *(_row(row, width, "dim", "dim") for row in others),
        ]


def _row(row: Control, width: int, strong: str, tone: str) -> Line:
    return fit(line((f" {key_names(row.keys[:1]):<4}", strong), (f"{row.label:<12}", strong), (row.help, tone)), width)
