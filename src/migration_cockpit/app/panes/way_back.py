"""The way back in the timeline: its stages in the place of the steps, each with what it took, how far it is and why it
stopped."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import progress
from cockpit_widgets.spans import Line, line, row, shorten, wrap
from migration_cockpit.app.words import GLYPHS, OUTCOME_TONES, age, hm, seconds_between
from migration_cockpit.session.state import RollbackState, StageState

SHOWN_WHY = 6
"""Lines of why a stage failed: it says in what state everything is."""


def lines(back: RollbackState, now: datetime, width: int) -> list[Line]:
    """The way with its point, who chose it and why, then a row for each stage."""
    to = f" to {back.point}" if back.point else ""
    said = [line((shorten(f"◀ way back: {back.way}{to}", width), "careful"))]
    said += [line((text, "dim")) for text in wrap(f"{back.operator}: {back.reason}", width)][:2]
    title = max(14, min(32, width - 26))
    said.append(line((f"    {'stage':<{title}} start  took", "dim")))
    for stage in back.stages:
        said += _stage(stage, stage is back.stage and back.active, now, width, title)
    if back.outcome:
        tone = "bad" if back.outcome == "failed" else "good"
        said.append(line((f"{'✖' if tone == 'bad' else '✔'} {back.outcome}", tone), (f" {hm(back.ended)}", "dim")))
    return said


def _status(stage: StageState) -> str:
    return "running" if stage.running else stage.outcome or "next"


def _stage(stage: StageState, mine: bool, now: datetime, width: int, title: int) -> list[Line]:
    status = _status(stage)
    tone = {"running": "bold", "next": "bright" if mine else "text"}.get(status, OUTCOME_TONES.get(status, "text"))
    took = age(seconds_between(stage.started, stage.ended or now)) if stage.started else ""
    cells = [
        (line((GLYPHS.get(status, "○"), tone)), 1),
        (line((shorten(stage.title, title + 1), tone)), title + 1),
        (line((hm(stage.started) if stage.started else "", "dim")), 5),
        (line((took, "dim" if stage.ended else "text")), -6),
        (line(("next" if status == "next" and mine else "" if status == "next" else status, tone)), 8),
    ]
    return [row(cells), *_below(stage, width)]


def _below(stage: StageState, width: int) -> list[Line]:
    """What a running, failed or skipped stage adds below its row."""
    if stage.running and stage.progress:
        said = [line(("    " + text, "dim")) for text in wrap(stage.progress, width - 4)][:2]
        if stage.total:
            bar = progress(stage.done, stage.total, max(8, width - 12))
            said.insert(0, line("    ", bar, (f" {100 * stage.done // stage.total:3d} %", "bold")))
        return said
    if stage.outcome in {"failed", "skipped"} and stage.why:
        tone = OUTCOME_TONES.get(stage.outcome, "bad")
        return [line(("    " + text, tone)) for text in wrap(stage.why, width - 4)][:SHOWN_WHY]
    return []


def marks(back: RollbackState) -> Line:
    """A glyph for each stage."""
    return line(("way back ", "careful"), ("".join(GLYPHS.get(_status(stage), "○") for stage in back.stages), "text"))


def strip(back: RollbackState, now: datetime) -> tuple[Line, Line]:
    """The way back in two rows: a glyph for each stage, then the one that runs, failed or is next."""
    passed = sum(stage.passed for stage in back.stages)
    first = line(marks(back), (f"  {passed} of {len(back.stages)}", "dim"))
    stage = back.stage
    if stage is None or not back.active:
        tone = "bad" if back.outcome == "failed" else "good"
        return first, line((f"{back.outcome or 'every stage is flown'}", tone), (f"  {back.why}", "dim"))
    if stage.outcome == "failed":
        return first, line((f"✖ {stage.title} failed, Enter to decide: {stage.why}", "bad"))
    took = age(seconds_between(stage.started, now)) if stage.started else ""
    return first, line((f"▶ {stage.title}", "bold"), (f"  {took}  {stage.progress}", "dim"))
