"""The timeline: every step with its plan, its start and drift, its outcome and who; the window; what can be gone back
to. At 80x24 it is a strip of two rows that is always there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from cockpit_widgets.charts import Mark, progress, timebar
from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, clip, join, line, row, shorten, wrap
from migration_cockpit.advice.times import moment
from migration_cockpit.advice.window import deadlines
from migration_cockpit.app.panes import starting, way_back
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.words import GLYPHS, OUTCOME_TONES, age, hm, long, minutes, seconds_between, size
from migration_cockpit.session.events import RecoveryPoint
from migration_cockpit.session.state import STEP_TITLES, State, StepState

STEP_KEYS = dict(zip(STEP_TITLES, "1234567890-", strict=True))
WHO_FROM = 64
"""Inside width from which there is room for who flew a step."""


def drift(step: StepState) -> float | None:
    """Seconds by which a step started after its plan; None before it started."""
    return (step.started - step.planned).total_seconds() if step.started else None


def forecast(state: State, now: datetime) -> float:
    """Seconds by which the steps to come will be late as things stand: the last start's drift, or more when the next is
    overdue. Steps that are early gain nothing for those after them."""
    drifts = [late for step in state.steps.values() if (late := drift(step)) is not None]
    due = next((step for step in state.steps.values() if step.started is None and not step.outcome), None)
    overdue = (now - due.planned).total_seconds() if due else 0.0
    return max(0.0, overdue, drifts[-1] if drifts else 0.0)


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - immutable
    """All steps, the window's bar, and the overrides, ledger, recovery points and messages of the session."""
    if not state.steps:
        return starting.pane("timeline", width)
    late = forecast(state, now)
    if (back := state.rollback) is not None:
        # What was flown stays in sight, in one row: the stages take the steps' place.
        marks = [_mark(step, due=False) for step in state.steps.values()]
        lines = [clip(line(join(marks, (" ", "dim"))), width), (), *way_back.lines(back, now, width)]
    else:
        lines = [_head(width)]
        for step in state.steps.values():
            lines += _step(step, state, now, width, late)
    lines += [(), *_window(state, now, width, rules), *_kept(state, width)]
    started = [each for step in state.steps.values() if (each := drift(step)) is not None]
    foot = line((f"drift {minutes(started[-1])} min", "careful" if started[-1] >= 300 else "dim")) if started else ()
    return View(tuple(lines), starting.titled("timeline"), foot)


def _title_width(width: int) -> int:
    return max(12, min(24, width - 30 - (12 if width >= WHO_FROM else 0)))


def _head(width: int) -> Line:
    who = f" {'who':<11}" if width >= WHO_FROM else ""
    return line((f"    {'step':<{_title_width(width)}} plan  now  drift {'':8}{who}", "dim"))


def _step(step: StepState, state: State, now: datetime, width: int, late: float) -> list[Line]:
    status = "running" if step.running else step.outcome or "next"
    mine = step is state.next_step
    tone = {"running": "bold", "next": "bright" if mine else "text"}.get(status, OUTCOME_TONES.get(status, "text"))
    word = {"next": "next" if mine else "", "overridden": "override"}.get(status, status)
    started = step.started or (None if step.outcome else step.planned + timedelta(seconds=late))
    off = (started - step.planned).total_seconds() if started else 0.0
    off_tone = "careful" if off >= 300 else "text" if step.started else "dim"
    cells = [
        (line((GLYPHS.get(status, "○"), tone)), 1),
        (line((STEP_KEYS[step.id], "dim")), 1),
        (line((STEP_TITLES[step.id], tone)), _title_width(width)),
        (line((hm(step.planned), "dim")), 5),
        (line((hm(started), "text" if step.started else "dim")), 5),
        (line((minutes(off) if started else "", off_tone)), -4),
        (line((word, tone)), 8),
    ]
    if width >= WHO_FROM:
        cells.append((line((step.operator, "dim")), 11))
    return [row(cells), *_below(step, now, width)]


def _below(step: StepState, now: datetime, width: int) -> list[Line]:
    """What a running or failed step adds below its row."""
    if step.running and step.started is not None:
        took = age(seconds_between(step.started, now))
        if step.total:
            bar = progress(step.done, step.total, max(8, width - 18))
            share = f"{100 * step.done // step.total:3d} %"
            said = [line("    ", bar, (f" {share}", "bold"), (f" {took:>7}", "dim"))]
        else:
            said = [line(("    for ", "dim"), (took, "text"))]
        return said + [line(("    " + text, "dim")) for text in wrap(step.progress, width - 4) if step.progress][:2]
    if step.outcome in {"failed", "aborted"} and step.why:
        return [line(("    " + text, OUTCOME_TONES[step.outcome])) for text in wrap(step.why, width - 4)][:4]
    return []


def _window(state: State, now: datetime, width: int, rules: Rules) -> list[Line]:
    steps = list(state.steps.values())
    start, end = min(steps[0].planned, steps[0].started or steps[0].planned), state.window_end
    if end is None or end <= start:
        return []
    total = (end - start).total_seconds()
    share = (now - start).total_seconds() / total
    marks = [Mark(max(0.0, min(1.0, share)), f"now {hm(now)}", "text")]
    running = state.running_step
    if running is not None and running.id == "migrate" and running.started is not None:
        decide = deadlines(state, rules.limits, end).decision
        if decide is not None and decide < end:
            marks.append(Mark((decide - start).total_seconds() / total, f"{hm(decide)} decide", "careful"))
    bar, *labels = timebar(min(1.0, share), marks, max(10, width - 13))
    return [line((f"{hm(start)} ", "dim"), bar, (f" {hm(end)}", "dim")), *(line("      ", each) for each in labels)]


def _kept(state: State, width: int) -> list[Line]:
    """What was decided and kept in this session: overrides, ledger, recovery points, messages."""
    overrides = [line((f"{each.step}: {each.reason}", "careful")) for each in state.overrides]
    ledger = state.ledger
    points = [_point(each, state, width) for each in sorted(state.recovery_points, key=lambda one: one.taken)]
    messages = state.messages.values()
    unsent = [each for each in messages if each.sent is None]
    sent = line((f"{len(messages) - len(unsent)} sent", "text")) if messages else line(("none yet", "dim"))
    if unsent:
        failing = any(each.tries for each in unsent)
        sent = line(sent, (f" · {len(unsent)} {'not sent, tried again' if failing else 'going out'}", "careful"))
    active = line((f"{ledger.active} active of {ledger.total} DAGs", "text")) if ledger else line(("none yet", "dim"))
    return [
        *_named("overrides", overrides or [line(("none", "text"))]),
        *_named("ledger", [active]),
        *_named("recovery", points or [line(("none yet", "dim"))]),
        *_named("messages", [sent]),
    ]


def _named(name: str, values: Iterable[Line]) -> list[Line]:
    return [line((f"{name if n == 0 else '':<10}", "dim"), value) for n, value in enumerate(values)]


def _point(point: RecoveryPoint, state: State, width: int) -> Line:
    known = f" {size(point.size)}" if point.size else ""
    if state.recovery_points and point.head != state.recovery_points[0].head:
        # The first point is from before the migration: one at another head holds a half-done one.
        half = f" half migrated, {point.head}"
        return line((f"· {hm(point.taken)} ", "dim"), (shorten(point.name, max(12, width - 38)), "dim"), (half, "dim"))
    return line((f"✔ {hm(point.taken)} ", "good"), (shorten(point.name, max(12, width - 26)), "text"), (known, "dim"))


def strip(state: State, now: datetime, width: int, height: int) -> View:
    """The timeline in two rows: every step's key and glyph, then what runs or is due, with its progress."""
    if not state.steps:
        return starting.STRIP
    if state.rollback is not None:
        return View(tuple(clip(each, width) for each in way_back.strip(state.rollback, now))[:height])
    marks = [_mark(step, step is state.next_step) for step in state.steps.values()]
    passed = sum(step.passed for step in state.steps.values())
    first = line(join(marks, ("  ", "dim")), (f"   {passed} of {len(state.steps)}", "dim"))
    return View((clip(first, width), clip(_now_line(state, now, width), width))[:height])


def marks(state: State) -> Line:
    """Each step's key and glyph; of a way back that goes on, the glyphs of its stages."""
    if state.rollback is not None and state.rollback.active:
        return way_back.marks(state.rollback)
    return join([_mark(step, step is state.next_step) for step in state.steps.values()], (" ", "dim"))


def _mark(step: StepState, due: bool) -> Line:
    status = "running" if step.running else step.outcome or "next"
    tone = "bold" if step.running or (due and not step.outcome) else OUTCOME_TONES.get(status, "dim")
    return line((f"{STEP_KEYS[step.id]}{GLYPHS.get(status, '○')}", tone))


def _now_line(state: State, now: datetime, width: int) -> Line:
    step = state.running_step or state.next_step
    if step is None:
        return line(("✔ all steps are flown", "good"))
    title = STEP_TITLES[step.id]
    if step.running and step.started is not None:
        took = age(seconds_between(step.started, now))
        if step.total:
            bar = progress(step.done, step.total, 20)
            share = f" {100 * step.done // step.total} %"
            return line((f"▶ {title} ", "bold"), bar, (share, "bold"), (f"  {took}  {step.progress}", "dim"))
        return line((f"▶ {title}", "bold"), (f"  running {took}  {step.progress}", "dim"))
    if step.outcome:
        return line((f"✖ {title} {step.outcome}: {step.why}", OUTCOME_TONES.get(step.outcome, "bad")))
    late = (now - step.planned).total_seconds()
    said = f"has been due for {long(late)}" if late >= 60 else "is due now" if late >= 0 else f"is due in {long(-late)}"
    return line((f"○ {title} ", "bright"), (f"{said}, {moment(step.planned, now)}", "dim"))
