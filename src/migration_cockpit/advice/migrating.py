"""What to do while the database migration runs: the playbook's checks at 45 minutes, its decision at two hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from migration_cockpit.advice.advice import Advice
from migration_cockpit.advice.progress import Progress, progress
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.times import between, clock, sentence
from migration_cockpit.advice.verdict import Judge, Verdict, decision_point, judge
from migration_cockpit.config import Limits
from migration_cockpit.session.state import State, StepState
from migration_cockpit.session.words import long

NEVER = "Never end the migration by hand: a revision is one transaction, what is ended is undone and done again later."

TOLD = {
    "WORKING": "works",
    "SLOW": "works, but takes longer than planned",
    "BLOCKED": "waits for a lock that another session holds; that is being looked at",
    "QUIET": "shows no sign of life; that is being looked at",
    "LOST": "has been lost; what to do is being decided",
    "FAILED": "has failed; what to do is being decided",
    "DONE": "is done",
}
"""What a verdict means, for people who do not fly: `the database migration …`."""


def advise_migration(
    state: State,
    step: StepState,
    now: datetime,
    limits: Limits,
    rates: Rates,
    details: tuple[str, ...],
    judged: Judge = judge,
) -> Advice:
    """The advice while step 5 runs."""
    started = step.started or now
    verdict = judged(state, now, limits, rates)
    if verdict is None:
        # What is done so far, a snapshot perhaps, is not of the migration.
        far = f" {sentence(step.progress)}" if step.progress else ""
        lasts = long((now - started).total_seconds())
        return Advice("WAIT", "good", f"The migration has not begun; its step runs for {lasts}.{far}", details)
    decide = decision_point(state, step, limits) or now
    due = now >= decide
    when = (
        f"The decision was due at {clock(decide)}."
        if due
        else f"Decision at {clock(decide)} (in {long((decide - now).total_seconds())})."
    )
    done = progress(state, now, rates)
    eta = _eta(done, now)
    details = (NEVER, *details)
    match verdict.word:
        case "BLOCKED":
            do = "Let the owner of the session that blocks end it, or end it with K; the migration goes on by itself."
            return Advice("BLOCKED", "bad", f"{verdict.evidence} {when}", (do, *details))
        case "LOST" | "FAILED":
            return Advice(verdict.word, "bad", verdict.evidence, details)
        case "DONE":
            return Advice("DONE", "good", verdict.evidence, details)
    source = state.sources.get("database")
    if source is not None and source.failing_since is not None:
        unseen = f"The database has not been seen since {clock(source.failing_since)}: {source.why}."
        return Advice("UNKNOWN", "careful", f"{unseen} Whether the migration works is not known. {when}", details)
    if verdict.word == "QUIET":
        return _quiet(verdict, when, due, limits, details)
    if due:
        text = f"{eta}{verdict.evidence} {when} It works: waiting is the playbook's choice, and yours to make."
        return Advice("DECIDE", "careful", text, details)
    if verdict.word == "SLOW":
        do = "m offers a message with the new end. Decide before the decision point whether the window can be moved."
        return Advice("SLOW", "careful", f"{verdict.evidence} {when}", (do, *details))
    checked = started + timedelta(seconds=limits.checks_at)
    if now >= checked and not told(state, checked):
        passed = f"{long(limits.checks_at)} have passed."
        text = f"{passed} {eta}{verdict.evidence} m offers a message with the new end. {when}"
        return Advice("CHECK", "careful", text, (_checks(state), *details))
    return Advice("WAIT", "good", f"{eta}{verdict.evidence} {when}", details)


def _quiet(verdict: Verdict, when: str, due: bool, limits: Limits, details: tuple[str, ...]) -> Advice:
    if verdict.subject == "long":
        text = f"{verdict.evidence} Consider the way back. {when}"
        return Advice("DECIDE" if due else "QUIET", "bad", text, details)
    look = f"Look at its log and its pod; after {long(limits.quiet)} without a sign consider the way back."
    return Advice("DECIDE" if due else "QUIET", "careful", f"{verdict.evidence} {when}", (look, *details))


def _eta(far: Progress | None, now: datetime) -> str:
    """How far it is and when it will be done; empty before that can be said."""
    if far is None or not far.number:
        return ""
    place = f"{far.percent} % done, revision {far.number} of {far.total}"
    if far.eta is None:
        return f"{place}. "
    return f"{place}, ready {between(far.eta.low, far.eta.high)}. "


def told(state: State, since: datetime) -> bool:
    """Whether a message of this step went out since a moment."""
    return any(each.step == "migrate" and each.queued >= since for each in state.messages.values())


def _checks(state: State) -> str:
    """The playbook's checks with what is seen: locks, WAL, IOPS, storage."""
    seen = []
    reading, storage = state.database, state.storage
    if reading is not None:
        waiters = reading.waiters_total or len(reading.waiters)
        seen.append(f"{waiters} wait for locks" if waiters else "nobody waits for a lock")
    if state.trends.wal:
        seen.append(f"WAL {state.trends.wal[-1] / 1e6:.1f} MB/s")
    if storage is not None and storage.read_iops is not None and storage.write_iops is not None:
        seen.append(f"IOPS {storage.read_iops + storage.write_iops:.0f}")
    if storage is not None and storage.free_bytes is not None:
        seen.append(f"free storage {storage.free_bytes / 1e9:.0f} GB")
    if reading is not None and reading.replica_lag is not None:
        seen.append(f"replica lag {reading.replica_lag:.0f} s")
    return f"Checked now: {', '.join(seen) or 'nothing can be seen'}."


def message(state: State, now: datetime, limits: Limits, rates: Rates = BUILT_IN) -> str:
    """A message for the channel that tells how the migration does and its new end; empty while none runs."""
    step = state.steps.get("migrate")
    if step is None or not step.running or state.session is None:
        return ""
    verdict, far = judge(state, now, limits, rates), progress(state, now, rates)
    if verdict is None or far is None:
        return ""
    text = f"Airflow migration of {state.session.deployment}: the database migration {TOLD[verdict.word]}."
    if far.number and verdict.word not in {"DONE", "LOST", "FAILED"}:
        text += f" {far.percent} % done after {long(far.elapsed)}."
    if far.eta is not None and verdict.word in {"WORKING", "SLOW"}:
        text += f" New end of this step: {between(far.eta.low, far.eta.high)} UTC."
    return f"{text} Airflow stays down until it is done." if verdict.word != "DONE" else text
