"""The prerequisites of migration day: fifteen rows, one with all its evidence, signing it off."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from cockpit_widgets.spans import Line, fit, line, row, wrap
from migration_cockpit.advice.phase import PHASES, phase
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.dialogs.sheet import command_lines
from migration_cockpit.app.dialogs.writing import Writing
from migration_cockpit.app.words import age, coarse, hms, seconds_between
from migration_cockpit.cockpit import dialogs
from migration_cockpit.playbook.prepare import PREREQUISITES
from migration_cockpit.session.events import PrerequisiteSeen
from migration_cockpit.session.state import PrepareState, PrerequisiteState, State

STATUS = {
    "holds": ("✔", "holds", "good"),
    "signed": ("✔", "signed", "good"),
    "fails": ("✖", "FAILS", "bad"),
    "unknown": ("?", "unknown", "careful"),
    "stale": ("◌", "stale", "careful"),
}
WIDE = 120
"""Cells from which a row has the mend and who signed beside the evidence."""


class PrepareDialog(Dialog):
    """All of them."""

    widest = 1000

    def heading(self) -> str:
        """The phases, the one of now first."""
        app = self._cockpit_app
        now = phase(app.state, app.now)
        return " · ".join([now.upper(), *(each for each in PHASES if each != now)])

    def text(self, width: int) -> list[Line]:
        """The table."""
        app, dialog = self._cockpit_app, self._cockpit_app.desk.dialog
        chosen = dialog.chosen if isinstance(dialog, dialogs.PrepareDialog) else 0
        return prepare_lines(app.state, app.now, chosen, width)

    def key_entries(self) -> list[tuple[str, str]]:
        """Choosing stands first."""
        return [("↑↓", "choose"), *super().key_entries()]

    def _position(self) -> Line:
        """The arrow keys choose here."""
        return ()


class PrerequisiteDialog(Dialog):
    """One with its evidence in full."""

    def heading(self) -> str:
        """Which one."""
        return f"prerequisite {self._chosen + 1} of {len(PREREQUISITES)}"

    @property
    def _chosen(self) -> int:
        dialog = self._cockpit_app.desk.dialog
        return dialog.chosen if isinstance(dialog, dialogs.PrerequisiteDialog) else 0

    def text(self, width: int) -> list[Line]:
        """Status, what was found, the mend, whose word."""
        return evidence_lines(self._cockpit_app.state, self._cockpit_app.now, self._chosen, width)


class SignDialog(Writing):
    """The note, under what one says by signing."""

    asks = "What you looked at, who approved it:"

    def heading(self) -> str:
        """Which one."""
        dialog = self._cockpit_app.desk.dialog
        return f"sign {dialog.title}" if isinstance(dialog, dialogs.SignDialog) else "sign"

    def text(self, width: int) -> list[Line]:
        """What it means."""
        dialog = self._cockpit_app.desk.dialog
        if not isinstance(dialog, dialogs.SignDialog):
            return []
        cockpit = self.cockpit
        days = cockpit.settings.prepare.stale_days
        said = (
            f"{cockpit.operator} says by this: {dialog.says}. It is kept "
            f"with name, date and note, and counts for {days:g} days."
        )
        return [line((each, "text")) for each in wrap(said, width)]


class BackupDialog(Dialog):
    """The exact commands."""

    def heading(self) -> str:
        """Its title."""
        return "test the backup"

    def text(self, width: int) -> list[Line]:
        """What is done, and what is not touched."""
        dialog = self._cockpit_app.desk.dialog
        commands = dialog.commands if isinstance(dialog, dialogs.BackupDialog) else ()
        said = (
            "The newest dump is restored into a database made for it on the server that is named below, its rows "
            "are compared table by table with those in the dump, and it is dropped again. No other is touched."
        )
        lines = [line((each, "bright")) for each in wrap(said, width)]
        return [*lines, (), line(("What is done", "bold")), *command_lines(commands, width)]


def prepare_lines(state: State, now: datetime, chosen: int, width: int) -> list[Line]:
    """A row for each, how many are ready, and what to do for the chosen one."""
    prepare = state.prepare
    lines = [_head(width), *(_row(prepare, now, index, chosen, width) for index in range(len(PREREQUISITES)))]
    lines.append(_summary(prepare, width))
    seen = _seen(prepare, chosen)
    todo = seen.event.mend if seen and seen.event.status not in {"holds", "signed"} else ""
    if width < WIDE:
        return [*lines, fit(line((f"→ {todo}", "careful")), width) if todo else ()]
    lines.append(())
    return [*lines, *evidence_lines(state, now, chosen, width)]


def _widths(width: int) -> tuple[int, ...]:
    """Mark, status, number and id, evidence, age, mend, who."""
    rest = width - 2 - 9 - 14 - 6 - 10 - 5
    if width < WIDE:
        return (2, 9, 13, max(10, width - 2 - 9 - 13 - 6 - 8 - 5), 6, 0, 8)
    evidence = rest * 3 // 5
    return (2, 9, 14, evidence, 6, rest - evidence - 1, 10)


def _cells(width: int, *parts: Line) -> Line:
    sizes = _widths(width)
    return fit(row([(part, size) for part, size in zip(parts, sizes, strict=True) if size]), width)


def _head(width: int) -> Line:
    names = ("", "status", "", "evidence", "age", "mend", "signed")
    return _cells(width, *(line((name, "dim")) for name in names))


def _row(prepare: PrepareState | None, now: datetime, index: int, chosen: int, width: int) -> Line:
    asked, seen = PREREQUISITES[index], _seen(prepare, index)
    mark = line(("▶" if index == chosen else " ", "title"))
    name = line((f"{asked.number:2d} {asked.id}", "bright" if index == chosen else "text"))
    if seen is None:
        waits = "being looked at" if prepare is not None and prepare.ended is None else "not looked at yet"
        nothing: Line = ()
        return _cells(
            width, mark, line(("? unknown", "careful")), name, line((waits, "dim")), nothing, nothing, nothing
        )
    event = seen.event
    glyph, word, tone = STATUS[event.status]
    more = f" (+{len(event.found) - 1})" if len(event.found) > 1 else ""
    found = line((_telling(event) + more, "text" if event.status in {"holds", "signed"} else "bright"))
    mend = line((event.mend if event.status not in {"holds", "signed"} else "", "careful"))
    status = line((f"{glyph} {word}", tone))
    old = line((_age(event, seen.at, now), "dim"))
    return _cells(width, mark, status, name, found, old, mend, line((event.signed_by, "text")))


def _telling(event: PrerequisiteSeen) -> str:
    """The line of the evidence that says most: the note of who signed, else the first."""
    return event.note if event.status == "signed" else (event.found[0] if event.found else "")


def _age(event: PrerequisiteSeen, at: datetime, now: datetime) -> str:
    """How old what counts is: evidence, or the word for it."""
    since = event.signed_at if event.status == "signed" else event.evidence_at
    seconds = seconds_between(since or at, now)
    return age(seconds) if seconds < timedelta(days=1).total_seconds() else coarse(seconds)


def _summary(prepare: PrepareState | None, width: int) -> Line:
    counts = Counter(each.event.status for each in prepare.seen.values()) if prepare else Counter()
    ready = counts["holds"] + counts["signed"]
    words = {"fails": "fail", "unknown": "unknown", "stale": "stale"}
    rest = ", ".join(f"{counts[each]} {word}" for each, word in words.items() if counts[each])
    said = f"{ready} of {len(PREREQUISITES)} ready" + (f"; {rest}" if rest else "")
    if prepare is not None and prepare.why:
        return fit(line((f"✖ {prepare.why}", "bad")), width)
    when = "" if prepare is None else f"   looked at {hms(prepare.started)}" if prepare.ended else "   looking …"
    tone = "good-bold" if ready == len(PREREQUISITES) else "careful-bold"
    return fit(line((said, tone), (when, "dim")), width)


def _seen(prepare: PrepareState | None, index: int) -> PrerequisiteState | None:
    return prepare.seen.get(PREREQUISITES[index].id) if prepare else None


def evidence_lines(state: State, now: datetime, index: int, width: int) -> list[Line]:
    """One with all that was found, how old that is, the mend, and whose word counts."""
    asked, seen = PREREQUISITES[index], _seen(state.prepare, index)
    title = f"{asked.number} {asked.id}: {asked.title}"
    if seen is None:
        return [line((title, "title")), line(("It has not been looked at yet.", "text"))]
    event = seen.event
    glyph, word, tone = STATUS[event.status]
    lines = [line((f"{glyph} {word}  ", tone), (title, "title"))]
    lines.append(line((f"Evidence, {_age(event, event.evidence_at or seen.at, now)} old", "bold")))
    for each in event.found:
        first, *rest = wrap(each, width - 4)
        lines += [line(("  · ", "dim"), (first, "text")), *(line((f"    {text}", "text")) for text in rest)]
    if event.mend and event.status not in {"holds", "signed"}:
        lines += [line(("Mend", "bold")), *(line((f"  {text}", "careful")) for text in wrap(event.mend, width - 2))]
    if event.signed_by and event.signed_at is not None:
        said = f"  {event.signed_by} on {event.signed_at:%Y-%m-%d}: {event.note}"
        lines += [line(("Signed", "bold")), *(line((text, "text")) for text in wrap(said, width, indent="  "))]
    if event.signable and event.status != "signed":
        said = f"s signs that {event.sign}."
        lines += [line((text, "dim")) for text in wrap(said, width)]
    return lines
