"""Known failures that show: what was seen and where, why, and the mend with commands that can be copied."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.advice import failures
from migration_cockpit.advice.failures import Standing
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.words import GLYPHS, hms, plural
from migration_cockpit.session.state import State

TONES = {"bad": "bad", "careful": "careful", "expected": "dim"}
MARKS = {"bad": GLYPHS["bad"], "careful": GLYPHS["careful"], "expected": GLYPHS["waiting"]}
OVER = 8
"""How many of those that are over are listed."""


class FailuresDialog(Dialog):
    """Esc, q or f close it."""

    def heading(self) -> str:
        """Its title."""
        return "known failures"

    def text(self, width: int) -> list[Line]:
        """All that show, the worst first."""
        return failure_lines(self._cockpit_app.state, width)

    def frame_tone(self) -> str:
        """As bad as the worst."""
        worst = next((each.severity for each in failures.standing(self._cockpit_app.state) if not each.over), "")
        return {"bad": "border-bad", "careful": "border-careful"}.get(worst, "border-focus")

    def key_entries(self) -> list[tuple[str, str]]:
        """Only the way back."""
        return [("Esc", "back"), ("↑↓", "scroll")]


def failure_lines(state: State, width: int) -> list[Line]:
    """The page as text."""
    found = failures.standing(state)
    showing, over = [each for each in found if not each.over], [each for each in found if each.over]
    lines: list[Line] = []
    if not showing:
        known = len(failures.catalogue())
        said = f"None of the {known} known failures shows. Logs, events, import errors, failed checks and the database"
        lines += [line((text, "text")) for text in wrap(f"{said} are looked through as they come.", width)]
    if len(showing) > 1:
        said = f"{plural(len(showing), 'failure')} show; the worst stands first"
        lines += [*(line((text, "dim")) for text in wrap(said, width)), ()]
    for each in showing:
        lines += [*_one(state, each, width), ()]
    if over:
        lines += [line(("Over", "bold")), *(text for each in over[:OVER] for text in _past(each, width)), ()]
    lines += [
        line((text, "dim"))
        for text in wrap("`migration-cockpit failures` lists all of them, and looks through a log with --log.", width)
    ]
    return lines


def _one(state: State, each: Standing, width: int) -> list[Line]:
    event, tone = each.state.event, TONES[each.severity]
    head = f"{MARKS[each.severity]} {each.severity}  "
    first, *rest = wrap(event.title, width - len(head))
    lines = [line((head, tone), (first, "title")), *(line((" " * len(head) + text, "title")) for text in rest)]
    lines += _paragraph("Seen", f"{hms(each.state.since)} in {event.where}: {event.evidence}", width)
    if each.failure is None:
        return [*lines, *_paragraph("Mend", f"{each.id} is not in this version's catalogue", width)]
    heading = ""
    for said in failures.explain(each.failure, each.values(state)):
        if said.heading in {"What you see", "How bad"}:
            continue  # the evidence stands above, and how bad it is in front of the title
        if said.command:
            lines += [line((f"    {text}", "good")) for text in wrap(said.text, width - 4, indent="  ")]
        else:
            lines += _paragraph(said.heading if said.heading != heading else "", said.text, width)
        heading = said.heading
    return lines


def _paragraph(heading: str, text: str, width: int) -> list[Line]:
    head = [line((heading, "bold"))] if heading else []
    return [*head, *(line((f"  {each}", "text")) for each in wrap(text, width - 2))]


def _past(each: Standing, width: int) -> list[Line]:
    ended = hms(each.state.ended) if each.state.ended else ""
    text = f"{ended} {each.state.event.title}: {each.state.why}"
    return [line((part, "dim")) for part in wrap(text, width - 2, indent="  ")]
