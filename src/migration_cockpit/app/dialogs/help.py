"""The help: every key, out of the tables of actions; what each pane shows and what is normal there; the glyphs."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.controls import VIEW_CONTROLS, Action, ViewControl, actions, key_names
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.panes import advice
from migration_cockpit.cockpit.about import PANES
from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.table import CONTROLS

PLACES = {
    "screen": "Keys",
    "sheet": "In a step sheet",
    "decision": "When a decision is asked",
    "note": "When writing a note",
    "message": "When writing a message",
    "window": "When moving the window's end",
    "offer": "When offering the helm",
    "takeover": "When taking the helm",
    "guide": "In the guide",
    "prepare": "At the prerequisites",
    "prerequisite": "At one prerequisite",
    "sign": "When signing one off",
    "test-backup": "When testing the backup",
    "postpone": "When postponing the migration",
    "end-blocker": "When ending a blocker",
    "resumed": "When a session goes on",
    "rollback": "In the rollback's dialog",
    "rollback-reason": "Saying why it is taken back",
    "rollback-end-job": "Ending a migration that works",
    "rollback-code": "Typing a second person's code",
    "rollback-phrase": "Typing what it goes back to",
    "rollback-countdown": "While the rollback counts down",
    "palette": "In the list of actions",
    "rows": "In a pane's rows",
    "rows-filter": "When filtering rows",
    "row": "In the detail of a row",
    "about-pane": "Reading what a pane is",
    "jump": "When jumping to a moment",
    "rollback-under-way": "While the way back goes on",
}
GLYPHS = (
    ("✔", "good", "holds, verified, ready, sent"),
    ("▶", "bold", "runs now"),
    ("○", "text", "not yet"),
    ("◌", "dim", "waits, as expected"),
    ("▲", "careful", "careful: look at it"),
    ("✖", "bad", "bad: act on it"),
    ("»", "careful", "skipped"),
)


class AdviceDialog(Dialog):
    """What to do now in full, where the screen has room for its beginning only. Esc closes it."""

    def heading(self) -> str:
        """Its title."""
        return "what to do now"

    def text(self, width: int) -> list[Line]:
        """All of it."""
        app = self._cockpit_app
        return list(advice.view(app.state, app.now, width, 1000, app.rules).lines)

    def key_entries(self) -> list[tuple[str, str]]:
        """Only the way back."""
        return [("Esc", "back"), ("↑↓", "scroll")]


class HelpDialog(Dialog):
    """Esc, q or ? close it."""

    def heading(self) -> str:
        """Its title."""
        return "help"

    def text(self, width: int) -> list[Line]:
        """All of it; the keys of the dialog that it was opened over stand first."""
        app = self._cockpit_app
        return help_lines(width, app.desk.controls, app.views, first=app.desk.where)

    def key_entries(self) -> list[tuple[str, str]]:
        """Only the way back."""
        return [("Esc", "back"), ("↑↓", "scroll")]


def help_lines(
    width: int,
    controls: Sequence[Control] = CONTROLS,
    views: Sequence[ViewControl] = VIEW_CONTROLS,
    first: str = "screen",
) -> list[Line]:
    """The help as text, the keys of the place `first` before the others."""
    lines = place_lines((first, *(place for place in PLACES if place != first)), controls, views)
    lines.append(line(("Panes", "bold"), ("   d opens the selected one full-screen, ? there says more", "dim")))
    for name, about in PANES.items():
        first, *rest = wrap(f"{about.shows} {about.normal}", width - 14)
        lines += [line((f"  {name:<11} ", "good"), (first, "text"))]
        lines += [line((" " * 14 + text, "text")) for text in rest]
    lines += [(), line(("Signs", "bold"))]
    lines += [line((f"  {glyph}           ", tone), (said, "text")) for glyph, tone, said in GLYPHS]
    rules = (
        "Leaving, a lost connection or a crash stop nothing in the cluster: the next start goes on where this one was.",
        "For half a second after a dialog opens, keys are dropped; a held Enter confirms nothing.",
    )
    return [*lines, (), *(line((text, "dim")) for rule in rules for text in wrap(rule, width))]


def place_lines(places: Sequence[str], controls: Sequence[Control], views: Sequence[ViewControl]) -> list[Line]:
    """The keys of some places, each action once, where it is first offered."""
    lines: list[Line] = []
    listed: set[str] = set()
    for place in places:
        if place != "screen" and not any(each.where == place for each in controls):
            continue
        own = [each for each in actions(place, controls, views) if each.id not in listed]
        listed |= {each.id for each in own}
        lines += [line((PLACES[place], "bold")), *(_action(each) for each in own), ()]
    return lines


def _action(action: Action) -> Line:
    return line((f"  {key_names(action.keys):<11} ", "good"), (action.help, "text"))
