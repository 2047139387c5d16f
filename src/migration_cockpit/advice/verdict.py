"""What the running migration is: one word with its evidence, a pure function of State, now and the limits.

WORKING, SLOW, BLOCKED, QUIET, LOST, FAILED or DONE. Counters that stand still are no evidence (they move at commit),
and the migration's advisory-lock session, idle in its transaction for the whole run, is as it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from migration_cockpit.advice import revisions
from migration_cockpit.advice.failures import why_it_ended
from migration_cockpit.advice.progress import Progress, progress
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.remembered import remembered
from migration_cockpit.advice.times import between, capital, clock, sentence
from migration_cockpit.advice.window import deadlines
from migration_cockpit.config import Limits
from migration_cockpit.session.migration import LockWait, MigrationState
from migration_cockpit.session.readings import Backend, DatabaseReading
from migration_cockpit.session.state import State, StepState
from migration_cockpit.session.words import long

BLOCKED_AFTER = 1.5
"""Seconds of waiting for a lock from which it is called blocked."""
GIVES_WAY = 5.0
"""The same where a usual vacuum is in the way: PostgreSQL ends it after a second, when its disk lets it heed that."""
FRESH = 10.0
"""Seconds for which a sign of life is called a move."""
GONE_AFTER = 3.0
"""Seconds without a database session after which it is lost: the program's own end takes less."""
SCHEMA_CHECKS = ("alembic head", "FAB head", "schema")
"""The lines of step 5's verification that make it done, whatever the Job's exit code."""
TONES = {
    "WORKING": "good",
    "DONE": "good",
    "SLOW": "careful",
    "QUIET": "careful",
    "BLOCKED": "bad",
    "LOST": "bad",
    "FAILED": "bad",
}
_SIGNS = {
    "log": "its log",
    "revision": "its version row",
    "statement": "new statements",
    "view": "progress views",
    "backend": "its backend",
    "io": "its own I/O",
    "wal": "WAL",
    "iops": "IOPS",
}
"""Kinds of signs of life in words, the ones that say most first."""
_SEVERAL = frozenset({"statement", "view", "iops"})
"""Kinds whose words are of several things."""


@dataclass(frozen=True)
class Verdict:
    """The word, the evidence as it is said now, and what of it makes another verdict."""

    word: str
    evidence: str
    subject: str = ""
    """What the word is about, such as the blocker's pid: another subject makes another verdict, time alone does not."""
    tone: str = "good"
    since: datetime | None = None
    """Since when what it says is so."""
    brief: str = ""
    """The evidence without what stands beside it when the waiters are shown; empty for all of it."""

    @property
    def key(self) -> tuple[str, str]:
        """What is recorded when it changes."""
        return self.word, self.subject


Judge = Callable[["State", datetime, Limits, Rates], "Verdict | None"]
"""`judge` for a flight, `as_recorded` for a replay."""


@remembered
def judge(state: State, now: datetime, limits: Limits = Limits(), rates: Rates = BUILT_IN) -> Verdict | None:  # noqa: B008 - immutable
    """The verdict; None before the migration's Job is made, and between two attempts."""
    migration, step = state.migration, state.steps.get("migrate")
    if not migration.job or step is None or (step.running and migration.attempt != step.attempt and step.attempt):
        return None
    if done := _done(migration, step):
        return done
    if over := _over(state, migration, step):
        return over
    if lost := _lost(state, migration, now):
        return lost
    if blocked := _blocked(state, migration, now, limits):
        return blocked
    if quiet := _quiet(state, migration, now, limits):
        return quiet
    return _moving(state, step, now, limits, rates)


def as_recorded(state: State, now: datetime, limits: Limits = Limits(), rates: Rates = BUILT_IN) -> Verdict | None:  # noqa: B008 - immutable
    """The verdict as it is on the record, which is what a replay shows, also one by a later version.

    Where today's judgement is the same word about the same, its evidence is what was said at that moment.
    """
    found, recorded, since = judge(state, now, limits, rates), state.verdict, state.verdict_since
    if found is None or recorded is None or since is None:
        return found
    if found.word == recorded.verdict and recorded.subject in {"", found.subject}:
        return found
    step = state.steps.get("migrate")
    if step is not None and step.started is not None and since < step.started:
        return found  # what is on record is of the attempt before
    tone = TONES.get(recorded.verdict, "bad")
    return Verdict(recorded.verdict, recorded.evidence, recorded.subject, tone, since)


def _made(word: str, evidence: str, subject: str = "", *, tone: str = "", since: datetime | None = None) -> Verdict:
    return Verdict(word, evidence, subject, tone or TONES[word], since)


def _done(migration: MigrationState, step: StepState) -> Verdict | None:
    """The schema is as a fresh one of the target: that counts, not the exit code."""
    checks = {check.name: check for check in step.checks}
    found = [checks[name] for name in SCHEMA_CHECKS if name in checks]
    verified = len(found) == len(SCHEMA_CHECKS) and all(check.holds and check.known for check in found)
    if not (verified or step.outcome == "verified"):
        return None
    note = ""
    if migration.outcome == "failed":
        note = f" Its Job ended badly all the same: {migration.detail}."
    schema = checks["schema"].found if "schema" in checks else "as a fresh one"
    return _made("DONE", f"The schema is verified: {schema}.{note}", "note" if note else "", since=migration.ended)


def _over(state: State, migration: MigrationState, step: StepState) -> Verdict | None:
    """The Job has ended and the schema is not verified."""
    if migration.ended is None:
        return None
    if step.running and _at_head(state, migration):
        return _made("WORKING", "The target's head is reached; the schema is being verified.", "verifying")
    if migration.outcome == "failed":
        why, left = why_it_ended(state), _committed(state, migration)
        # A program that ended by itself told its exit code; a pod that was ended, or is gone, cannot.
        word = "FAILED" if migration.exit_code is not None else "LOST"
        text = f"{sentence(migration.detail)} {why} {left}"
        return Verdict(word, text, "", "bad", migration.ended, brief=f"{why} {left}")
    if step.running:
        return _made("WORKING", "The Job has ended with 0; the schema is being verified.", "verifying")
    if step.outcome in {"overridden", "skipped"}:
        return _made("DONE", "Finished; the schema was not verified, an operator went past that.", "unverified")
    failing = [f"{each.name}: {each.found}" for each in step.checks if not (each.holds and each.known)]
    why = "; ".join(failing) or step.why or "the schema was not verified"
    return _made("FAILED", f"The Job ended with 0, and yet: {sentence(why)}", "schema", since=step.ended)


def _at_head(state: State, migration: MigrationState) -> bool:
    # Of a version that is not shipped the target's own image told the head.
    told, chains = (state.fact("migrate", "reference") or {}).get("head"), state.migration.chains
    head = told or (chains.core[-1].revision if chains else None)
    head = head or (revisions.head(state.session.target_version) if state.session else None)
    return head is not None and migration.heads == (head,)


def _committed(state: State, migration: MigrationState) -> str:
    """Up to where the schema is, and who of the migration still works."""
    left = _reached(state, migration) or "nothing that was seen"
    orphans = [each for each in _backends(state) if each.role == "migration" and each.state == "active"]
    if orphans:
        return f"Committed up to {left}; its backend {orphans[0].pid} still works on the next revision: wait for it."
    return f"Committed up to {left}; the revision after it is undone."


def _reached(state: State, migration: MigrationState) -> str:
    """What alembic_version showed last, or what its log committed since: a reading may be a second old."""
    if state.session is None or len(migration.heads) > 1:
        return ", ".join(migration.heads)
    logged = [each.revision for each in migration.revisions if each.committed is not None]
    seen = [*migration.heads, *logged[-1:]]
    way = (state.session.source_version, state.session.target_version)
    return max(seen, key=lambda each: (revisions.place(each, *way, migration.chains) or (0, 0))[0], default="")


def _backends(state: State) -> tuple[Backend, ...]:
    return state.database.backends if state.database else ()


def _unseen(state: State) -> str:
    """Why the database is not seen now; empty when it is."""
    source = state.sources.get("database")
    if source is None or source.failing_since is None:
        return ""
    return f"the database is not seen since {clock(source.failing_since)}: {source.why}"


def _lost(state: State, migration: MigrationState, now: datetime) -> Verdict | None:
    pods = state.sources.get("pods")
    seen = pods is not None and pods.failing_since is None
    if migration.pod_gone is not None and seen and (now - migration.pod_gone).total_seconds() >= 1.0:
        since = migration.pod_gone
        text = f"The Job's pod {migration.pod} is gone since {clock(since)}. {_committed(state, migration)}"
        return _made("LOST", text, "pod", since=since)
    gone = migration.sessions_gone
    over = migration.finished is not None or _at_head(state, migration)
    if gone is None or over or _unseen(state) or (now - gone).total_seconds() < GONE_AFTER:
        return None
    text = f"Its database session is gone since {clock(gone)}; its pod is {migration.pod_phase or 'not seen'}."
    return _made("LOST", f"{text} {_committed(state, migration)}", "session", since=gone)


def _blocked(state: State, migration: MigrationState, now: datetime, limits: Limits) -> Verdict | None:
    waiting, reading = migration.waiting, state.database
    if waiting is None or reading is None:
        return None
    roots = roots_of(waiting, reading)
    vacuum = _gives_way(roots, reading)
    if (now - waiting.seen).total_seconds() < (GIVES_WAY if vacuum else BLOCKED_AFTER):
        return None
    who = "; ".join(_blocker(pid, reading, now) for pid in roots[:2]) or "a session that cannot be seen"
    queue = sum(1 for each in reading.waiters if waiting.pid in each.blockers)
    behind = f" {queue} more queue behind it." if queue else ""
    fires = waiting.since + timedelta(seconds=limits.lock_timeout)
    gives_up = (
        f" At {clock(fires)} its lock_timeout fires: this revision is undone, nothing more."
        if limits.lock_timeout
        else ""
    )
    waited = long((now - waiting.since).total_seconds())
    mode = waiting.mode.removesuffix("Lock")
    text = f"Waits {waited} for {mode} on {waiting.relation}, held by {who}.{behind}{gives_up}"
    brief = f"Waits {waited} for {mode} on {waiting.relation}.{gives_up}"
    return Verdict("BLOCKED", text, ",".join(str(pid) for pid in roots), "bad", waiting.since, brief)


def _gives_way(roots: tuple[int, ...], reading: DatabaseReading) -> bool:
    """Whether only vacuums are in the way that PostgreSQL itself ends for whoever waits."""
    holders = [each for each in reading.backends if each.pid in roots]
    return len(holders) == len(roots) > 0 and all(
        each.role == "autovacuum" and "to prevent wraparound" not in each.query for each in holders
    )


def roots_of(waiting: LockWait, reading: DatabaseReading) -> tuple[int, ...]:
    """Who is at the root of a wait: blockers that wait for nobody themselves."""
    blockers = {each.pid: each.blockers for each in reading.waiters}
    roots: list[int] = []
    seen: set[int] = {waiting.pid}
    queue = list(waiting.blockers)
    while queue:
        pid = queue.pop(0)
        if pid in seen:
            continue
        seen.add(pid)
        further = blockers.get(pid, ())
        queue += further
        if not further:
            roots.append(pid)
    return tuple(roots)


def _blocker(pid: int, reading: DatabaseReading, now: datetime) -> str:
    found = next((each for each in reading.backends if each.pid == pid), None)
    if pid == 0:
        return "a prepared transaction"
    if found is None:
        return f"{pid}, whose session is not visible"
    name = " ".join(dict.fromkeys(part for part in (found.user, found.application, found.address) if part))
    start = found.xact_start if found.state.startswith("idle in") else found.query_start
    age = f" for {long((now - start).total_seconds())}" if start else ""
    kind = "vacuum" if found.role == "autovacuum" else name
    return f"{pid} {kind}, {found.state or 'at work'}{age}"


def _quiet(state: State, migration: MigrationState, now: datetime, limits: Limits) -> Verdict | None:
    last = migration.last_sign
    since = max(moment for moment in (last[1] if last else None, migration.created) if moment is not None)
    silent = (now - since).total_seconds()
    if silent < min(limits.quiet_warning, limits.quiet):
        return None
    unseen = _unseen(state)
    moves = f"{sentence(unseen)} Its log is silent too" if unseen else "Nothing that is its own moves, nobody blocks it"
    what = f"{moves}: last sign {_SIGNS[last[0]] if last else 'none'} at {clock(since)}, {long(silent)} ago."
    if silent < limits.quiet:
        return _made("QUIET", f"{what} A warning until {clock(since + timedelta(seconds=limits.quiet))}.", "warning")
    return _made("QUIET", what, "long", tone="bad", since=since)


def _moving(state: State, step: StepState, now: datetime, limits: Limits, rates: Rates) -> Verdict:
    migration = state.migration
    if not migration.revisions and not migration.sessions_seen:
        phase = f" Its pod is {migration.pod_phase}." if migration.pod_phase else ""
        return _made("WORKING", f"The Job is made; it has not reached the database yet.{phase}", "starting")
    moves = _moves(migration, now)
    unseen = _unseen(state)
    waiting, reading = migration.waiting, state.database
    vacuum = waiting is not None and reading is not None and _gives_way(roots_of(waiting, reading), reading)
    text = f"{moves}, {'a vacuum in its way gives way' if vacuum else 'nobody blocks it'}."
    if unseen:
        text = f"{_heard(migration, now)}; {unseen}."
    far = progress(state, now, rates)
    decide = decision_point(state, step, limits)
    if far is not None and far.eta is not None and decide is not None and _late(state, far, decide, now):
        end = between(far.eta.low, far.eta.high)
        return _made("SLOW", f"It works, but will be done {end}, after the decision point {clock(decide)}. {text}")
    return _made("WORKING", text, "unseen" if unseen else "")


def _late(state: State, far: Progress, decide: datetime, now: datetime) -> bool:
    """Whether the likely end is after the decision point; once said, it is taken back only where it is well before."""
    assert far.eta is not None
    slow = state.verdict is not None and state.verdict.verdict == "SLOW"
    reserve = 0.05 * (decide - now).total_seconds() if slow and decide > now else 0.0
    return far.eta.likely + timedelta(seconds=reserve) > decide


def decision_point(state: State, step: StepState, limits: Limits) -> datetime | None:
    """When it is decided whether to wait on; None when the step does not run."""
    if step.started is None:
        return None
    playbook = step.started + timedelta(seconds=limits.decision_at)
    return playbook if state.window_end is None else deadlines(state, limits, state.window_end).decision or playbook


def _moves(migration: MigrationState, now: datetime) -> str:
    """The signs that are fresh, at most three, else the last one: `Its log and WAL move`."""
    fresh = [kind for kind in _SIGNS if kind in migration.signs and _age(migration.signs[kind], now) <= FRESH][:3]
    if not fresh:
        last = migration.last_sign
        return f"{capital(_SIGNS[last[0]])} moved last {long(_age(last[1], now))} ago" if last else "Nothing moves yet"
    said = [_SIGNS[kind] for kind in fresh]
    several = len(said) > 1 or fresh[0] in _SEVERAL
    moving = ", ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1]
    return capital(f"{moving} {'move' if several else 'moves'}")


def _heard(migration: MigrationState, now: datetime) -> str:
    """What its log, the one sign that is left without the database, was last seen to do."""
    log = migration.signs.get("log")
    if log is None:
        return "Its log has told nothing yet"
    ago = _age(log, now)
    return "Its log moves" if ago <= FRESH else f"Its log moved last {long(ago)} ago"


def _age(moment: datetime, now: datetime) -> float:
    return (now - moment).total_seconds()
