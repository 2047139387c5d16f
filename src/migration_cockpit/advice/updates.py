"""The update for the channel: when the next one is due, and what it says, from State alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from migration_cockpit.advice.going_back import left
from migration_cockpit.advice.migrating import TOLD
from migration_cockpit.advice.progress import progress
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.times import between, clock
from migration_cockpit.advice.verdict import judge
from migration_cockpit.config import Limits
from migration_cockpit.session.events.updates import LASTS
from migration_cockpit.session.state import STEP_TITLES, State, StepState
from migration_cockpit.session.words import long

LATE = 60.0
"""Seconds of drift that are worth a word."""
USERS = {
    "announce": "nothing yet",
    "pause": "no new DAG runs start; running tasks go on; the UI answers",
    "drain": "no new DAG runs start; running tasks end; the UI answers",
    "helm": "no DAG runs; UI and API stop answering",
    "migrate": "no DAG runs; UI and API do not answer",
    "healthy": "no DAG runs yet; UI and API come back, and look different",
    "smoke": "no DAG runs yet; UI and API answer",
    "critical": "critical DAGs run again, the others do not yet; UI and API answer",
    "rest": "critical DAGs run, the others come back one after the other",
    "soak": "DAGs run again; the UI looks different",
    "success": "DAGs run again; the UI looks different",
}
"""What users may notice while a step runs."""

_BEFORE = {
    "pause": "nothing yet",
    "helm": USERS["drain"],
    "healthy": USERS["migrate"],
    "critical": USERS["smoke"],
    "rest": USERS["critical"],
}
"""The same while the step is the next one and changes something for them."""


def due_at(state: State, every: float) -> datetime | None:
    """When the next update is due, `every` so many seconds; None before the announcement and once it is over."""
    first = state.steps.get("announce")
    if first is None or first.ended is None or over(state):
        return None
    told = state.updates.sent or first.ended
    return told + timedelta(seconds=every)


def over(state: State) -> bool:
    """Whether there is nothing more to tell: all flown, gone back, or called off."""
    if state.rollback is not None and state.rollback.outcome in {"rolled back", "aborted"}:
        return True
    if state.postponement is not None and state.postponement.outcome == "verified":
        return True
    return bool(state.steps) and state.next_step is None


def on_its_way(state: State, now: datetime) -> bool:
    """Whether one is being sent; one that a cockpit which died had queued is not, after some minutes."""
    queued = state.updates.queued
    return queued is not None and now - queued < LASTS


def place(state: State) -> tuple[str, str]:
    """Where the flight is: an update that was prepared elsewhere is not true any more."""
    back = state.rollback
    if back is not None and back.active:
        stage = back.stage
        return "rollback", f"{stage.id} {stage.outcome}" if stage else ""
    step = state.running_step or state.next_step
    return (step.id, "running" if step.running else step.outcome) if step else ("", "")


def text(state: State, now: datetime, limits: Limits, rates: Rates = BUILT_IN) -> str:
    """What is true now: where it is, how late, until when, and what users may notice."""
    opened = state.session
    assert opened is not None  # nothing is due before
    lead = f"Airflow migration of {opened.deployment}, {clock(now)} UTC:"
    back = state.rollback
    if back is not None and back.active:
        stage = back.stage
        doing = f", now: {stage.title}" if stage else ""
        failed = "; this stage failed, what to do is being decided" if stage and stage.outcome == "failed" else ""
        version = opened.source_version
        return f"{lead} going back to {version} since {clock(back.started)}{doing}{failed}. Users: {_BACK}."
    if state.running_step is None and left(state):
        return f"{lead} the way back to {opened.source_version} stands; what to do is being decided. Users: {_BACK}."
    step = state.running_step or state.next_step
    if step is None:
        return f"{lead} every step is flown."
    parts = [f"{lead} {_where(state, step, now)}", _far(state, step, now, limits, rates), _end(state, step, now, rates)]
    said = " ".join(part for part in parts if part)
    users = USERS if step.started is not None else {**USERS, **_BEFORE}
    return f"{said} Users: {users.get(step.id, 'see above')}."


_BACK = "no DAG runs; UI and API may not answer"


def _where(state: State, step: StepState, now: datetime) -> str:
    number = list(state.steps).index(step.id) + 1
    named = f"step {number} of {len(state.steps)}, {STEP_TITLES[step.id]}"
    drift = _drift(step, now)
    late = f", {long(drift)} behind plan" if drift >= LATE else f", {long(-drift)} ahead" if drift <= -LATE else ""
    if step.running:
        began = step.started or now
        return f"{named}, for {long((now - began).total_seconds())}{late}."
    if step.outcome in {"failed", "aborted"}:
        return f"{named} {step.outcome}{late}; what to do is being decided."
    return f"{named} comes next{late}."


def _drift(step: StepState, now: datetime) -> float:
    """Seconds behind plan; below zero: ahead. A step that has not begun is late once its time is past."""
    if step.started is not None:
        return (step.started - step.planned).total_seconds()
    return max(0.0, (now - step.planned).total_seconds())


def _far(state: State, step: StepState, now: datetime, limits: Limits, rates: Rates) -> str:
    if not step.running:
        return ""
    if step.id == "migrate":
        return _migration(state, now, limits, rates)
    return f"{100 * step.done // step.total} % done." if step.total else ""


def _migration(state: State, now: datetime, limits: Limits, rates: Rates) -> str:
    """How the migration does, by its verdict; no more than that where it is not seen or does not move."""
    source = state.sources.get("database")
    if source is not None and source.failing_since is not None:
        return f"How far it is cannot be seen since {clock(source.failing_since)}."
    verdict, far = judge(state, now, limits, rates), progress(state, now, rates)
    if verdict is None:
        return ""
    words = f"It {TOLD[verdict.word]}"
    if verdict.word not in {"WORKING", "SLOW"} or far is None or not far.number:
        return f"{words}."
    done = f"{words}: {far.percent} % done"
    if far.eta is None:
        return f"{done}."
    return f"{done}, ready {between(far.eta.low, far.eta.high)} UTC."


def _end(state: State, step: StepState, now: datetime, rates: Rates) -> str:
    """When all is done, if nothing more is late: the plan, moved by what is late now."""
    last = state.steps.get("success")
    if last is None or step.outcome in {"failed", "aborted"}:
        return ""
    drift = max(0.0, _drift(step, now))
    follows = _after(state, step)
    if step.id == "migrate" and step.running:
        far = progress(state, now, rates)
        if far is not None and far.eta is not None and follows is not None:
            drift = max(drift, (far.eta.high - follows.planned).total_seconds())
    elif step.running and follows is not None:
        drift = max(drift, (now - follows.planned).total_seconds())
    about = last.planned + timedelta(seconds=drift)
    window = f", the window ends at {clock(state.window_end)}" if state.window_end else ""
    return f"All done about {clock(about)} UTC{window}."


def _after(state: State, step: StepState) -> StepState | None:
    ids = list(state.steps)
    number = ids.index(step.id) + 1
    return state.steps[ids[number]] if number < len(ids) else None
