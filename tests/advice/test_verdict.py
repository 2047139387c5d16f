"""The verdict over real migrations, recorded: no false alarm, no false calm, and progress that never goes back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from migration_cockpit.advice.progress import PARTS, progress
from migration_cockpit.advice.times import between
from migration_cockpit.advice.verdict import Verdict, judge, roots_of
from migration_cockpit.config import Limits
from migration_cockpit.session import events as ev
from migration_cockpit.session import readings as rd
from migration_cockpit.session.fold import fold
from migration_cockpit.session.state import SourceState, State
from tests.advice.recorded import JOB, Run, way_told, when
from tests.app.fixtures import migrating


def told(run: Run, limits: Limits = Limits()) -> list[tuple[datetime, Verdict]]:  # noqa: B008 - immutable
    """The verdicts of a run when they changed, judged at every event and every half second between them."""
    found: list[tuple[datetime, Verdict]] = []

    def judged(moment: datetime, state: State) -> None:
        verdict = judge(state, moment, limits)
        if verdict is not None and (not found or found[-1][1].key != verdict.key):
            found.append((moment, verdict))

    before: tuple[datetime, State] | None = None
    for moment, state in run.states():
        while before is not None and (moment - before[0]).total_seconds() > 0.5:
            before = (before[0] + timedelta(seconds=0.5), before[1])
            judged(*before)
        judged(moment, state)
        before = (moment, state)
    return found


def words(found: list[tuple[datetime, Verdict]]) -> list[str]:
    """The words one after the other."""
    return [verdict.word for _, verdict in found]


def test_a_migration_that_runs_through_is_working_until_it_is_done() -> None:
    found = told(Run("main"))
    assert set(words(found)) == {"WORKING", "DONE"}
    assert [verdict.subject for _, verdict in found] == ["starting", "", "verifying", ""]
    assert words(found)[-1] == "DONE"


def test_a_blocked_migration_is_called_so_within_three_seconds_and_no_longer_than_it_is() -> None:
    run = Run("blocked")
    found = told(run)
    assert words(found) == ["WORKING", "WORKING", "BLOCKED", "WORKING", "FAILED"]
    waits = [
        s["t"] for s in run.samples if any(each["wait_type"] == "Lock" and each["pid"] == 25435 for each in s["act"])
    ]
    begun, ended = (next(moment for moment, each in found if each.word == "BLOCKED"), found[3][0])
    assert 0 <= (begun - when(waits[0])).total_seconds() <= 3.0
    assert abs((ended - when(waits[-1])).total_seconds()) <= 1.0
    blocked = found[2][1]
    assert "held by 25418 postgres bi-report" in blocked.evidence
    assert "idle in transaction" in blocked.evidence
    assert "lock_timeout fires: this revision is undone" in blocked.evidence
    assert "Committed up to 05234396c6fc" in found[-1][1].evidence


@pytest.mark.parametrize(
    ("query", "held_up", "then"),
    [
        ("autovacuum: VACUUM ANALYZE public.task_instance", "WORKING", "BLOCKED"),
        ("autovacuum: VACUUM public.task_instance (to prevent wraparound)", "BLOCKED", "BLOCKED"),
    ],
)
def test_a_vacuum_that_postgres_ends_for_it_blocks_nobody_unless_it_stays(query: str, held_up: str, then: str) -> None:
    state, _ = migrating(blocked=True)
    reading, waiting = state.database, state.migration.waiting
    assert reading is not None
    assert waiting is not None
    roots = roots_of(waiting, reading)
    backends = tuple(
        msgspec.structs.replace(each, role="autovacuum", query=query) if each.pid in roots else each
        for each in reading.backends
    )
    state = msgspec.structs.replace(state, database=msgspec.structs.replace(reading, backends=backends))
    at_first, later = (judge(state, waiting.seen + timedelta(seconds=each)) for each in (2.0, 6.0))
    assert at_first is not None
    assert later is not None
    assert (at_first.word, later.word) == (held_up, then)
    assert "nobody blocks it" not in at_first.evidence


def test_a_second_migration_that_waits_for_the_first_ones_lock_blocks_nobody() -> None:
    found = told(Run("terminated"))
    assert words(found) == ["WORKING", "WORKING", "FAILED"]
    assert "Committed up to 9fc3fc5de720" in found[-1][1].evidence


def test_a_short_limit_finds_no_silence_in_a_migration_that_works() -> None:
    """The longest stretch without a sign of its own in the recorded runs is under three seconds."""
    assert "QUIET" not in words(told(Run("main"), Limits(quiet_warning=5.0, quiet=10.0)))
    assert "QUIET" not in words(told(Run("terminated"), Limits(quiet_warning=5.0, quiet=10.0)))


@pytest.mark.parametrize("name", ["main", "blocked", "terminated"])
def test_progress_never_goes_back_and_is_whole_only_when_done(name: str) -> None:
    shown = 0.0
    for moment, state in Run(name).states():
        far = progress(state, moment)
        if far is None:
            continue
        assert far.share >= shown - 1e-9, (far.revision, moment)
        assert far.share < 1.0
        shown = far.share
    assert shown > (0.98 if name == "main" else 0.1)


def test_a_way_that_only_the_image_tells_has_a_bar_an_end_and_a_place() -> None:
    run = Run("blocked")
    run.target, run.chains = "3.9.0", way_told("aaa", "bbb")
    shown, ends = 0.0, 0
    for moment, state in run.states():
        far = progress(state, moment)
        assert far is not None or not state.migration.job
        if far is None:
            continue
        assert far.total == 84
        assert far.share >= shown - 1e-9
        shown = far.share
        ends += far.eta is not None
        if far.eta is not None:
            assert "guessed for 2 revisions" in far.eta.rests
    assert shown > 0.1
    assert ends > 20
    assert "Committed up to 05234396c6fc" in told(run)[-1][1].evidence


def test_a_way_that_is_told_while_the_migration_runs_takes_nothing_back() -> None:
    run = Run("main")
    run.target, run.chains, run.chains_at = "3.9.0", way_told(), run.begun + 40.0
    shown: list[float] = []
    for moment, state in run.states():
        far = progress(state, moment)
        assert (far is None) == (state.migration.chains is None or not state.migration.job)
        shown += [far.share] if far is not None else []
    assert shown == sorted(shown)
    assert shown[-1] > 0.98


def test_a_repeated_job_begins_with_what_is_committed_and_a_new_cockpit_with_what_was_shown() -> None:
    *_, (_, state) = (each for each in Run("blocked").states() if each[1].migration.ended is None)
    now = when(Run("blocked").ended)
    before = progress(state, now)
    assert before is not None
    shown = ev.StepProgress(step="migrate", text="", done=int(before.share * PARTS) + 40, total=PARTS)
    again = progress(fold(state, shown, now, state.seq + 1), now)
    assert again is not None
    assert again.share == (int(before.share * PARTS) + 40) / PARTS, "a bar that was recorded is not taken back"

    job = "migration-job"
    for event in (
        ev.OperationEnded(step="migrate", operation=job, key=JOB, outcome="failed", detail="ended with 1"),
        ev.StepEnded(step="migrate", operator="sre-1", outcome="failed", why="ended with 1"),
        ev.StepStarted(step="migrate", operator="sre-1", attempt=2),
        ev.OperationIntended(step="migrate", operation=job, key=f"{JOB}-a2", commands=(), attempt=2),
    ):
        state = fold(state, event, now, state.seq + 1)
    second = progress(state, now)
    assert second is not None
    assert second.number == before.number - 1, "the revision that broke off is to be done again"
    assert 0.02 < second.share <= before.share, "what is committed stays done, what was undone does not"


def test_the_first_batch_however_late_takes_nothing_back() -> None:
    run = Run("main")
    first = next(t for t, text in run.log if text.startswith("Migrated"))
    *_, (_, state) = (each for each in run.states() if each[0] < when(first))
    assert state.migration.running is not None
    assert not state.migration.running.rows
    late = when(first) + timedelta(minutes=2)
    before = progress(state, late)
    line = ev.LogLine(source="job", text="Migrated 10000 task_instance rows in this batch...")
    after = progress(fold(state, line, late, state.seq + 1), late)
    assert before is not None
    assert after is not None
    assert after.share >= before.share


def test_a_batch_that_comes_after_all_seemed_through_takes_nothing_back() -> None:
    run = Run("main")
    last = [t for t, text in run.log if text.startswith("Migrated")][-1]
    *_, (_, state) = (each for each in run.states() if each[0] < when(last))
    late = when(last) + timedelta(minutes=2)
    before = progress(state, late)
    assert before is not None
    done = int(before.reached * PARTS)
    told = ev.StepProgress(step="migrate", text="", done=done, total=PARTS)
    line = ev.LogLine(source="job", text="Migrated 10000 task_instance rows in this batch...")
    recorded = fold(state, told, late, state.seq + 1)
    after = progress(fold(recorded, line, late, state.seq + 2), late)
    assert after is not None
    assert after.share == done / PARTS
    assert after.reached >= after.share


def test_the_bar_is_what_was_recorded_and_does_not_move_between() -> None:
    *_, (now, state) = (each for each in Run("blocked").states() if each[1].migration.ended is None)
    before = progress(state, now)
    assert before is not None
    done = int(before.reached * PARTS)
    state = fold(state, ev.StepProgress(step="migrate", text="", done=done, total=PARTS), now, state.seq + 1)
    later = progress(state, now + timedelta(minutes=10))
    assert later is not None
    assert later.share == done / PARTS
    assert later.reached > later.share, "the next recording moves it"


def test_a_wait_that_goes_over_into_another_counts_whole() -> None:
    *_, (now, state) = (each for each in Run("blocked").states() if each[1].migration.waiting is not None)
    reading = state.database
    assert reading is not None
    assert state.migration.waiting is not None
    since = state.migration.waiting.seen
    other = [msgspec.structs.replace(each, relation="another") for each in reading.waiters]
    later, end = now + timedelta(seconds=10), now + timedelta(seconds=25)
    for moment, waiters in ((later, tuple(other)), (end, ())):
        seen = ev.DatabaseRead(reading=msgspec.structs.replace(reading, waiters=waiters))
        state = fold(state, seen, moment, state.seq + 1)
    assert state.migration.waiting is None
    assert state.migration.running is not None
    assert state.migration.running.waited == (end - since).total_seconds()


def test_the_time_of_arrival_is_near_at_a_quarter_and_at_half() -> None:
    run = Run("main")
    whole = run.ended - run.begun
    errors: dict[float, list[float]] = {0.25: [], 0.5: []}
    held = []
    for moment, state in run.states():
        far = progress(state, moment)
        gone = (moment.timestamp() - run.begun) / whole
        if far is None or far.eta is None:
            continue
        held.append(far.eta.low.timestamp() <= run.ended <= far.eta.high.timestamp())
        for at in errors:
            if abs(gone - at) < 0.05:
                left = run.ended - moment.timestamp()
                errors[at].append(abs(far.eta.likely.timestamp() - run.ended) / left)
    assert sorted(errors[0.25])[len(errors[0.25]) // 2] <= 0.15
    assert sorted(errors[0.5])[len(errors[0.5]) // 2] <= 0.10
    assert sum(held) / len(held) >= 0.8


def test_there_is_no_time_of_arrival_without_sizes_nor_while_it_waits() -> None:
    assert all(
        far is None or far.eta is None for m, s in Run("main", measured=None).states() for far in [progress(s, m)]
    )
    blocked, now = migrating(blocked=True)
    far = progress(blocked, now)
    assert far is not None
    assert far.eta is None


def test_what_all_of_the_server_does_is_no_sign_while_a_vacuum_runs_or_below_the_idle_rate() -> None:
    state, now = migrating(blocked=True)
    state = msgspec.structs.replace(state, migration=msgspec.structs.replace(state.migration, idle_wal=0.0))
    assert state.database is not None
    still = msgspec.structs.replace(state.database, waiters=(), wal_bytes=state.database.wal_bytes + 50_000_000)
    signs = state.migration.signs
    state = fold(state, ev.DatabaseRead(reading=still), now, state.seq + 1)
    assert state.migration.signs.get("wal") == signs.get("wal"), "an autovacuum is at work: it may be its WAL"
    alone = msgspec.structs.replace(
        still,
        wal_bytes=still.wal_bytes + 50_000_000,
        backends=tuple(each for each in still.backends if each.role in {"migration", "migration-lock", "cockpit"}),
    )
    later = now + timedelta(seconds=1)
    state = fold(state, ev.DatabaseRead(reading=alone), later, state.seq + 1)
    assert state.migration.signs["wal"] == later
    idle = msgspec.structs.replace(state, migration=msgspec.structs.replace(state.migration, idle_wal=40e6))
    more = msgspec.structs.replace(alone, wal_bytes=alone.wal_bytes + 50_000_000)
    idle = fold(idle, ev.DatabaseRead(reading=more), later + timedelta(seconds=1), idle.seq + 1)
    assert idle.migration.signs["wal"] == later


def _hanging(wait_type: str, wait: str, state_word: str = "active") -> State:
    """A migration whose backend does the same for ever."""
    state, now = migrating()
    assert state.database is not None
    begun = now - timedelta(minutes=1)
    backends = (
        rd.Backend(
            pid=25435, role="migration", state=state_word, wait_type=wait_type, wait=wait, query="x", query_start=begun
        ),
        rd.Backend(pid=25434, role="migration-lock", state="idle in transaction", query_start=begun),
    )
    reading = msgspec.structs.replace(state.database, backends=backends, waiters=(), progress=())
    for n in range(1, 120):
        moment = now + timedelta(seconds=n)
        event = ev.DatabaseRead(reading=reading) if n == 1 else ev.SourceBeat(source="database")
        state = fold(state, event, moment, state.seq + 1)
    return state


@pytest.mark.parametrize(
    ("wait_type", "wait", "word"),
    [
        ("Timeout", "PgSleep", "active"),
        ("Client", "ClientRead", "idle in transaction"),
        ("IO", "DataFileRead", "active"),
    ],
)
def test_a_backend_that_does_the_same_for_ever_is_no_sign_of_life(wait_type: str, wait: str, word: str) -> None:
    state = _hanging(wait_type, wait, word)
    assert state.t is not None
    found = judge(state, state.t, Limits())
    assert found is not None
    assert (found.word, found.subject, found.tone) == ("QUIET", "warning", "careful")
    late = judge(state, state.t + timedelta(minutes=31), Limits())
    assert late is not None
    assert (late.word, late.subject, late.tone) == ("QUIET", "long", "bad")


def test_a_backend_that_computes_is_at_work() -> None:
    state = _hanging("", "")
    assert state.t is not None
    found = judge(state, state.t, Limits())
    assert found is not None
    assert found.word == "WORKING"


def test_the_head_reached_and_verified_outranks_the_exit_code() -> None:
    *_, (moment, state) = Run("main").states()
    failed = msgspec.structs.replace(state.migration, outcome="failed", detail="airflow db migrate ended with 1")
    found = judge(msgspec.structs.replace(state, migration=failed), moment)
    assert found is not None
    assert found.word == "DONE"
    assert "ended badly all the same: airflow db migrate ended with 1" in found.evidence


def test_a_job_that_ended_with_0_without_the_schema_is_not_done() -> None:
    run = Run("main")
    state, moment = State(), when(run.begun)
    for moment, state in run.states():  # noqa: B007 - the last but the verification
        if state.migration.ended is not None:
            break
    bad = ev.Check(name="schema", holds=False, found="dag.fail_fast is missing")
    for event in (
        ev.StepVerified(step="migrate", checks=(bad,)),
        ev.StepEnded(step="migrate", outcome="failed", operator="sre-1", why="not verified"),
    ):
        state = fold(state, event, moment, state.seq + 1)
    found = judge(state, moment)
    assert found is not None
    assert found.word == "FAILED"
    assert "dag.fail_fast is missing" in found.evidence


def test_a_pod_or_a_session_that_is_gone_is_lost() -> None:
    state, now = migrating()
    pod = rd.Pod(name=f"{JOB}-x7k2p", component="migration", version="3.2.2", phase="Running", created=now)
    state = fold(state, ev.PodsRead(reading=rd.PodsReading(pods=(pod,))), now, state.seq + 1)
    assert (judge(state, now) or Verdict("", "")).word == "WORKING"
    gone = fold(state, ev.PodsRead(reading=rd.PodsReading()), now, state.seq + 1)
    lost = judge(gone, now + timedelta(seconds=2))
    assert lost is not None
    assert (lost.word, lost.subject) == ("LOST", "pod")
    assert "Committed up to 05234396c6fc; its backend" in lost.evidence
    assert "undone" not in lost.evidence, "while it works, nothing is"
    assert state.database is not None
    empty = msgspec.structs.replace(state.database, backends=())
    # A program that ends needs a moment until its pod says so.
    silent = fold(state, ev.DatabaseRead(reading=empty), now, state.seq + 1)
    assert (judge(silent, now + timedelta(seconds=1)) or Verdict("", "")).word == "WORKING", (
        "its own end takes a moment"
    )
    lost = judge(silent, now + timedelta(seconds=4))
    assert lost is not None
    assert (lost.word, lost.subject) == ("LOST", "session")


def test_a_database_that_is_not_seen_is_no_reason_to_call_it_lost_or_well() -> None:
    state, now = migrating()
    dead = SourceState(read=now, failing_since=now, why="no answer")
    blind = msgspec.structs.replace(state, sources={**state.sources, "database": dead})
    log = msgspec.structs.replace(blind.migration, signs={"log": now})
    blind = msgspec.structs.replace(blind, migration=log)
    assert (judge(blind, now) or Verdict("", "")).evidence.startswith("Its log moves; the database is not seen")
    soon = judge(blind, now + timedelta(seconds=40))
    assert soon is not None
    assert soon.evidence.startswith("Its log moved last 40 s ago; the database is not seen")
    later = judge(blind, now + timedelta(minutes=2))
    assert later is not None
    assert later.word == "QUIET"
    assert "the database is not seen since 10:32: no answer" in later.evidence.replace("The", "the")


def test_slow_is_said_when_the_end_lies_past_the_decision_and_taken_back_only_with_a_reserve() -> None:
    state, now = migrating()
    far = progress(state, now)
    assert far is not None
    assert far.eta is not None
    started = state.steps["migrate"].started
    assert started is not None
    until = (far.eta.likely - started).total_seconds()
    slow = judge(state, now, Limits(decision_at=until - 60))
    assert slow is not None
    assert slow.word == "SLOW"
    assert re.search(r"will be done (between 10:\d\d and 1\d:\d\d|at 10:\d\d), after", slow.evidence), slow.evidence
    said = msgspec.structs.replace(state, verdict=ev.VerdictChanged(verdict="SLOW", evidence=""))
    assert (judge(state, now, Limits(decision_at=until + 20)) or slow).word == "WORKING"
    assert (judge(said, now, Limits(decision_at=until + 20)) or slow).word == "SLOW"


def test_two_moments_of_one_minute_are_one_time() -> None:
    moment = datetime(2026, 5, 16, 22, 7, 1, tzinfo=UTC)
    assert between(moment, moment + timedelta(seconds=50)) == "at 22:07"
    assert between(moment, moment + timedelta(seconds=70)) == "between 22:07 and 22:08"


def test_another_attempt_begins_anew() -> None:
    state, now = migrating()
    again = ev.StepStarted(step="migrate", operator="sre-1", attempt=2)
    state = msgspec.structs.replace(state, migration=msgspec.structs.replace(state.migration, attempt=1))
    state = fold(state, again, now, state.seq + 1)
    assert judge(state, now) is None


@pytest.mark.parametrize(
    ("signs", "says"),
    [
        ({"log": 0}, "Its log moves, nobody blocks it."),
        ({"statement": 0}, "New statements move, nobody blocks it."),
        ({"log": 0, "statement": 5}, "Its log and new statements move, nobody blocks it."),
        ({"log": 20, "wal": 30}, "Its log moved last 20 s ago, nobody blocks it."),
    ],
)
def test_what_moves_is_told_as_one_or_as_several_and_what_is_still_as_past(signs: dict[str, int], says: str) -> None:
    state, now = migrating()
    moments = {kind: now - timedelta(seconds=ago) for kind, ago in signs.items()}
    migration = msgspec.structs.replace(state.migration, signs=moments)
    found = judge(msgspec.structs.replace(state, migration=migration), now)
    assert found is not None
    assert found.evidence == says
