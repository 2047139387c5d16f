"""What to do now, from all that is known: a pure function (State, now) -> Advice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from migration_cockpit.advice import revisions
from migration_cockpit.advice.window import deadlines
from migration_cockpit.config import Limits
from migration_cockpit.session.state import STEP_TITLES, State, StepState


@dataclass(frozen=True)
class Advice:
    """A word that can be called across a room, its sentence, and what is behind it."""

    word: str
    tone: str
    """`good`, `careful`, `bad` or `plain`."""
    headline: str
    details: tuple[str, ...] = ()


def advise(state: State, now: datetime, limits: Limits = Limits()) -> Advice:  # noqa: B008 - immutable
    """The one thing that matters most now: a question, a failure, what runs, what is due, or that all is done."""
    if state.session is None:
        return Advice("STARTING", "plain", "The session is being opened; nothing has been asked of the world yet.")
    details = tuple(text for text in (_dangers(state, now), _way_back(state)) if text)
    if state.decision is not None:
        return _decision(state, now, details)
    running = state.running_step
    if running is not None:
        return _running(state, running, now, limits, details)
    due = state.next_step
    if due is None:
        return _done(state, details)
    if due.outcome in {"failed", "aborted"}:
        return _failed(due, details)
    return _due(state, due, now, details)


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M")


def _long(seconds: float) -> str:
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 5400:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _decision(state: State, now: datetime, details: tuple[str, ...]) -> Advice:
    assert state.decision is not None
    event, asked = state.decision.event, state.decision.asked
    answers = " or ".join(event.choices)
    waited = _long((now - asked).total_seconds())
    first = f"Enter opens it: {answers}. Asked at {_clock(asked)}, {waited} ago; the step waits for the answer."
    return Advice("DECIDE", "careful", _sentence(event.question), (first, *details))


def _running(state: State, step: StepState, now: datetime, limits: Limits, details: tuple[str, ...]) -> Advice:
    started = step.started or now
    title = _capital(STEP_TITLES[step.id])
    took = _long((now - started).total_seconds())
    if step.id == "migrate":
        return _migrating(state, step, started, now, limits, details)
    far = f" {100 * step.done // step.total} % done." if step.total else ""
    doing = f" {_sentence(step.progress)}" if step.progress else ""
    if step.id == "soak":
        end = started + timedelta(seconds=limits.soak)
        return Advice("WATCH", "good", f"Soak until {_clock(end)}: watch pods, failures and metrics.{doing}", details)
    failing = [check for check in step.checks if not (check.holds and check.known)]
    if failing:
        names = "; ".join(f"{check.name}: {check.found}" for check in failing)
        return Advice("WAIT", "good", f"{title} is being verified, for {took}. Not yet so: {names}", details)
    return Advice("WAIT", "good", f"{title} runs for {took}.{far}{doing}", details)


def _migrating(
    state: State, step: StepState, started: datetime, now: datetime, limits: Limits, details: tuple[str, ...]
) -> Advice:
    job = state.operations.get("migrate/migration-job")
    if job is None or job.attempt != step.attempt:  # what is done so far, a snapshot perhaps, is not of the migration
        far = f" {_sentence(step.progress)}" if step.progress else ""
        text = f"The migration has not begun; its step runs for {_long((now - started).total_seconds())}.{far}"
        return Advice("WAIT", "good", text, details)
    decide = started + timedelta(seconds=limits.decision_at)
    if state.window_end is not None:
        decide = deadlines(state, limits, state.window_end).decision or decide
    took = (now - started).total_seconds()
    left = (decide - now).total_seconds()
    # Counted, not weighed: fourteen quick revisions say little of the fifteenth.
    far = f" {step.done} of {step.total} revisions are in." if step.total else ""
    waits = state.database is not None and any(
        backend.role == "migration" and backend.pid in {waiter.pid for waiter in state.database.waiters}
        for backend in state.database.backends
    )
    when = (
        f"Decision at {_clock(decide)} (in {_long(left)})."
        if left > 0
        else f"The decision was due at {_clock(decide)}."
    )
    never = "Never end the migration by hand: what it has done of this revision would be undone."
    if waits:
        return Advice(
            "BLOCKED",
            "bad",
            f"The migration waits for a lock: see who holds it in the database pane. {when}",
            (never, *details),
        )
    source = state.sources.get("database")
    if source is not None and source.failing_since is not None:
        unseen = f"The database cannot be seen since {_clock(source.failing_since)}: {source.why}."
        return Advice("BLIND", "careful", f"{unseen} Whether the migration works is not known. {when}", details)
    verdict = state.verdict.verdict if state.verdict else ""
    said = _sentence(state.verdict.evidence) if state.verdict else f"The migration runs for {_long(took)}."
    if left <= 0:
        return Advice(
            "DECIDE",
            "careful",
            f"{said}{far} {when} Wait while it works; think of the way back when it is quiet.",
            (never, *details),
        )
    if verdict in {"BLOCKED", "LOST", "FAILED"}:
        return Advice(verdict, "bad", f"{said} {when}", (never, *details))
    if verdict in {"QUIET", "SLOW"}:
        return Advice(verdict, "careful", f"{said}{far} {when}", (never, *details))
    if took >= limits.checks_at:
        text = (
            f"{said}{far} {when} {_long(limits.checks_at)} have passed: look at locks, WAL and IOPS, and tell people."
        )
        return Advice("CHECK", "careful", text, (never, *details))
    return Advice("WAIT", "good", f"{said}{far} {when}", details)


def _sentence(text: str) -> str:
    return f"{_capital(text)}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _capital(text: str) -> str:
    """The text with a capital first; DAGs stay DAGs."""
    return f"{text[:1].upper()}{text[1:]}"


def _failed(step: StepState, details: tuple[str, ...]) -> Advice:
    again = (
        f"Mend it, then Enter opens step {STEP_TITLES[step.id]} again; what was done already is found, not done twice."
    )
    title = _capital(STEP_TITLES[step.id])
    return Advice("STOP", "bad", f"{title} {step.outcome}: {step.why}", (again, *details))


def _due(state: State, step: StepState, now: datetime, details: tuple[str, ...]) -> Advice:
    late = (now - step.planned).total_seconds()
    title = STEP_TITLES[step.id]
    first = state.steps and step is next(iter(state.steps.values()))
    before = "" if first else "The steps before it have passed. "
    if state.window_end is not None and now >= state.window_end:
        closed = (
            f"The window closed at {_clock(state.window_end)}. {_capital(title)} is next: agree on a new end first."
        )
        return Advice("STOP", "bad", closed, details)
    if late >= 0:
        since = f"since {_long(late)}" if late >= 60 else "now"
        return Advice(
            "GO",
            "careful" if late >= 300 else "good",
            f"{before}{_capital(title)} is due {since}: Enter opens its sheet.",
            details,
        )
    text = f"{before}Next is {title} at {_clock(step.planned)}, in {_long(-late)}. Enter opens its sheet."
    return Advice("READY", "good", text, details)


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
        said.append(f"The window closed at {_clock(end)}.")
    elif end is not None and not over and (end - now).total_seconds() < 3600:
        said.append(f"The window closes in {_long((end - now).total_seconds())}.")
    for name, ends in sorted(state.credentials.items(), key=lambda item: item[1]):
        if ends <= now:
            said.append(f"Credentials of {name} have expired.")
        elif end is not None and ends < end and not over:
            said.append(f"Credentials of {name} end at {_clock(ends)}, before the window does.")
    blind = sorted(name for name, source in state.sources.items() if source.failing_since)
    if blind:
        said.append(f"Not seen now: {', '.join(blind)}.")
    return " ".join(said)


def _way_back(state: State) -> str:
    """Which recovery point a way back would start from: one that holds the source version's schema head."""
    if not state.recovery_points or state.next_step is None or state.session is None:
        return ""
    source = revisions.head(state.session.source_version)
    points = [point for point in state.recovery_points if not point.head or source in {None, point.head}]
    if not points:
        return "No recovery point holds the source version's schema: there is no way back by one of them."
    point = max(points, key=lambda one: one.taken)
    head = f", head {point.head}" if point.head else ""
    return f"Newest recovery point: {point.name}, {_clock(point.taken)}{head}."
