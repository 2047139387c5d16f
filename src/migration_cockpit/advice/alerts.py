"""What must be seen without reading: a change of verdict, a step that is due, a decision, a window or a credential that
is about to end. Pure: the banner is drawn from these, and the bell rings when one comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from migration_cockpit.advice.window import deadlines
from migration_cockpit.config import Limits
from migration_cockpit.session.state import STEP_TITLES, State
from migration_cockpit.session.words import long

SOON = 3600.0
"""Seconds before its end from which a window or a credential is told."""
NEAR = 900.0
"""Seconds before a decision point from which it is told."""
FRESH = 120.0
"""Seconds for which a change of verdict is told; one that asks for an act is told for as long as it stands."""
CALM = frozenset({"WORKING", "DONE"})
GRAVE = frozenset({"BLOCKED", "LOST", "FAILED"})


@dataclass(frozen=True)
class Alert:
    """One thing: what it is about (`key` stays the same while it stands), its words, and how bad it is."""

    key: str
    text: str
    tone: str
    """`good`, `careful` or `bad`."""


def alerts(state: State, now: datetime, limits: Limits = Limits()) -> list[Alert]:  # noqa: B008 - immutable
    """All that stand now, the worst first; none before the session is opened or after the last step."""
    if state.session is None:
        return []
    over = state.next_step is None and state.rollback is None
    found = [*_decision(state, now, limits), *_verdict(state, now)]
    if not over and state.closed == "":
        found += [*_due(state, now), *_window(state, now), *_credentials(state, now)]
    return sorted(found, key=lambda each: ("bad", "careful", "good").index(each.tone))


def _decision(state: State, now: datetime, limits: Limits) -> list[Alert]:
    if state.decision is not None:
        return [Alert(f"decision {state.decision.event.decision}", "DECISION asked: Enter opens it", "careful")]
    if state.window_end is None:
        return []
    at = deadlines(state, limits, state.window_end).decision
    if at is None:
        return []
    left = (at - now).total_seconds()
    if left > NEAR:
        return []
    if left > 0:
        return [Alert("decision point", f"DECISION POINT in {long(left)}", "careful")]
    return [Alert("decision point passed", f"DECISION POINT passed {long(-left)} ago", "bad")]


def _verdict(state: State, now: datetime) -> list[Alert]:
    said, since = state.verdict, state.verdict_since
    migrate = state.steps.get("migrate")
    if said is None or since is None or migrate is None:
        return []
    acts = said.verdict in GRAVE or (said.verdict == "QUIET" and said.subject == "long")
    stands = acts and migrate.running
    age = (now - since).total_seconds()
    if not stands and age > FRESH:
        return []
    tone = "bad" if said.verdict in GRAVE else "good" if said.verdict in CALM else "careful"
    return [Alert(f"verdict {said.verdict} {said.subject}", f"VERDICT {said.verdict} for {long(age)}", tone)]


def _due(state: State, now: datetime) -> list[Alert]:
    step = state.next_step
    if step is None or state.running_step is not None or step.outcome or state.rollback or state.postponement:
        return []
    late = (now - step.planned).total_seconds()
    if late < 0:
        return []
    since = f" for {long(late)}" if late >= 60 else ""
    title = STEP_TITLES.get(step.id, step.id)
    return [Alert(f"due {step.id}", f"STEP DUE{since}: {title}", "careful" if late >= 300 else "good")]


def _window(state: State, now: datetime) -> list[Alert]:
    if state.window_end is None:
        return []
    left = (state.window_end - now).total_seconds()
    if left > SOON:
        return []
    if left > 0:
        return [Alert("window", f"WINDOW closes in {long(left)}", "careful")]
    return [Alert("window closed", f"WINDOW closed {long(-left)} ago", "bad")]


def _credentials(state: State, now: datetime) -> list[Alert]:
    found = []
    for name, ends in sorted(state.credentials.items(), key=lambda item: item[1]):
        left = (ends - now).total_seconds()
        if left <= 0:
            found.append(Alert(f"credentials {name} expired", f"CREDENTIALS of {name} expired", "bad"))
        elif left <= SOON:
            found.append(Alert(f"credentials {name}", f"CREDENTIALS of {name} end in {long(left)}", "careful"))
    return found
