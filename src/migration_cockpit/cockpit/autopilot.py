"""The autopilot of a rehearsal: presses the keys a person would, through the same table of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.cockpit.dialogs import DecisionDialog, ResumedDialog, SheetDialog

ANSWERS = {"drain": "abort"}
"""What the autopilot answers where the first choice is not the careful one; else it takes the first."""

LOOKS = 5
"""How often it looks again at gates that do not hold before it gives up: a reading may be a moment late."""


def next_key(desk: Desk) -> str | None:
    """The key a careful person would press now: "" to wait, None when there is nothing more to do."""
    state = desk.cockpit.state
    dialog = desk.dialog
    if isinstance(dialog, DecisionDialog):
        choices = dialog.event.choices
        asked = dialog.event.decision.split("-")[0]  # a question asked again has a number behind its name
        wanted = ANSWERS.get(asked, next(iter(choices)))
        return "enter" if dialog.choice == wanted else str(list(choices).index(wanted) + 1)
    if isinstance(dialog, SheetDialog):
        return None if dialog.sheet.failing else "enter"
    if isinstance(dialog, ResumedDialog) or state.decision is not None:
        return "enter"
    if state.running_step is not None:
        return ""
    due = state.next_step
    if due is None or due.outcome in {"failed", "aborted"}:
        return None
    return "enter"


async def fly(desk: Desk, press: Callable[[str], Awaitable[None]], *, pause: float) -> str:
    """Press keys until the flight is over; returns why it ended: "" when every step was flown.

    `pause` seconds lie between two keys, never less than the time in which a fresh dialog drops them.
    """
    refused = looks = 0
    while True:
        key = next_key(desk)
        if key is None and isinstance(desk.dialog, SheetDialog) and looks < LOOKS:
            key, looks = "r", looks + 1
        elif key is None:
            break
        elif not isinstance(desk.dialog, SheetDialog):
            looks = 0
        if key:
            await press(key)
            refused = refused + 1 if desk.notice and desk.where != "decision" else 0
            if refused >= 3:
                return desk.notice
        await desk.cockpit.clock.sleep(max(pause, DEAF * 1.05) if desk.where != "screen" else pause)
    if isinstance(desk.dialog, SheetDialog):
        sheet = desk.dialog.sheet
        failing = "; ".join(f"{gate.name}: {gate.found}" for gate in sheet.failing)
        return f"gates of step {sheet.step} do not hold: {failing}"
    due = desk.cockpit.state.next_step
    return f"step {due.id} {due.outcome}: {due.why}" if due is not None else ""
