"""The guided pages at the desk: a family of failures is chosen by its number, its evidence gathered and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk
    from migration_cockpit.cockpit.keys import Keys

FAMILIES = ("migration", "dags", "consumers", "ui")
"""By their numbers, from 1 on; a test holds them to the playbook's."""


class GuideDialog(OpenDialog):
    """The families, and the page of the chosen one."""

    place = "guide"

    def __init__(self, family: str = "") -> None:
        super().__init__()
        self.family = family
        """Empty while none is chosen."""


async def _open(desk: Keys) -> None:
    desk.open(GuideDialog())


def _choose(number: int) -> Act:
    async def act(desk: Keys) -> None:
        family = FAMILIES[number]
        cockpit = getattr(desk, "cockpit", None)  # a replay has none: it shows what was gathered then
        if cockpit is not None and not cockpit.not_driving and not cockpit.guiding.gather(family):
            raise Refused("evidence is being gathered: press it again when that is over")
        desk.open(GuideDialog(family))

    return act


async def _again(desk: Desk) -> None:
    dialog = desk.dialog
    assert isinstance(dialog, GuideDialog)
    if not dialog.family:
        raise Refused("choose a page first, by its number")
    if not desk.cockpit.guiding.gather(dialog.family):
        raise Refused("evidence is being gathered already")
    desk.notice = "gathering it again"


OPEN = Control(
    "guide", ("g",), "guide", "it fails: what to look at, with the evidence", "screen", _open, False, observer=True
)
READING = (
    *(
        Control(f"answer-page-{n + 1}", (str(n + 1),), "page", f"gather for {name}", "guide", _choose(n), observer=True)
        for n, name in enumerate(FAMILIES)
    ),
    Control("leave-guide", ("escape", "g"), "back", "close it", "guide", close),
)
"""What can be done wherever the pages are shown, in a replay too."""
CONTROLS = (Control("gather-again", ("r",), "again", "gather the evidence again", "guide", _again),)
