"""A step, or a stage of the way back: what was looked at, what was done, and its earlier attempts."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.spans import Line, line
from migration_cockpit.app.details.words import fact, heading, text
from migration_cockpit.app.dialogs.sheet import check_lines
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.words import GLYPHS, OUTCOME_TONES, age, hms, minutes, seconds_between
from migration_cockpit.cockpit.details.tables import STAGE
from migration_cockpit.session.events import ROLLBACK, Check
from migration_cockpit.session.state import (
    STEP_TITLES,
    AttemptState,
    OperationState,
    RunState,
    StageState,
    State,
    StepState,
)


def detail(state: State, now: datetime, key: str, width: int, rules: Rules) -> list[Line]:
    """All that the record has of it."""
    if key.startswith(STAGE):
        stages = state.rollback.stages if state.rollback else ()
        stage = next((each for each in stages if STAGE + each.id == key), None)
        return _stage(stage, state, now, width) if stage else []
    step = state.steps.get(key)
    return _step(step, state, now, width) if step else []


def _step(step: StepState, state: State, now: datetime, width: int) -> list[Line]:
    lines = [line((STEP_TITLES.get(step.id, step.id), "title"), (f"   step {step.id}", "dim"))]
    lines += fact("planned", hms(step.planned), width)
    lines += _run(step, now, width)
    if step.started:
        lines += fact("drift", f"{minutes((step.started - step.planned).total_seconds())} min", width)
    lines += fact("progress", step.progress, width)
    lines += _checks(
        "Gates when it was started",
        step.gates,
        width,
        "none is on record" if step.started else "none was looked at: it has not been started",
    )
    lines += _checks("Verification", step.checks, width, "nothing is on record")
    mine = [each for each in state.operations.values() if each.step == step.id]
    lines += _operations(mine, now, width)
    said = [each for each in state.overrides if each.step == step.id]
    if said:
        lines += heading("Overrides")
        for each in said:
            gates = ", ".join(gate.name for gate in each.gates)
            lines += text(f"{each.operator}: {each.reason} (past {gates})", width, "careful", lead="  ▲ ")
    made = [each for name, each in state.decisions.items() if name.startswith(f"{step.id}/")]
    if made:
        lines += heading("Decisions")
        for answer in made:
            reason = f": {answer.reason}" if answer.reason else ""
            lines += text(f"{answer.operator} answered {answer.answer} to {answer.decision}{reason}", width)
    return lines + _attempts(state.attempts.get(step.id, ()), width)


def _run(each: RunState, now: datetime, width: int) -> list[Line]:
    word = "running" if each.running else each.outcome or "not begun"
    tone = "bold" if each.running else OUTCOME_TONES.get(word, "text")
    lines = fact("state", f"{GLYPHS.get(word, '○')} {word}", width, tone)
    if each.started:
        end = each.ended or now
        until = f" to {hms(each.ended)}" if each.ended else ""
        lines += fact("from", f"{hms(each.started)}{until}, {age(seconds_between(each.started, end))}", width)
    lines += fact("by", each.operator, width)
    lines += fact("attempt", str(each.attempt) if each.attempt else "", width)
    return lines + fact("why", each.why, width, OUTCOME_TONES.get(word, "text"))


def _stage(stage: StageState, state: State, now: datetime, width: int) -> list[Line]:
    lines = [line((f"way back: {stage.title}", "title")), *_run(stage, now, width)]
    lines += fact("expected", age(stage.expected) if stage.expected else "", width)
    lines += _checks("Verification", stage.checks, width, "not looked at yet")
    begin, end = stage.started, stage.ended or now
    mine = [
        each
        for each in state.operations.values()
        if each.step == ROLLBACK and begin is not None and begin <= each.intended <= end
    ]
    return lines + _operations(mine, now, width)


def _checks(name: str, checks: tuple[Check, ...], width: int, none: str) -> list[Line]:
    if not checks:
        return [*heading(name), line((f"  {none}", "dim"))]
    return [*heading(name), *(each for check in checks for each in check_lines(check, width))]


def _operations(operations: list[OperationState], now: datetime, width: int) -> list[Line]:
    if not operations:
        return [*heading("Operations"), line(("  none is on record", "dim"))]
    lines = heading("Operations", "what was done, with the commands as they were shown")
    for each in operations:
        lines += [_operation(each, now), *text(each.key, width, "dim", lead="    ")]
        tone = "bad" if each.outcome == "failed" else "text"
        lines += text(each.detail, width, tone, lead="    ") if each.detail else []
        for command in each.commands:
            lines += text(command.what, width, lead="    · ") if command.what else []
            lines += text(command.text, width, "good", lead="      ")
    return lines


def _operation(each: OperationState, now: datetime) -> Line:
    word = each.outcome or "in flight"
    glyph, tone = {"done": ("✔", "good"), "found": ("✔", "good"), "failed": ("✖", "bad")}.get(word, ("▶", "bold"))
    took = age(seconds_between(each.intended, each.ended or now))
    found = ", was done before" if word == "found" else ""
    return line((f"  {glyph} {each.operation} ", tone), (f"{word}{found}  {hms(each.intended)}  {took}", "text"))


def _attempts(attempts: tuple[AttemptState, ...], width: int) -> list[Line]:
    if not attempts:
        return []
    lines = heading("Earlier attempts")
    for each in reversed(attempts):
        tone = OUTCOME_TONES.get(each.outcome, "text")
        until = f" to {hms(each.ended)}" if each.ended else ""
        head = f"{each.number}. {each.outcome or 'not ended'}  {hms(each.started)}{until}  {each.operator}"
        lines += [line((f"  {head}", tone)), *(text(each.why, width, tone, lead="     ") if each.why else [])]
        for operation in each.operations:
            ended = f"{operation.outcome or 'in flight'}{f': {operation.detail}' if operation.detail else ''}"
            lines += text(f"{operation.operation} {ended}", width, "dim", lead="     ")
    return lines
