"""What to do now, from all that is known: a pure function (State, now) -> Advice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from migration_cockpit.advice import failures
from migration_cockpit.advice.advice import STARTING, Advice
from migration_cockpit.advice.going_back import advise_left, advise_rollback, left
from migration_cockpit.advice.migrating import advise_migration
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.rollback_cost import cost, usable
from migration_cockpit.advice.silence import silent
from migration_cockpit.advice.times import capital, clock, moment, sentence
from migration_cockpit.advice.updates import over
from migration_cockpit.advice.verdict import Judge, judge
from migration_cockpit.config import Limits
from migration_cockpit.session.state import STEP_TITLES, Postponement, State, StepState
from migration_cockpit.session.words import long


def advise(
    state: State,
    now: datetime,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    rates: Rates = BUILT_IN,
    judged: Judge = judge,
) -> Advice:
    """The one thing that matters most now: a question, a failure, what runs, what is due, or that all is done.

    A known failure that shows stands beside it, or before it where it would be told that all is well. `judged` gives
    the migration's verdict.
    """
    return _with_update(state, _with_failures(state, _advise(state, now, limits, rates, judged)))


def _with_update(state: State, advice: Advice) -> Advice:
    """The update that waits to be sent, in full and last: whoever sends it has read it."""
    ready = state.updates
    if ready.prepared is None or over(state):
        return advice
    return replace(advice, details=(*advice.details, f"Update of {clock(ready.prepared)}: {ready.text}"))


def _with_failures(state: State, advice: Advice) -> Advice:
    shown = [each for each in failures.standing(state) if not each.over and each.severity != "expected"]
    if not shown:
        return advice
    worst = shown[0].state.event
    more = f"; {len(shown) - 1} more" if len(shown) > 1 else ""
    text = f"Known failure in {worst.where}: {worst.title}. f says why, and what mends it{more}."
    if shown[0].severity == "bad" and advice.tone in {"good", "plain"}:
        return Advice("LOOK", "bad", text, (advice.headline, *advice.details))
    return replace(advice, details=(text, *advice.details))


def _advise(state: State, now: datetime, limits: Limits, rates: Rates, judged: Judge) -> Advice:
    if state.session is None:
        return STARTING
    if state.postponement is not None and state.postponement.outcome != "failed":
        return _postponed(state.postponement)
    details = tuple(text for text in (_dangers(state, now), _way_back(state, now)) if text)
    if state.decision is not None:
        return _decision(state, now, details)
    if state.rollback is not None:
        back = advise_rollback(state.rollback, now, state.session.source_version, details)
        if back is not None:
            return back
    running = state.running_step
    if running is not None:
        return _running(state, running, now, limits, rates, details, judged)
    if where := left(state):
        return advise_left(where, details)
    due = state.next_step
    if due is None:
        return _done(state, details)
    if due.outcome in {"failed", "aborted"}:
        return _failed(due, details)
    return _due(state, due, now, details)


def _postponed(off: Postponement) -> Advice:
    if off.outcome:
        return Advice("OVER", "good", f"The migration is postponed: {off.reason}", off.starts_from)
    return Advice("WAIT", "careful", f"The migration is being postponed ({off.reason}): the DAGs come back.")


def _decision(state: State, now: datetime, details: tuple[str, ...]) -> Advice:
    assert state.decision is not None
    event, asked = state.decision.event, state.decision.asked
    *others, last = event.choices
    answers = f"{', '.join(others)} or {last}" if others else last
    waited = long((now - asked).total_seconds())
    first = f"Enter opens it: {answers}. Asked at {clock(asked)}, {waited} ago; the step waits for the answer."
    return Advice("DECIDE", "careful", sentence(event.question), (first, *details))


def _running(
    state: State, step: StepState, now: datetime, limits: Limits, rates: Rates, details: tuple[str, ...], judged: Judge
) -> Advice:
    started = step.started or now
    title = capital(STEP_TITLES[step.id])
    took = long((now - started).total_seconds())
    if step.id == "migrate":
        return advise_migration(state, step, now, limits, rates, details, judged)
    far = f" {100 * step.done // step.total} % done." if step.total else ""
    doing = f" {sentence(step.progress)}" if step.progress else ""
    if step.id == "soak":
        end = started + timedelta(seconds=limits.soak)
        if unseen := _unseen(state):
            text = f"Not seen now: {unseen}. Soak until {clock(end)}.{doing}"
            return Advice("UNKNOWN", "careful", text, details)
        return Advice("WATCH", "good", f"Soak until {clock(end)}: watch pods, failures and metrics.{doing}", details)
    failing = [check for check in step.checks if not (check.holds and check.known)]
    if failing:
        names = "; ".join(f"{check.name}: {check.found}" for check in failing)
        return Advice("WAIT", "good", f"{title} is being verified, for {took}. Not yet so: {names}", details)
    return Advice("WAIT", "good", f"{title} runs for {took}.{far}{doing}", details)


def _failed(step: StepState, details: tuple[str, ...]) -> Advice:
    again = (
        f"Mend it, then Enter opens step {STEP_TITLES[step.id]} again; what was done already is found, not done twice."
    )
    title = capital(STEP_TITLES[step.id])
    return Advice("STOP", "bad", f"{title} {step.outcome}: {step.why}", (again, *details))


def _due(state: State, step: StepState, now: datetime, details: tuple[str, ...]) -> Advice:
    late = (now - step.planned).total_seconds()
    title = STEP_TITLES[step.id]
    first = state.steps and step is next(iter(state.steps.values()))
    before = "" if first else " The steps before it have passed."
    if state.window_end is not None and now >= state.window_end:
        closed = f"The window closed {moment(state.window_end, now)}."
        return Advice("STOP", "bad", f"{closed} {capital(title)} is next: agree on a new end first.", details)
    if unseen := _unseen(state):
        when = f", due for {long(late)}" if late >= 0 else f" {moment(step.planned, now)}, in {long(-late)}"
        text = f"Not seen now: {unseen}. Next is {title}{when}."
        return Advice("UNKNOWN", "careful", text, details)
    if late >= 0:
        due = f"has been due for {long(late)}" if late >= 60 else "is due now"
        return Advice(
            "GO",
            "careful" if late >= 300 else "good",
            f"{capital(title)} {due}: Enter opens its sheet.{before}",
            details,
        )
    text = f"Next is {title} {moment(step.planned, now)}, in {long(-late)}. Enter opens its sheet.{before}"
    return Advice("READY", "good", text, details)


_WORLD = {"pods": "the pods", "database": "the database"}
"""Sources without which no step can be judged."""


def _unseen(state: State) -> str:
    """What of the world is not seen now, in words; empty when all of it is."""
    return " and ".join(what for source, what in _WORLD.items() if _fails(state, source))


def _fails(state: State, source: str) -> bool:
    known = state.sources.get(source)
    return known is not None and known.failing_since is not None


def _done(state: State, details: tuple[str, ...]) -> Advice:
    clean = all(step.outcome == "verified" for step in state.steps.values()) and not state.overrides
    version = state.session.target_version if state.session else ""
    if clean:
        return Advice(
            "DONE", "good", f"All {len(state.steps)} steps are verified: Airflow {version} is in service.", details
        )
    odd = [f"{STEP_TITLES[step.id]} {step.outcome}" for step in state.steps.values() if step.outcome != "verified"]
    text = f"Every step is flown, not every one verified: {', '.join(odd) or 'gates were overridden'}."
    return Advice("DONE", "careful", text, details)


def _dangers(state: State, now: datetime) -> str:
    """What will end before the flight does, and what cannot be seen."""
    said = []
    end = state.window_end
    over = state.next_step is None
    if end is not None and not over and now >= end:
        said.append(f"The window closed {moment(end, now)}.")
    elif end is not None and not over and (end - now).total_seconds() < 3600:
        said.append(f"The window closes in {long((end - now).total_seconds())}.")
    for name, ends in sorted(state.credentials.items(), key=lambda item: item[1]):
        if ends <= now:
            said.append(f"Credentials of {name} have expired.")
        elif end is not None and ends < end and not over:
            said.append(f"Credentials of {name} end at {clock(ends)}, before the window does.")
    blind = [each.name for each in silent(state).values() if not each.expected]
    if blind:
        said.append(f"Not seen now: {', '.join(blind)}.")
    return " ".join(said)


def _way_back(state: State, now: datetime) -> str:
    """What the age of this moment means for a way back, and its newest point; the cost stands in the frame."""
    found = cost(state, now)
    if found is None or state.next_step is None:
        return ""
    if state.recovery_points and not usable(state):
        return "No recovery point holds the source version's schema: there is no way back by one of them."
    points = usable(state)
    newest = f" Newest recovery point: {points[0].name}, {clock(points[0].taken)}." if points else ""
    return f"{found.age}{newest}"
