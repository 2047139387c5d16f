"""The days before and after the migration: what was found on each, and which were not gone through."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.dialogs.prepare import STATUS
from migration_cockpit.app.words import plural
from migration_cockpit.playbook.days import DAYS
from migration_cockpit.playbook.days.shape import Day
from migration_cockpit.session.events import DayFound, DayState
from migration_cockpit.session.state import State

INDENT = "    "


class DaysDialog(Dialog):
    """Esc, q or D close it."""

    def heading(self) -> str:
        """Its title."""
        return "the days before and after"

    def text(self, width: int) -> list[Line]:
        """Each day with its looks."""
        return day_lines(self._cockpit_app.state, width)

    def key_entries(self) -> list[tuple[str, str]]:
        """Only the way back."""
        return [("Esc", "back"), ("↑↓", "scroll")]


def day_lines(state: State, width: int) -> list[Line]:
    """The page as text."""
    lines: list[Line] = []
    for day in DAYS:
        seen = state.days.get(day.id)
        lines += [*(_nothing(day, width) if seen is None else _one(day, seen, width)), ()]
    said = "`migration-cockpit day DAY --config FILE` goes through one; what it finds shows here within half a minute."
    return [*lines, *(line((text, "dim")) for text in wrap(said, width))]


def _nothing(day: Day, width: int) -> list[Line]:
    first, *rest = wrap(f"{day.id} {day.title}: not gone through", width - 2)
    return [line(("? ", "careful"), (first, "text")), *(line((f"  {each}", "text")) for each in rest)]


def _one(day: Day, seen: DayState, width: int) -> list[Line]:
    glyph, word, tone = STATUS.get(seen.outcome, ("…", "under way", "dim"))
    first, *rest = wrap(f"{day.id} {day.title}", width - 2)
    lines = [line((f"{glyph} ", tone), (first, "title")), *(line((f"  {each}", "title")) for each in rest)]
    by = f"{word}, by {seen.operator} on {seen.started:%Y-%m-%d at %H:%M} UTC"
    again = f", {plural(seen.attempt, 'time')} gone through" if seen.attempt > 1 else ""
    lines += [line((f"  {each}", "dim")) for each in wrap(f"{by}{again}", width - 2)]
    for found in seen.found:
        lines += _look(found, width)
    return lines


def _look(found: DayFound, width: int) -> list[Line]:
    """One line where it holds; all that was found, and the mend, where it does not."""
    glyph, _, tone = STATUS[found.status]
    texts = found.found[:1] if found.status == "holds" else found.found
    first, *rest = wrap(f"{found.look}: {texts[0] if texts else ''}", width - len(INDENT))
    lines = [line((f"  {glyph} ", tone), (first, "text")), *(line((f"{INDENT}{each}", "text")) for each in rest)]
    for text in texts[1:]:
        lines += [line((f"{INDENT}{each}", "text")) for each in wrap(text, width - len(INDENT), indent="  ")]
    if found.status != "holds" and found.mend:
        lines += [line((f"{INDENT}{each}", "careful")) for each in wrap(f"→ {found.mend}", width - len(INDENT))]
    return lines
