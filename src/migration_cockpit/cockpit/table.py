"""The one table of actions that people, the autopilot, the footer, the help and the documentation of keys share.

Here stand the keys of the main screen; each dialog brings its own rows. What only changes the view (pane focus, zoom,
scrolling) belongs to the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import DETACH, Control
from migration_cockpit.cockpit.dialogs import (
    DecisionDialog,
    NoteDialog,
    blocker,
    decision,
    details,
    guide,
    helm,
    palette,
    postpone,
    prepare,
    resumed,
    rollback,
    sheet,
    under_way,
    update,
    window,
    writing,
)
from migration_cockpit.cockpit.dialogs.sheet import open_sheet, sheet_of
from migration_cockpit.cockpit.dialogs.writing import open_message, opens
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk

_STEP_KEYS = {
    "announce": "1",
    "pause": "2",
    "drain": "3",
    "helm": "4",
    "migrate": "5",
    "healthy": "6",
    "smoke": "7",
    "critical": "8",
    "rest": "9",
    "soak": "0",
    "success": "minus",
}


async def _open_next(desk: Desk) -> None:
    """Open what is due: the decision that is asked for, else the next step's sheet."""
    state = desk.cockpit.state
    if state.decision is not None:
        desk.open(DecisionDialog(state.decision.event))
        return
    step = state.next_step
    if step is None:
        raise Refused("every step is flown")
    await open_sheet(desk, step.id)


_SCREEN = (
    *(
        Control(
            f"step-{step}", (key,), "step", f"open the sheet of step {step}", "screen", sheet_of(step), footer=False
        )
        for step, key in _STEP_KEYS.items()
    ),
    Control(
        "next", ("enter",), "next step", "open what is due: a decision, or the next step's sheet", "screen", _open_next
    ),
    Control("note", ("n",), "note", "write a note into the timeline", "screen", opens(NoteDialog)),
    Control("message", ("m",), "message", "write a message to the channel", "screen", open_message),
    update.OPEN,
    window.OPEN,
    postpone.OPEN,
    prepare.OPEN,
    guide.OPEN,
    blocker.OPEN,
    rollback.OPEN,
    *helm.OPEN,
    details.OPEN,
    palette.OPEN,
    DETACH,
)

CONTROLS: tuple[Control, ...] = (
    *_SCREEN,
    *sheet.CONTROLS,
    *decision.CONTROLS,
    *resumed.CONTROLS,
    *window.CONTROLS,
    *postpone.CONTROLS,
    *prepare.READING,
    *prepare.CONTROLS,
    *guide.READING,
    *guide.CONTROLS,
    *blocker.CONTROLS,
    *rollback.CONTROLS,
    *under_way.CONTROLS,
    *helm.CONTROLS,
    *writing.CONTROLS,
    *details.CONTROLS,
    *palette.CONTROLS,
)
"""Every action; no key stands twice in one place."""
