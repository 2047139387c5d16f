"""The help: every key, out of the tables of actions; what each pane shows and what is normal there; the glyphs."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.controls import VIEW_CONTROLS, Action, ViewControl, actions, key_names
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.panes import advice
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
    "jump": "When jumping to a moment",
    "rollback-under-way": "While the way back goes on",
}
PANES = {
    "timeline": "Each step's plan, start, drift in minutes and outcome; the window; what can be gone back to.",
    "pods": "From a watch on Kubernetes. Between the upgrade and the migration new pods wait in Init: that is normal.",
    "tasks": "From the database. Running, queued and restarting must end before the upgrade; others may stay.",
    "database": "From PostgreSQL each second and CloudWatch. The revision is the last committed one. An advisory lock "
    "held idle by the migration is normal. A root blocker stands on top of those who wait for it.",
    "scheduler": "Through Grafana, against the value before the migration; more than +20 % is a regression. No data is "
    "not zero; while nothing schedules it is expected.",
    "log": "What steps print and what happens. Scroll up and it holds still; End follows again.",
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
        """All of it."""
        return help_lines(width, self._cockpit_app.desk.controls, self._cockpit_app.views)

    def key_entries(self) -> list[tuple[str, str]]:
        """Only the way back."""
        return [("Esc", "back"), ("↑↓", "scroll")]


def help_lines(
    width: int, controls: Sequence[Control] = CONTROLS, views: Sequence[ViewControl] = VIEW_CONTROLS
) -> list[Line]:
    """The help as text."""
    lines: list[Line] = []
    listed: set[str] = set()
    for place, heading in PLACES.items():
        if place != "screen" and not any(each.where == place for each in controls):
            continue
        own = [each for each in actions(place, controls, views) if each.id not in listed]
        listed |= {each.id for each in own}
        lines += [line((heading, "bold")), *(_action(each, width) for each in own), ()]
    lines.append(line(("Panes", "bold")))
    for name, said in PANES.items():
        first, *rest = wrap(said, width - 14)
        lines += [line((f"  {name:<11} ", "good"), (first, "text"))]
        lines += [line((" " * 14 + text, "text")) for text in rest]
    lines += [(), line(("Signs", "bold"))]
    lines += [line((f"  {glyph}           ", tone), (said, "text")) for glyph, tone, said in GLYPHS]
    rules = (
        "Leaving, a lost connection or a crash stop nothing in the cluster: the next start goes on where this one was.",
        "For half a second after a dialog opens, keys are dropped; a held Enter confirms nothing.",
    )
    return [*lines, (), *(line((text, "dim")) for rule in rules for text in wrap(rule, width))]


def _action(action: Action, width: int) -> Line:
    return line((f"  {key_names(action.keys):<11} ", "good"), (action.help, "text"))
