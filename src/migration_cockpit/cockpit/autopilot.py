"""The autopilot of a rehearsal: presses the keys a person would, through the same table of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from migration_cockpit.advice.verdict import decision_point, judge
from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.cockpit.dialogs import (
    DecisionDialog,
    ResumedDialog,
    RollbackCodeDialog,
    RollbackCountdown,
    RollbackDialog,
    RollbackEndJobDialog,
    RollbackPhraseDialog,
    RollbackReasonDialog,
    SheetDialog,
    UnderWayDialog,
)
from migration_cockpit.config import Limits
from migration_cockpit.playbook.rollback.plan import Prospect, Way
from migration_cockpit.session.events import ROLLBACK
from migration_cockpit.session.state import State

ANSWERS = {"drain": "abort"}
"""What the autopilot answers where the first choice is not the careful one; else it takes the first."""

PATIENCE = 15.0
"""Seconds for which a verdict that asks for a person stands before nobody is waited for any more."""
WATCHED = 120.0
"""The same where people watch, who may press a key of their own."""

STANDSTILL = {"BLOCKED", "QUIET"}
"""Verdicts with which a migration's end may never come: who goes back ends its Job instead of waiting for it."""

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

    def way(self, seen: Prospect) -> Way | None:
        """The way to choose in the dialog; None when there is none."""
        asked = seen.way(self.by) if self.by else None
        return asked if asked is not None and (seen.seen.moved or not asked.refused) else seen.default


@dataclass(frozen=True)
class Text:
    """What is typed into the field of the open dialog, instead of a key."""

    text: str


def next_key_back(desk: Desk, order: GoBack) -> str | Text | None:
    """The same for a way back that was ordered: `R`, the way, the reason, what must be typed, and the countdown."""
    dialog = desk.dialog
    if dialog is None:
        return "R"
    if isinstance(dialog, RollbackDialog):
        way = order.way(dialog.prospect)
        if way is None:
            return None
        if dialog.plan is None or dialog.plan.way.id != way.id:
            return str([each.id for each in dialog.prospect.ways].index(way.id) + 1)
        if not dialog.prospect.seen.job or dialog.job:
            return "enter"
        told = desk.cockpit.state.verdict
        stands = told is not None and told.verdict in STANDSTILL and told.subject != "warning"
        return "e" if stands else "t"
    if isinstance(dialog, RollbackReasonDialog):
        return "enter" if dialog.typed == order.reason else Text(order.reason)
    if isinstance(dialog, RollbackEndJobDialog):
        return "enter" if dialog.typed == dialog.phrase else Text(dialog.phrase)
    if isinstance(dialog, RollbackPhraseDialog):
        phrase = dialog.phrase(desk)
        return "enter" if dialog.typed == phrase else Text(phrase)
    if isinstance(dialog, RollbackCountdown):
        return ""
    # A second person's code is nothing that one who flies alone can know; anything else is left first.
    return None if isinstance(dialog, RollbackCodeDialog) else "escape"


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
    if isinstance(dialog, UnderWayDialog):  # it is closed when there is something to answer, or nothing to see any more
        return "" if state.rollback is not None and state.rollback.active and state.decision is None else "escape"
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


def undecided(state: State, now: datetime, limits: Limits, patience: float) -> str:
    """Why the migration that runs is not waited for any longer: nobody here decides what its verdict asks; "" to wait.

    What only takes long is waited for until the decision point; a warning becomes the word itself or goes away.
    """
    step, told, since = state.steps.get("migrate"), state.verdict, state.verdict_since
    if step is None or not step.running or told is None or since is None or state.migration.ended is not None:
        return ""
    if told.verdict not in {"BLOCKED", "QUIET", "SLOW", "LOST"} or told.subject == "warning":
        return ""
    asked = max(moment for moment in (since, step.started, state.migration.created) if moment is not None)
    if (now - asked).total_seconds() < patience:
        return ""
    decide = decision_point(state, step, limits)
    if told.verdict == "SLOW" and decide is not None and now < decide:
        return ""
    seen = judge(state, now, limits)
    evidence = seen.evidence if seen is not None and seen.word == told.verdict else told.evidence
    return f"{told.verdict}: {evidence} Nobody decides here; the Job is left as it is"


async def fly(
    desk: Desk,
    press: Callable[[str], Awaitable[None]],
    write: Callable[[str], Awaitable[None]],
    *,
    pause: float,
    back: GoBack | None = None,
    patience: float = PATIENCE,
) -> str:
    """Press keys until the flight is over; returns why it ended: "" when every step was flown, or the way back was.

    `write` types a text into the field of the open dialog. `pause` seconds lie between two keys, never less than the
    time in which a fresh dialog drops them. A migration whose verdict asks for a person is let go of after `patience`
    seconds, as it is: its Job is never touched.
    """
    refused = looks = 0
    going_back = False
    while True:
        cockpit = desk.cockpit
        if why := undecided(cockpit.state, cockpit.clock.now(), cockpit.settings.limits, patience):
            await cockpit.runner.let_go(cockpit.operator, why)
        state = cockpit.state
        key: str | Text | None = next_key(desk)
        if key is None and isinstance(desk.dialog, SheetDialog) and looks < LOOKS:
            key, looks = "r", looks + 1
        elif not isinstance(desk.dialog, SheetDialog):
            looks = 0
        if back is not None and state.rollback is None:
            going_back = going_back or back.due(state) or key is None
            if going_back:
                key = next_key_back(desk, back)
        if key is None:
            break
        if isinstance(key, Text):
            await write(key.text)
        elif key:
            await press(key)
            refused = refused + 1 if desk.notice and desk.where != "decision" else 0
            if refused >= 3:
                return desk.notice
        await desk.cockpit.clock.sleep(max(pause, DEAF * 1.05) if desk.where != "screen" else pause)
    return _why_over(desk)


def _why_over(desk: Desk) -> str:
    """Why there is nothing more to press; "" when all is as it was to be."""
    state, dialog = desk.cockpit.state, desk.dialog
    if (gone_back := state.rollback) is not None:
        stage = gone_back.stage
        return gone_back.why or (f"rollback stage {stage.title}: {stage.why}" if stage else "")
    if isinstance(dialog, RollbackDialog):
        refusals = "; ".join(f"{each.title}: {each.refused}" for each in dialog.prospect.ways)
        return f"there is no way back: {refusals}"
    if isinstance(dialog, RollbackCodeDialog):
        return "the way back asks for a second person's code"
    if isinstance(dialog, SheetDialog):
        failing = "; ".join(f"{gate.name}: {gate.found}" for gate in dialog.sheet.failing)
        return f"gates of step {dialog.sheet.step} do not hold: {failing}"
    due = state.next_step
    return f"step {due.id} {due.outcome}: {due.why}" if due is not None else ""
