"""The question that a running step asks, with its evidence; an answer is chosen by its number, then given by Enter."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.words import hm
from migration_cockpit.cockpit import dialogs
from migration_cockpit.session.events import DecisionAsked
from migration_cockpit.session.state import STEP_TITLES


class DecisionDialog(Dialog):
    """Nothing is chosen when it opens."""

    tone = "border-careful"
    asks = "This answer needs a reason; it goes into the journal:"
    _asked = False

    @property
    def _dialog(self) -> dialogs.DecisionDialog | None:
        dialog = self._cockpit_app.desk.dialog
        return dialog if isinstance(dialog, dialogs.DecisionDialog) else None

    def heading(self) -> str:
        """Which step asks."""
        step = self._dialog.event.step if self._dialog else ""
        return f"decide · {STEP_TITLES.get(step, step)}" if step else "decide"

    def text(self, width: int) -> list[Line]:
        """Question, evidence, answers."""
        dialog, decision = self._dialog, self._cockpit_app.state.decision
        if dialog is None:
            return []
        asked = [line((f"asked at {hm(decision.asked)}; the step waits for the answer", "dim"))] if decision else []
        return [*decision_lines(dialog.event, dialog.choice, width), (), *asked]

    def wants_field(self) -> bool:
        """Only for an answer that needs a reason."""
        return self._dialog is not None and self._dialog.needs_reason

    def key_entries(self) -> list[tuple[str, str]]:
        """As many numbers as there are answers."""
        numbers = f"1-{len(self._dialog.event.choices)}" if self._dialog else ""
        return [(numbers if label == "choose" else keys, label) for keys, label in super().key_entries()]

    def redraw(self) -> None:
        """Show the field when the chosen answer needs it, and put the cursor there."""
        wanted = self.wants_field()
        if wanted != self._asked:
            self._asked = wanted
            self.set_focus(self._field if wanted else None)
        super().redraw()


def decision_lines(event: DecisionAsked, choice: str, width: int) -> list[Line]:
    """The question as text; the chosen answer has a mark and a word."""
    lines = [line((text, "bright")) for text in wrap(event.question, width)]
    if event.evidence:
        lines += [(), line(("What is seen", "bold"))]
    for each in event.evidence:
        first, *rest = wrap(each, width - 4)
        lines += [line(("  · ", "dim"), (first, "text")), *(line((f"    {text}", "text")) for text in rest)]
    lines += [(), line(("Answers", "bold"))]
    for number, (answer, meaning) in enumerate(event.choices.items(), 1):
        chosen = answer == choice
        needs = " (needs a reason)" if answer in event.reasoned else ""
        head = line(
            ("  ", "text"),
            (f" {number} ", "badge-good" if chosen else "badge-plain"),
            (f" {answer}", "bold"),
            (needs, "dim"),
            ("  ▶ chosen" if chosen else "", "good-bold"),
        )
        lines += [head, *(line((f"      {text}", "text")) for text in wrap(meaning, width - 6))]
    return lines
