"""The autopilot of a rehearsal: presses the keys a person would, through the same table of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.cockpit.dialogs import DecisionDialog, ResumedDialog, SheetDialog
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.events import ROLLBACK
from migration_cockpit.session.state import State

ANSWERS = {"drain": "abort"}
"""What the autopilot answers where the first choice is not the careful one; else it takes the first."""

LOOKS = 5
"""How often it looks again at gates that do not hold before it gives up: a reading may be a moment late."""


@dataclass(frozen=True)
class GoBack:
    """An order to fly back once a step has ended, whatever its outcome, or where the flight cannot go on before it."""

    after: str
    """Id of the step."""
    by: str = ""
    """The way where the schema has moved; else, and where it is empty, the way that fits what the world shows."""
    reason: str = "the rehearsal was told to go back"

    def due(self, state: State) -> bool:
        """Whether the step has ended and nothing runs."""
        step = state.steps.get(self.after)
        return state.rollback is None and step is not None and bool(step.outcome) and state.running_step is None

    async def begin(self, desk: Desk) -> str:
        """Begin the way back; returns why that cannot be, or ""."""
        runner = desk.cockpit.runner
        seen = await runner.prospect()
        asked = seen.way(self.by) if self.by else None
        way = asked if asked is not None and (seen.seen.moved or not asked.refused) else seen.default
        if way is None:
            return "there is no way back: " + "; ".join(f"{each.title}: {each.refused}" for each in seen.ways)
        try:
            await runner.roll_back(way.id, "", desk.cockpit.operator, self.reason)
        except Refused as error:
            return str(error)
        return ""


def next_key(desk: Desk) -> str | None:
    """The key a careful person would press now: "" to wait, None when there is nothing more to do."""
    state = desk.cockpit.state
    dialog = desk.dialog
    if desk.cockpit.not_driving:
        return ""
    if isinstance(dialog, DecisionDialog):
        if dialog.event.step == ROLLBACK and not _left_open(state):
            return None
        choices = dialog.event.choices
        asked = dialog.event.decision.split("-")[0]  # a question asked again has a number behind its name
        wanted = ANSWERS.get(asked, next(iter(choices)))
        return "enter" if dialog.choice == wanted else str(list(choices).index(wanted) + 1)
    if isinstance(dialog, SheetDialog):
        return None if dialog.sheet.failing else "enter"
    if isinstance(dialog, ResumedDialog):
        return "enter"
    if dialog is not None:
        return ""  # a person is at something of their own
    if state.decision is not None:
        return None if state.decision.event.step == ROLLBACK and not _left_open(state) else "enter"
    if state.rollback is not None:
        return "" if state.rollback.active else None
    if state.running_step is not None:
        return ""
    due = state.next_step
    if due is None or due.outcome in {"failed", "aborted"}:
        return None
    return "enter"


def _left_open(state: State) -> bool:
    """Whether the question was asked of an earlier cockpit: whoever starts again wants the stage tried again, once."""
    return state.decision is not None and state.driver_since is not None and state.decision.asked < state.driver_since


async def fly(desk: Desk, press: Callable[[str], Awaitable[None]], *, pause: float, back: GoBack | None = None) -> str:
    """Press keys until the flight is over; returns why it ended: "" when every step was flown, or the way back was.

    `pause` seconds lie between two keys, never less than the time in which a fresh dialog drops them.
    """
    refused = looks = 0
    while True:
        key = next_key(desk)
        if back is not None and back.due(desk.cockpit.state):
            desk.close_dialog()
            if why := await back.begin(desk):
                return why
            continue
        if key is None and isinstance(desk.dialog, SheetDialog) and looks < LOOKS:
            key, looks = "r", looks + 1
        elif key is None and back is not None and desk.cockpit.state.rollback is None:
            desk.close_dialog()
            if why := await back.begin(desk):
                return why
            continue
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
    if (gone_back := desk.cockpit.state.rollback) is not None:
        stage = gone_back.stage
        return gone_back.why or (f"rollback stage {stage.title}: {stage.why}" if stage else "")
    if isinstance(desk.dialog, SheetDialog):
        sheet = desk.dialog.sheet
        failing = "; ".join(f"{gate.name}: {gate.found}" for gate in sheet.failing)
        return f"gates of step {sheet.step} do not hold: {failing}"
    due = desk.cockpit.state.next_step
    return f"step {due.id} {due.outcome}: {due.why}" if due is not None else ""
