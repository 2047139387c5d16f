"""The step sheet: what will be done, with its exact commands; the gates with their live values; what undoes it."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.panes.timeline import STEP_KEYS
from migration_cockpit.app.words import long, plural
from migration_cockpit.cockpit import dialogs
from migration_cockpit.playbook.sheet import Sheet
from migration_cockpit.session.events import Check, Command


class SheetDialog(Dialog):
    """Enter runs the step as it stands here."""

    asks = "A gate does not hold. Going on needs a reason; it goes into the journal:"

    @property
    def _sheet(self) -> Sheet | None:
        dialog = self._cockpit_app.desk.dialog
        return dialog.sheet if isinstance(dialog, dialogs.SheetDialog) else None

    def heading(self) -> str:
        """The step."""
        sheet = self._sheet
        return f"step {STEP_KEYS[sheet.step]} · {sheet.title}" if sheet else "step"

    def text(self, width: int) -> list[Line]:
        """The whole sheet."""
        return sheet_lines(self._sheet, width) if self._sheet else []

    def wants_field(self) -> bool:
        """A reason is needed only where a gate fails."""
        return bool(self._sheet and self._sheet.failing)

    def frame_tone(self) -> str:
        """Careful when a gate fails."""
        return "border-careful" if self.wants_field() else "border-focus"

    def key_entries(self) -> list[tuple[str, str]]:
        """Says what Enter would do: run it, or override."""
        entries = super().key_entries()
        if self.wants_field():
            return [(keys, "override and do it" if keys == "Enter" else label) for keys, label in entries]
        return entries


def sheet_lines(sheet: Sheet, width: int) -> list[Line]:
    """A sheet as text. What decides comes first: the gates."""
    lines = [line((text, "bright")) for text in wrap(sheet.purpose, width)]
    lines.append(_planned(sheet))
    lines += [(), _gates_head(sheet)]
    # What fails stands first, what is unknown after it: at 80x24 the others are a page away.
    for gate in sorted(sheet.gates, key=_urgency):
        lines += check_lines(gate, width)
    lines += [
        (),
        line(
            ("What is done", "bold"),
            (f"   {plural(len(sheet.commands), 'command or call', 'commands and calls')}, in this order", "dim"),
        ),
    ]
    lines += command_lines(sheet.commands, width)
    if not sheet.commands:
        lines.append(line(("    nothing in the world is changed; it is watched", "dim")))
    lines += [(), line(("Verified when", "bold"))]
    for each in sheet.verification:
        lines += _hanging("  · ", each, width, "text")
    lines += _section("What undoes it", sheet.undo, width)
    lines += _section("Unlike the source playbook", sheet.differs, width)
    return lines


def _planned(sheet: Sheet) -> Line:
    """What the playbook plans for it; an estimate of this database's own is another figure, and a gate has it."""
    named = any(gate.name == "time" for gate in sheet.gates)
    beside = "; the estimate for this database is the gate `time`" if named else ""
    return line(("planned for ", "dim"), (long(sheet.expected), "text"), (beside, "dim"))


def command_lines(commands: Sequence[Command], width: int) -> list[Line]:
    """Commands in their order: what each is for, and itself."""
    lines: list[Line] = []
    for number, command in enumerate(commands, 1):
        if command.what:
            lines += _hanging(f"{number:2d}  ", command.what, width, "text")
        lead = "    " if command.what else f"{number:2d}  "
        lines += _hanging(lead, command.text, width, "good", indent="  ")
    return lines


def _urgency(check: Check) -> int:
    if not check.known:
        return 1
    return 2 if check.holds else 0


def check_lines(check: Check, width: int) -> list[Line]:
    """A condition with its live value: glyph and word; what to do where it does not hold."""
    glyph, word, tone = ("✔", "holds  ", "good") if check.holds and check.known else ("✖", "FAILS  ", "bad")
    if not check.known:
        glyph, word, tone = "?", "UNKNOWN", "careful"
    first, *rest = wrap(f"{check.name}: {check.found}" if check.found else check.name, width - 12)
    lines = [line((f"  {glyph} {word} ", tone), (first, "text" if tone == "good" else "bright"))]
    lines += [line((" " * 12 + text, "text")) for text in rest]
    if tone != "good" and check.mend:
        lines += [line((" " * 12 + text, tone)) for text in wrap(f"→ {check.mend}", width - 12, indent="  ")]
    return lines


def _gates_head(sheet: Sheet) -> Line:
    failing = len(sheet.failing)
    said = (
        f"   {failing} of {len(sheet.gates)} {'does' if failing == 1 else 'do'} not hold"
        if failing
        else "   holds"
        if len(sheet.gates) == 1
        else f"   all {len(sheet.gates)} hold"
    )
    if not sheet.gates:
        said = "   none: it can run at any time"
    return line(("Gates", "bold"), (said, "careful" if failing else "dim"))


def _hanging(lead: str, text: str, width: int, tone: str, *, indent: str = "") -> list[Line]:
    """Text behind a lead; its further lines stand below its first, `indent` deeper."""
    first, *rest = wrap(text, width - len(lead), indent=indent)
    pad = " " * len(lead)
    return [line((lead, "dim"), (first, tone)), *(line((pad, "dim"), (each, tone)) for each in rest)]


def _section(name: str, text: str, width: int) -> list[Line]:
    if not text:
        return []
    return [(), line((name, "bold")), *(line((f"  {each}", "text")) for each in wrap(text, width - 2))]
