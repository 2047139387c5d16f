"""The guarded rollback at the desk: choose a way, say why, type what it goes back to, and a countdown that Esc ends.

Each part is a dialog of its own: it opens deaf, has its own keys, and takes nothing over that was typed for another.
Nothing is chosen when the first one opens: staying is the default.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from migration_cockpit.advice.rollback_cost import Cost, cost, marked
from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.cockpit.dialogs.under_way import UnderWayDialog, began
from migration_cockpit.playbook.rollback.plan import END, WAIT, WAYS, Plan, Prospect
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.cost import CostReading
from migration_cockpit.session.events import CostCounted, RecoveryMarked, RollbackConsidered, SecondPersonAsked
from migration_cockpit.session.journal import JournalError

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk

COUNTDOWN = 5.0
"""Seconds between the last confirmation and the first change to the world."""
TAIL = 6
"""Characters of the recovery point's name that are typed."""


class RollbackDialog(OpenDialog):
    """What is seen, what would be lost, and every way with its commands."""

    place = "rollback"

    def __init__(self, prospect: Prospect, costs: Cost | None = None, *, late_allowed: bool = False) -> None:
        super().__init__()
        self.prospect = prospect
        self.costs = costs
        """What it would cost, as it was when this opened."""
        self.too_late = costs is not None and costs.late and not late_allowed
        """Whether no rollback is run any more: only the three ways are laid out."""
        self.plan: Plan | None = None
        """The way that is chosen, laid out; None: staying."""
        self.job = ""
        """What is done about a migration Job at work; empty: not chosen yet."""

    async def confirm(self, desk: Desk) -> None:
        """On to the reason. Raises Refused while nothing is chosen, or when it is too late."""
        if self.too_late:
            raise Refused("24 hours after 3.x came into service no rollback is run: rollback.late = true allows it")
        if self.plan is None:
            raise Refused("nothing is chosen, so nothing is done: choose a way by its number, or Esc")
        if self.prospect.seen.job and not self.job:
            raise Refused(f"Job {self.prospect.seen.job} is at work: t waits for its end, e ends it")
        desk.open(RollbackReasonDialog(self.plan, self.prospect))

    def left(self, desk: Desk) -> None:
        """Looked at and left: that is part of the record."""
        _considered(desk, "cancelled", self.plan)


class _Going(OpenDialog):
    """A part on the way to the countdown: it keeps the plan, and leaving it is recorded."""

    def __init__(self, plan: Plan, prospect: Prospect, reason: str = "") -> None:
        super().__init__()
        self.plan = plan
        self.prospect = prospect
        self.reason = reason

    def left(self, desk: Desk) -> None:
        """Given up on the way."""
        _considered(desk, "cancelled", self.plan, self.reason)


class RollbackReasonDialog(_Going):
    """What is typed is the reason."""

    place = "rollback-reason"

    async def confirm(self, desk: Desk) -> None:
        """On to what must be typed. Raises Refused without a reason."""
        reason = self.typed.strip()
        if not reason:
            raise Refused("type why the migration is taken back; it goes into the journal and the message")
        if self.plan.job == END and self.prospect.seen.job:
            desk.open(RollbackEndJobDialog(self.plan, self.prospect, reason))
        else:
            _on(desk, self, reason)


class RollbackEndJobDialog(_Going):
    """Ending a migration that works is confirmed by itself: what is typed is the Job's name."""

    place = "rollback-end-job"
    by_hand = True

    @property
    def phrase(self) -> str:
        """What must be typed."""
        return self.prospect.seen.job

    async def confirm(self, desk: Desk) -> None:
        """On to the last phrase. Raises Refused for anything but the Job's name."""
        _matches(self.typed, self.phrase)
        _on(desk, self, self.reason)


class RollbackCodeDialog(_Going):
    """A second person reads out a code that only those see who watch the session."""

    place = "rollback-code"
    by_hand = True

    def __init__(self, plan: Plan, prospect: Prospect, reason: str, code: str) -> None:
        super().__init__(plan, prospect, reason)
        self._code = code

    async def confirm(self, desk: Desk) -> None:
        """On to the last phrase. Raises Refused for any other code."""
        if not secrets.compare_digest(self.typed.strip().encode(), self._code.encode()):
            raise Refused("that is not the code: whoever watches this session reads it out")
        desk.open(RollbackPhraseDialog(self.plan, self.prospect, self.reason))


class RollbackPhraseDialog(_Going):
    """What is typed is the release and the end of the recovery point's name."""

    place = "rollback-phrase"
    by_hand = True

    def phrase(self, desk: Desk) -> str:
        """What must be typed: `airflow 516-1`; of a moment its time, and where there is no recovery point the way."""
        return f"{desk.cockpit.settings.kubernetes.release} {aim(self.plan)}"

    async def confirm(self, desk: Desk) -> None:
        """Arm it. Raises Refused for anything but the phrase."""
        _matches(self.typed, self.phrase(desk))
        _considered(desk, "armed", self.plan, self.reason)
        countdown = RollbackCountdown(self.plan, self.prospect, self.reason)
        countdown.begin(desk)
        desk.open(countdown, f"armed: it begins in {COUNTDOWN:.0f} s, Esc cancels")


class RollbackCountdown(_Going):
    """Nothing is asked any more: Esc cancels, and when the time is over it begins."""

    place = "rollback-countdown"
    counts = True
    _at = 0.0
    _task: asyncio.Task[None] | None = None
    _fired = False

    def begin(self, desk: Desk) -> None:
        """Start counting."""
        self._at = desk.cockpit.clock.monotonic() + COUNTDOWN
        self._task = asyncio.create_task(self._count(desk), name="rollback countdown")

    def seconds(self, desk: Desk) -> float:
        """How long it still takes."""
        return max(0.0, self._at - desk.cockpit.clock.monotonic())

    async def _count(self, desk: Desk) -> None:
        await desk.cockpit.clock.sleep(COUNTDOWN)
        if desk.dialog is not self:  # cancelled, or the cockpit is being left
            return
        self._fired = True
        point = self.plan.point.name if self.plan.point else ""
        operator = desk.cockpit.operator
        try:
            _considered(desk, "fired", self.plan, self.reason)
            await desk.cockpit.runner.roll_back(self.plan.way.id, point, operator, self.reason, job=self.plan.job)
        except Refused as refused:
            with suppress(JournalError):
                _considered(desk, "refused", self.plan, self.reason, why=str(refused))
            desk.close_dialog(f"nothing was done: {refused}")
        except JournalError as error:
            desk.close_dialog(f"nothing was done: {error}")
        else:
            desk.open(UnderWayDialog(), "the way back has begun")

    def left(self, desk: Desk) -> None:
        """Cancelled, unless it has fired."""
        if not self._fired:
            super().left(desk)


def aim(plan: Plan) -> str:
    """The end of what is typed: the last characters of the recovery point, or the way where there is none.

    Of a moment its time of day: every moment's name ends alike.
    """
    if plan.point is None:
        return plan.way.id
    return f"{plan.point.taken:%H:%M:%S}" if plan.point.method == "time" else plan.point.name[-TAIL:]


def _matches(typed: str, phrase: str) -> None:
    if typed.strip() != phrase:
        raise Refused(f"type exactly: {phrase}")


def _on(desk: Desk, dialog: _Going, reason: str) -> None:
    """On to the second person where one is asked for, else to the last phrase."""
    if not desk.cockpit.settings.rollback.second_person:
        desk.open(RollbackPhraseDialog(dialog.plan, dialog.prospect, reason))
        return
    code = f"{secrets.randbelow(1_000_000):06d}"
    desk.cockpit.recorder.record(SecondPersonAsked(operator=desk.cockpit.operator, code=code))
    desk.open(RollbackCodeDialog(dialog.plan, dialog.prospect, reason, code))


def _considered(desk: Desk, act: str, plan: Plan | None, reason: str = "", why: str = "") -> None:
    desk.cockpit.recorder.record(
        RollbackConsidered(
            act=act,
            operator=desk.cockpit.operator,
            way=plan.way.id if plan else "",
            point=plan.point.name if plan and plan.point else "",
            reason=reason,
            why=why,
        )
    )


async def _open(desk: Desk) -> None:
    if began(desk.cockpit.state):
        desk.open(UnderWayDialog())
        return
    desk.say("looking at Helm, the schema, the pods and the recovery points …")
    dialog = await _looked(desk)
    _considered(desk, "opened", None)
    desk.open(dialog)


async def _looked(desk: Desk) -> RollbackDialog:
    cockpit = desk.cockpit
    prospect = await cockpit.runner.prospect()
    costs = cost(cockpit.state, cockpit.clock.now())
    return RollbackDialog(prospect, costs, late_allowed=cockpit.settings.rollback.late)


async def _look_again(desk: Desk) -> None:
    """A new look is a new dialog: what was chosen in the old one is not."""
    desk.say("looking again …")
    desk.open(await _looked(desk), "looked again; nothing is chosen")


async def _export(desk: Desk) -> None:
    """The rows that a rollback would lose, as a file: what reconciling by hand starts from."""
    from migration_cockpit.connections import WorldError
    from migration_cockpit.playbook.rollback import rows_since

    plan = _dialog(desk).plan
    chosen = desk.cockpit.state.way_back.marks.get(plan.point.name) if plan and plan.point else None
    point = chosen or marked(desk.cockpit.state)
    if point is None:
        raise Refused("there is no recovery point with marks: which rows came since is not known")
    desk.say("writing the rows that came since …")
    try:
        path = await rows_since.export(desk.cockpit.flight, point)
    except WorldError as error:
        raise Refused(f"the rows cannot be read: {error}") from error
    except JournalError as error:
        raise Refused(str(error)) from error
    desk.notice = f"written: {path}"


def _dialog(desk: Desk) -> RollbackDialog:
    assert isinstance(desk.dialog, RollbackDialog)
    return desk.dialog


def _lay_out(desk: Desk, way: str, point: str = "") -> None:
    dialog = _dialog(desk)
    dialog.plan = desk.cockpit.runner.plan_back(dialog.prospect, way, point, dialog.job or WAIT)


def _chooses(number: int) -> Act:
    async def act(desk: Desk) -> None:
        ways = _dialog(desk).prospect.ways
        if number >= len(ways):
            raise Refused(f"there are {len(ways)} ways")
        _lay_out(desk, ways[number].id)
        plan = _dialog(desk).plan
        if plan is not None and plan.point is not None:
            await _count(desk, plan.point.name)

    return act


async def _stay(desk: Desk) -> None:
    _dialog(desk).plan = None


async def _next_point(desk: Desk) -> None:
    plan = _dialog(desk).plan
    if plan is None:
        raise Refused("choose a way first")
    names = [each.name for each in plan.way.points if not each.refused]
    if plan.point is None or len(names) < 2:
        raise Refused("there is no other recovery point that it could go back to")
    name = names[(names.index(plan.point.name) + 1) % len(names)]
    _lay_out(desk, plan.way.id, name)
    await _count(desk, name)


async def _count(desk: Desk, point: str) -> None:
    """Count once what came since a point that is not the one counted all the time; what was counted goes stale."""
    state = desk.cockpit.state
    marks = state.way_back.marks.get(point)
    if marks is None or (state.cost is not None and state.cost.point == point):
        return
    desk.cockpit.recorder.record(CostCounted(reading=await _since(desk, marks)))


async def _since(desk: Desk, marks: RecoveryMarked) -> CostReading:
    import psycopg

    from migration_cockpit.connections import WorldError
    from migration_cockpit.sources.cost import read_since

    try:
        return await read_since(desk.cockpit.connections, marks)
    except (WorldError, psycopg.Error) as error:
        return CostReading(point=marks.point, unknown=f"it cannot be counted now: {error}")


def _job(choice: str) -> Act:
    async def act(desk: Desk) -> None:
        dialog = _dialog(desk)
        if not dialog.prospect.seen.job:
            raise Refused("no migration Job is at work")
        dialog.job = choice
        if dialog.plan is not None:
            _lay_out(desk, dialog.plan.way.id, dialog.plan.point.name if dialog.plan.point else "")

    return act


OPEN = Control("rollback", ("R",), "rollback", "the way back: what it loses, how long it takes", "screen", _open)
CONTROLS = (
    Control("stay", ("0",), "stay", "choose to stay: nothing is done", "rollback", _stay, footer=False),
    *(
        Control(f"way-{n + 1}", (str(n + 1),), "way", f"choose way {n + 1}", "rollback", _chooses(n), footer=False)
        for n in range(len(WAYS))
    ),
    Control("point", ("p",), "point", "the next recovery point of the chosen way", "rollback", _next_point),
    Control("job-wait", ("t",), "wait for the Job", "wait for the migration Job's end", "rollback", _job(WAIT), False),
    Control("job-end", ("e",), "end the Job", "end the migration Job; asked once more", "rollback", _job(END), False),
    Control("rows", ("x",), "rows", "write the rows that would be lost into a file", "rollback", _export),
    Control("look-back", ("r",), "again", "look at the world once more", "rollback", _look_again),
    Control("go-back", ("enter",), "go on", "go on to the reason; nothing is done yet", "rollback", confirm),
    Control("leave-back", ("escape",), "stay", "close; nothing is done", "rollback", close),
    *(
        Control(f"{place}-on", ("enter",), label, text, place, confirm)
        for place, label, text in (
            ("rollback-reason", "go on", "go on to what must be typed; nothing is done yet"),
            ("rollback-end-job", "go on", "confirm that the migration Job is ended; nothing is done yet"),
            ("rollback-code", "go on", "confirm the second person's code; nothing is done yet"),
            ("rollback-phrase", "arm", f"start the countdown of {COUNTDOWN:.0f} s"),
        )
    ),
    *(
        Control(f"{place}-off", ("escape",), "stay", "close; nothing is done", place, close)
        for place in ("rollback-reason", "rollback-end-job", "rollback-code", "rollback-phrase")
    ),
    Control("cancel-back", ("escape",), "cancel", "cancel; nothing is done", "rollback-countdown", close),
)
