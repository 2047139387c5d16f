"""The guided pages: the four families of failures, and of the chosen one the evidence, gathered while one reads."""

from __future__ import annotations

from cockpit_widgets.spans import Line, fit, line, wrap
from migration_cockpit.advice import failures
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.dialogs.prepare import STATUS
from migration_cockpit.app.words import hms
from migration_cockpit.cockpit import dialogs
from migration_cockpit.playbook.guided import FAMILIES, Family, by_id
from migration_cockpit.session.events import GuideFound
from migration_cockpit.session.state import State


class GuideDialog(Dialog):
    """Nothing here changes the world."""

    def heading(self) -> str:
        """The family."""
        family = self._family
        return f"guide · {family.title}" if family else "guide · what fails?"

    @property
    def _family(self) -> Family | None:
        dialog = self._cockpit_app.desk.dialog
        return by_id(dialog.family) if isinstance(dialog, dialogs.GuideDialog) else None

    def text(self, width: int) -> list[Line]:
        """The families, or the page."""
        family = self._family
        return page_lines(self._cockpit_app.state, family, width) if family else choice_lines(width)


def choice_lines(width: int) -> list[Line]:
    """What can be chosen."""
    lines = [line((text, "dim")) for text in wrap("A page gathers its evidence itself, and changes nothing.", width)]
    for number, family in enumerate(FAMILIES, 1):
        looks = ", ".join(name for name, _ in family.looks)
        lines += [(), fit(line((f" {number} ", "badge-plain"), (f" {family.title}", "bold")), width)]
        lines += [line((f"    {text}", "dim")) for text in wrap(f"looks at: {looks}", width - 4)]
    return lines


def page_lines(state: State, family: Family, width: int) -> list[Line]:
    """What was found, the worst first; then the known failures of the family that show now."""
    guide = state.guides.get(family.id)
    if guide is None:
        return [line(("nothing was gathered for this page", "dim"))]
    waits = len(family.looks) - len(guide.found)
    when = f"gathered {hms(guide.started)} by {guide.operator}"
    lines = [fit(line((f"{when}; {waits} to come …" if guide.ended is None else when, "dim")), width)]
    for each in sorted(guide.found, key=lambda one: ("fails", "unknown", "holds").index(one.status)):
        lines += [(), *found_lines(each, width)]
    shown = [each for each in failures.standing(state) if not each.over and _belongs(each, family)]
    if shown:
        lines += [(), fit(line(("Known failures that show (f explains them)", "bold")), width)]
        lines += [line((f"  {text}", "bad")) for each in shown for text in wrap(each.state.event.title, width - 2)]
    return lines


def _belongs(each: failures.Standing, family: Family) -> bool:
    return each.failure is not None and each.failure.family.id in family.catalogue


def found_lines(found: GuideFound, width: int) -> list[Line]:
    """One look: how it stands, what was found, what to do."""
    glyph, word, tone = STATUS[found.status]
    lines = [line((f"{glyph} {word:8}", tone), (found.look, "bold"))]
    for text in found.found:
        first, *rest = wrap(text, width - 4)
        lines += [line(("  · ", "dim"), (first, "text")), *(line((f"    {each}", "text")) for each in rest)]
    if found.mend and found.status != "holds":
        lines += [line((f"  {text}", "careful")) for text in wrap(f"→ {found.mend}", width - 2, indent="  ")]
    return lines
