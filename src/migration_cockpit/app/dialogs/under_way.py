"""The way back under way: every stage with what became of it; after a failed one in what state everything is."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import progress
from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.dialogs.sheet import check_lines
from migration_cockpit.app.words import GLYPHS, OUTCOME_TONES, age, hm, long, seconds_between
from migration_cockpit.cockpit.dialogs.under_way import question
from migration_cockpit.session.state import RollbackState, StageState, State

WORDS = {"rolled back": "good", "aborted": "good", "failed": "bad"}


class UnderWayDialog(Dialog):
    """Drawn from State: it can be closed and opened at any time."""

    tone = "border-careful"

    def heading(self) -> str:
        """How far it is."""
        back = self._cockpit_app.state.rollback
        if back is None:
            return "rollback · begins"
        if back.ended is not None:
            return f"rollback · {back.outcome}"
        return f"rollback · stage {_number(back)} of {len(back.stages)}"

    def text(self, width: int) -> list[Line]:
        """All stages."""
        app = self._cockpit_app
        return under_way_lines(app.state, app.now, width)

    def body(self, width: int, height: int) -> View:
        """Where not all has room, the stages that are behind share their lines: what runs or failed is seen."""
        lines = self.text(width)
        if len(lines) > height:
            app = self._cockpit_app
            lines = under_way_lines(app.state, app.now, width, short=True)
        return View(tuple(lines))

    def key_entries(self) -> list[tuple[str, str]]:
        """What Enter does depends on whether something is asked."""
        asked = question(self._cockpit_app.state) is not None
        word = "retry, skip or leave" if asked else "close"
        return [(keys, word if keys == "Enter" else label) for keys, label in super().key_entries()]


def under_way_lines(state: State, now: datetime, width: int, *, short: bool = False) -> list[Line]:
    """Way, reason, stages; what failed and what is asked stands first. `short` tells the stages behind together."""
    back = state.rollback
    if back is None:
        return [line(("the way back begins …", "text"))]
    to = f" to {back.point}" if back.point else ""
    left = sum(stage.expected for stage in back.stages if not stage.passed)
    until = f", about {long(left)} to go" if back.active else f", ended {hm(back.ended)}" if back.ended else ""
    head = f"{back.way}{to}, begun {hm(back.started)} by {back.operator}{until}"
    lines = [line((text, "bright")) for text in wrap(head, width)]
    lines += [line((text, "text")) for text in wrap(f"Reason: {back.reason}", width)]
    if back.ended is not None:
        said = f"{back.outcome}{f': {back.why}' if back.why else ''}"
        lines += [(), *(line((text, WORDS.get(back.outcome, "text"))) for text in wrap(said, width))]
    lines += [(), *_asked(state, width)]
    behind = 0
    while short and behind < len(back.stages) and back.stages[behind].outcome == "verified":
        behind += 1
    if behind:
        said = f"✔ 1-{behind} verified: {', '.join(stage.title for stage in back.stages[:behind])}"
        lines += [line((text, "good")) for text in wrap(said, width, indent="  ")]
    for number, stage in enumerate(back.stages[behind:], behind + 1):
        lines += _stage(number, stage, stage is back.stage and back.active, now, width)
    return lines


def _number(back: RollbackState) -> int:
    return min(len(back.stages), sum(stage.passed for stage in back.stages) + 1)


def _asked(state: State, width: int) -> list[Line]:
    asked = question(state)
    if asked is None:
        return []
    said = f"{asked.event.question}. Enter opens the answers: {', '.join(asked.event.choices)}."
    return [*(line((text, "careful-bold")) for text in wrap(f"▲ {said}", width, indent="  ")), ()]


def _stage(number: int, stage: StageState, at: bool, now: datetime, width: int) -> list[Line]:
    status = "running" if stage.running else stage.outcome or "next"
    tone = "bold" if stage.running else OUTCOME_TONES.get(status, "bright" if at else "dim")
    word = {"next": "next" if at else ""}.get(status, status)
    took = ""
    if stage.started is not None:
        took = age(seconds_between(stage.started, stage.ended or now))
    again = f", attempt {stage.attempt}" if stage.attempt > 1 else ""
    lines = [
        line(
            (f"{GLYPHS.get(status, '○')} {number:2d} ", tone),
            (f"{stage.title:<34}", tone),
            (f" {word}{again}", tone),
            (f"   {took}" if took else "", "text"),
            (f" of about {long(stage.expected)}" if stage.running else "", "dim"),
        )
    ]
    if stage.running:
        if stage.total:
            bar = progress(stage.done, stage.total, max(8, min(40, width - 12)))
            lines.append(line("     ", bar, (f" {100 * stage.done // stage.total} %", "bold")))
        lines += [line((f"     {text}", "dim")) for text in wrap(stage.progress, width - 5) if stage.progress][:2]
    if stage.why:
        why_tone = OUTCOME_TONES.get(stage.outcome, "text")
        lines += [line((f"     {text}", why_tone)) for text in wrap(stage.why, width - 5)]
    if stage.outcome == "failed" or stage.running:
        lines += [
            each for check in stage.checks if not (check.holds and check.known) for each in check_lines(check, width)
        ]
    return lines
