"""The desk: what a key does, in which dialog. The one table of actions that people, the autopilot, the footer, the help
and the documentation of keys share. It knows nothing of the screen that draws it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migration_cockpit.playbook.sheet import Refused, Sheet
from migration_cockpit.session.events import DecisionAsked
from migration_cockpit.session.journal import JournalError

if TYPE_CHECKING:  # the desk needs the cockpit's shape, not all that it imports
    from migration_cockpit.cockpit.cockpit import Cockpit

DEAF = 0.5
"""Seconds after a dialog's opening in which keys are dropped: two people share a tmux."""


@dataclass(frozen=True)
class Control:
    """One action: its keys, what the footer and the help say of it, where it is offered, and what it does."""

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    where: str
    """`screen`, `sheet`, `decision`, `note` or `message`."""
    act: Callable[[Desk], Awaitable[None]]
    footer: bool = True


class Desk:
    """Which dialog is open, what is typed in it, and the last word to the operator."""

    def __init__(self, cockpit: Cockpit) -> None:
        self.cockpit = cockpit
        self.sheet: Sheet | None = None
        self.decision: DecisionAsked | None = None
        self.choice = ""
        """The answer chosen in a decision dialog, before it is confirmed."""
        self.reason = ""
        """Typed text of the open dialog: the reason for an override or a decision, a note, a message."""
        self.writing = ""
        """What is being written: `note`, `message` or nothing."""
        self.notice = ""
        """Why the last key did nothing, or what it did."""
        self.quitting = False
        self.listeners: list[Callable[[], None]] = []
        self._opened = 0.0
        self._busy = False

    @property
    def where(self) -> str:
        """Which part of the table is live: `screen`, `sheet`, `decision`, `note` or `message`."""
        if self.sheet is not None:
            return "sheet"
        return "decision" if self.decision is not None else self.writing or "screen"

    @property
    def deaf(self) -> bool:
        """Whether a dialog has opened so recently that keys are dropped."""
        return self.where != "screen" and self.cockpit.clock.monotonic() - self._opened < DEAF

    async def press(self, key: str) -> bool:
        """Do what a key does here and now; False when it is not in the table for this place."""
        control = next((c for c in CONTROLS if c.where == self.where and key in c.keys), None)
        if control is None:
            return False
        if self.deaf or self._busy:
            return True
        self.notice = ""
        self._busy = True
        try:
            await control.act(self)
        except Refused as refused:
            self.notice = self.cockpit.recorder.redactor.clean(str(refused))
        except JournalError as error:
            self.notice = f"nothing was done: {error}"
        finally:
            self._busy = False
        self._changed()
        return True

    def type(self, text: str) -> None:
        """Set the typed text of the open dialog (the reason)."""
        if not self.deaf:
            self.reason = text

    def _changed(self) -> None:
        for listener in tuple(self.listeners):
            listener()

    def close_dialog(self) -> None:
        """Back to the screen; nothing was done."""
        self.sheet, self.decision, self.choice, self.reason, self.writing = None, None, "", "", ""
        self._changed()

    def close_moot(self) -> None:
        """Close a decision dialog whose question is no longer asked: the world or another person has answered it."""
        asked = self.cockpit.state.decision
        if self.decision is not None and (asked is None or asked.event != self.decision):
            self.notice = "the question was settled while it was open"
            self.close_dialog()

    async def open_sheet(self, step_id: str) -> None:
        """Open a step's sheet. Raises Refused."""
        self.notice = f"looking at the gates of step {step_id} …"
        self._changed()
        self.sheet = await self.cockpit.runner.sheet(step_id, self.cockpit.operator)
        self.notice, self.reason = "", ""
        self._opened = self.cockpit.clock.monotonic()

    async def look_again(self) -> None:
        """Look at the gates of the open sheet once more; what was typed stays. Raises Refused."""
        assert self.sheet is not None
        self.sheet = await self.cockpit.runner.sheet(self.sheet.step, self.cockpit.operator)
        self.notice = "looked at the gates again"
        self._opened = self.cockpit.clock.monotonic()

    async def write(self, what: str) -> None:
        """Open the dialog in which a `note` or a `message` is written."""
        self.writing, self.reason = what, ""
        self._opened = self.cockpit.clock.monotonic()

    async def written(self) -> None:
        """Put the note into the timeline, or the message into the queue of those that go out. Raises Refused."""
        text = self.reason.strip()
        if not text:
            raise Refused(f"the {self.writing} is empty: write something, or press Esc")
        if self.writing == "note":
            self.cockpit.note(text)
        else:
            due = self.cockpit.state.running_step or self.cockpit.state.next_step
            name = f"message-{len(self.cockpit.state.messages) + 1}"
            self.cockpit.flight.queue_message(due.id if due else "", name, text)
        done = "note written" if self.writing == "note" else "message queued; it goes out beside the steps"
        self.close_dialog()
        self.notice = done

    async def open_next(self) -> None:
        """Open what is due: the decision that is asked for, else the next step's sheet. Raises Refused."""
        state = self.cockpit.state
        if state.decision is not None:
            self.decision, self.choice, self.reason = state.decision.event, "", ""
            self._opened = self.cockpit.clock.monotonic()
            return
        step = state.next_step
        if step is None:
            raise Refused("every step is flown")
        await self.open_sheet(step.id)

    async def confirm(self) -> None:
        """Start the step of the open sheet, or give the chosen answer. Raises Refused."""
        if self.sheet is not None:
            if self.sheet.failing and not self.reason.strip():
                raise Refused("a gate does not hold: type a reason to override it, or press Esc")
            step, reason = self.sheet.step, self.reason
            await self.cockpit.runner.start(step, self.cockpit.operator, reason)
            self.close_dialog()
        elif self.decision is not None:
            if not self.choice:
                raise Refused("choose an answer first")
            if why := self.cockpit.answer(self.choice, self.reason):
                raise Refused(why)
            self.close_dialog()

    async def choose(self, number: int) -> None:
        """Choose the answer of this number (from 0) in the open decision. Raises Refused."""
        assert self.decision is not None
        answers = list(self.decision.choices)
        if number >= len(answers):
            raise Refused(f"there are {len(answers)} answers")
        self.choice = answers[number]
        self.notice = f"{self.choice} needs a typed reason" if self.choice in self.decision.reasoned else ""


def _sheet_of(step_id: str) -> Callable[[Desk], Awaitable[None]]:
    return lambda desk: desk.open_sheet(step_id)


def _choice(number: int) -> Callable[[Desk], Awaitable[None]]:
    return lambda desk: desk.choose(number)


def _writing(what: str) -> Callable[[Desk], Awaitable[None]]:
    return lambda desk: desk.write(what)


async def _quit(desk: Desk) -> None:
    desk.quitting = True


async def _close(desk: Desk) -> None:
    desk.close_dialog()


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

CONTROLS: tuple[Control, ...] = (
    *(
        Control(
            f"step-{step}", (key,), "step", f"open the sheet of step {step}", "screen", _sheet_of(step), footer=False
        )
        for step, key in _STEP_KEYS.items()
    ),
    Control(
        "next",
        ("enter",),
        "next step",
        "open what is due: a decision, or the next step's sheet",
        "screen",
        Desk.open_next,
    ),
    Control("note", ("n",), "note", "write a note into the timeline", "screen", _writing("note")),
    Control("message", ("m",), "message", "write a message to the channel", "screen", _writing("message")),
    Control("detach", ("q",), "detach", "leave the cockpit; nothing in the cluster stops", "screen", _quit),
    Control("confirm", ("enter",), "do it", "run the step as the sheet shows it", "sheet", Desk.confirm),
    Control("look", ("r",), "look again", "look at the gates once more", "sheet", Desk.look_again),
    Control("cancel", ("escape",), "back", "close the sheet; nothing is done", "sheet", _close),
    *(
        Control(
            f"answer-{n + 1}", (str(n + 1),), "choose", f"choose answer {n + 1}", "decision", _choice(n), footer=False
        )
        for n in range(6)
    ),
    Control("answer", ("enter",), "answer", "give the chosen answer", "decision", Desk.confirm),
    Control("later", ("escape",), "later", "close; the step goes on waiting for the answer", "decision", _close),
    Control("write-note", ("enter",), "write it", "put the note into the timeline", "note", Desk.written),
    Control("drop-note", ("escape",), "back", "close; nothing is written", "note", _close),
    Control("send", ("enter",), "send it", "queue the message; it goes out beside the steps", "message", Desk.written),
    Control("drop-message", ("escape",), "back", "close; nothing is sent", "message", _close),
)
"""The one table of actions. What only changes the view (pane focus, zoom, scrolling) belongs to the screen."""
