"""What to do now, for each situation: the word, the sentence, and what is behind it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from cockpit_widgets.spans import plain
from migration_cockpit.advice import updates
from migration_cockpit.advice.going_back import NOT_LEFT, left
from migration_cockpit.advice.migrating import message
from migration_cockpit.advice.now import advise
from migration_cockpit.app.panes.drawn import DRAWN
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.cockpit.outcome import session_outcome
from migration_cockpit.config import Limits
from migration_cockpit.session import events as ev
from migration_cockpit.session.migration import MigrationState
from migration_cockpit.session.state import MessageState, SourceState, State
from tests.app.fixtures import at, migrating, names, sample_state


@pytest.mark.parametrize(
    ("sample", "word", "tone", "says"),
    [
        ("unopened", "STARTING", "plain", "being opened"),
        ("before", "READY", "good", "Next is announce at 09:00, in 1 min. Enter opens its sheet."),
        ("drain", "DECIDE", "careful", "6 tasks still run after 30 min."),
        ("migrating", "WAIT", "good", "33 % done, revision 15 of 82, ready between 10:"),
        ("blocked", "BLOCKED", "bad", "Waits 6 min for AccessExclusive on task_instance, held by 24077 analyst"),
        ("stopped", "STOP", "bad", "xcom row 81723"),
        ("recognised", "STOP", "bad", "xcom row 81723"),
        ("soak", "WATCH", "good", "Soak until 15:02"),
        ("done", "DONE", "careful", "gates were overridden"),
    ],
)
def test_the_word_for_each_situation(sample: str, word: str, tone: str, says: str) -> None:
    advice = advise(*sample_state(sample))
    assert (advice.word, advice.tone) == (word, tone)
    assert says in advice.headline


def alive(state: State, moment: datetime) -> State:
    """The migration gave a sign of life just now."""
    signs = {"log": moment, "wal": moment}
    return msgspec.structs.replace(state, migration=msgspec.structs.replace(state.migration, signs=signs))


def test_the_advice_follows_the_clock_of_the_migration() -> None:
    state, now = migrating()
    started = state.steps["migrate"].started
    assert started is not None
    moments = {minutes: started + timedelta(minutes=minutes) for minutes in (12, 44, 46, 121)}
    words = {minutes: advise(alive(state, moment), moment).word for minutes, moment in moments.items()}
    assert words == {12: "WAIT", 44: "WAIT", 46: "CHECK", 121: "DECIDE"}
    assert advise(state, now, Limits(checks_at=600.0)).word == "CHECK"


def test_the_checks_name_what_is_seen_and_are_over_once_people_were_told() -> None:
    state, _ = migrating()
    moment = at("11:07")
    told = advise(alive(state, moment), moment)
    assert "m offers a message with the new end" in told.headline
    assert "nobody waits for a lock" in told.details[0]
    assert "free storage 412 GB" in told.details[0]
    message = MessageState(step="migrate", text="still at it", queued=at("11:06:30"))
    after = msgspec.structs.replace(alive(state, moment), messages={**state.messages, "message-9": message})
    assert advise(after, moment).word == "WAIT"


def test_a_silent_migration_is_called_quiet_and_then_the_way_back_is_considered() -> None:
    state, now = migrating()
    warned = advise(state, now + timedelta(minutes=5))
    assert (warned.word, warned.tone) == ("QUIET", "careful")
    long = advise(state, now + timedelta(minutes=40))
    assert (long.word, long.tone) == ("QUIET", "bad")
    assert "Consider the way back." in long.headline


def test_the_prepared_message_tells_the_new_end() -> None:
    state, now = migrating()
    text = message(state, now, Limits())
    assert "33 % done after 10 min. New end of this step: between 10:" in text
    blocked, then = migrating(blocked=True)
    assert "waits for a lock that another session holds" in message(blocked, then, Limits())
    assert "New end" not in message(blocked, then, Limits())
    assert message(*sample_state("before"), Limits()) == ""


def test_a_snapshot_before_the_migration_is_not_taken_for_the_migration() -> None:
    state, now = migrating()
    step = msgspec.structs.replace(
        state.steps["migrate"], progress="snapshot airflow-pre-3x creating 48 %", done=48, total=100
    )
    before = msgspec.structs.replace(
        state, operations={}, migration=MigrationState(), verdict=None, steps={**state.steps, "migrate": step}
    )
    advice = advise(before, now)
    assert advice.word == "WAIT"
    assert advice.headline == (
        "The migration has not begun; its step runs for 11 min. Snapshot airflow-pre-3x creating 48 %."
    )


def test_a_known_failure_stands_beside_what_has_failed() -> None:
    advice = advise(*sample_state("recognised"))
    assert advice.details[0] == (
        "Known failure in job: NaN or Infinity in an XCom stops the migration. f says why, and what mends it."
    )


def test_a_bad_one_comes_first_where_all_would_seem_well() -> None:
    state, now = migrating()
    shown = sample_state("recognised")[0].failures
    advice = advise(msgspec.structs.replace(state, failures=shown), now)
    assert (advice.word, advice.tone) == ("LOOK", "bad")
    assert "NaN or Infinity" in advice.headline
    assert "ready between" in advice.details[0]


def test_what_is_expected_or_over_is_not_advised() -> None:
    state, now = migrating()
    shown = {k: v for k, v in sample_state("recognised")[0].failures.items() if k != "xcom-nan"}
    assert advise(msgspec.structs.replace(state, failures=shown), now) == advise(state, now)


def test_titles_keep_their_capitals() -> None:
    state, _ = sample_state("before")
    announced = msgspec.structs.replace(state.steps["announce"], outcome="verified")
    state = msgspec.structs.replace(state, steps={**state.steps, "announce": announced})
    assert "Pause all DAGs has been due" in advise(state, at("09:20")).headline


def test_nothing_ever_advises_to_end_the_migration() -> None:
    state, now = migrating(blocked=True)
    for minutes in range(0, 400, 10):
        advice = advise(state, now + timedelta(minutes=minutes))
        said = " ".join((advice.headline, *advice.details))
        assert "Never end the migration by hand" in said


def test_what_ends_too_soon_and_what_is_not_seen_is_said() -> None:
    state, _ = sample_state("failing")
    details = " ".join(advise(state, at("10:32:07")).details)
    assert "Credentials of AWS session end at 13:32, before the window does." in details
    assert "Not seen now: database, health, metrics, pods, storage, tasks." in details
    assert "Credentials of AWS session have expired." in " ".join(advise(state, at("14:00")).details)
    assert "The window closes in 30 min." in " ".join(advise(state, at("15:30")).details)
    assert "The window closed at 16:00." in " ".join(advise(state, at("16:30")).details)


def test_a_step_that_is_late_is_careful() -> None:
    state, _ = sample_state("before")
    assert advise(state, at("09:00:30")).tone == "good"
    late = advise(state, at("09:20"))
    assert (late.word, late.tone) == ("GO", "careful")
    assert "has been due for 20 min" in late.headline


def test_all_verified_is_done_without_reserve() -> None:
    state, now = sample_state("done")
    steps = {name: msgspec.structs.replace(step, outcome="verified") for name, step in state.steps.items()}
    clean = msgspec.structs.replace(state, steps=steps, overrides=())
    assert advise(clean, now).tone == "good"
    assert "All 11 steps are verified" in advise(clean, now).headline


@pytest.mark.parametrize("sample", names())
def test_the_way_back_starts_from_the_newest_recovery_point(sample: str) -> None:
    state, now = sample_state(sample)
    said = " ".join(advise(state, now).details)
    assert ("Newest recovery point: airflow-pre-3x-0516-0946" in said) == (
        bool(state.recovery_points) and state.next_step is not None and state.rollback is None
    )


def test_a_recovery_point_of_a_half_done_migration_is_no_way_back() -> None:
    state, now = migrating()
    (good,) = state.recovery_points
    half = msgspec.structs.replace(good, name="airflow-pre-3x-0516-2", head="05234396c6fc", taken=at("10:40"))
    said = " ".join(advise(msgspec.structs.replace(state, recovery_points=(good, half)), now).details)
    assert f"Newest recovery point: {good.name}" in said
    said = " ".join(advise(msgspec.structs.replace(state, recovery_points=(half,)), now).details)
    assert "No recovery point holds the source version's schema" in said


def test_a_migration_that_cannot_be_seen_is_not_called_well() -> None:
    state, now = sample_state("migrating")
    dead = SourceState(read=now - timedelta(seconds=40), failing_since=now - timedelta(seconds=30), why="no answer")
    blind = msgspec.structs.replace(state, sources={**state.sources, "database": dead})
    told = advise(blind, now)
    assert told.word == "UNKNOWN"
    assert told.tone != "good"
    assert "not known" in told.headline


def test_a_step_that_is_due_is_no_go_while_the_world_is_not_seen() -> None:
    state, now = sample_state("before")
    step = state.next_step
    assert step is not None
    assert advise(state, step.planned).word == "GO"
    dead = SourceState(read=now, failing_since=now, why="no answer")
    blind = msgspec.structs.replace(state, sources={**state.sources, "pods": dead, "database": dead})
    told = advise(blind, step.planned + timedelta(seconds=90))
    assert (told.word, told.tone) == ("UNKNOWN", "careful")
    assert "Not seen now: the pods and the database. Next is announce, due for 1 min." in told.headline


def test_a_silence_that_is_expected_is_not_told_as_blindness() -> None:
    state, now = sample_state("migrating")
    dead = SourceState(read=now, failing_since=now, why="no API is up")
    quiet = msgspec.structs.replace(state, sources={**state.sources, "health": dead})
    assert "Not seen now" not in " ".join(advise(quiet, now).details)
    flown = msgspec.structs.replace(state.steps["healthy"], outcome="verified", started=now, ended=now)
    back = msgspec.structs.replace(quiet, steps={**state.steps, "healthy": flown})
    assert "Not seen now: health." in " ".join(advise(back, now).details)


def test_the_pane_and_the_advice_agree_on_which_silence_is_expected() -> None:
    state, now = sample_state("migrating")
    dead = SourceState(read=now, failing_since=now, why="connection refused")
    blind = msgspec.structs.replace(state, sources={**state.sources, "health": dead, "pods": dead})
    assert "Not seen now: health, pods." in " ".join(advise(blind, now).details)
    pane = "\n".join(plain(each) for each in DRAWN["scheduler"](blind, now, 60, 20, Rules()).lines)
    assert "▲ health: no answer since 10:32: connection refused" in pane


@pytest.mark.parametrize("flown", [False, True])
def test_where_a_way_back_was_left_no_step_is_due_and_nothing_is_done(flown: bool) -> None:
    state, now = sample_state("going-back")
    assert state.rollback is not None
    back = msgspec.structs.replace(
        state.rollback, ended=now, outcome="failed", why="left at the stage restore: no quota"
    )
    steps = {name: msgspec.structs.replace(each, outcome="verified", ended=now) for name, each in state.steps.items()}
    state = msgspec.structs.replace(state, rollback=back, decision=None, steps=steps if flown else state.steps)
    advice = advise(state, now)
    assert (advice.word, advice.tone) == ("STOP", "bad")
    assert "was left at the stage restore: no quota" in advice.headline
    assert "R takes it up again" in advice.details[0]
    assert "comes next" not in updates.text(state, now, Limits())
    assert session_outcome(state) == "failed"
    gate = ev.Check(name=NOT_LEFT, holds=False, found=left(state))
    past = ev.GateOverridden(step="soak", operator="sre-1", reason="mended by hand", gates=(gate,))
    went_on = msgspec.structs.replace(state, overrides=(*state.overrides, past))
    assert "was left at the stage" not in advise(went_on, now).headline, (
        "who flies on with a reason has the steps again"
    )
    if flown:
        assert session_outcome(went_on) == "overridden", "and what is flown to its end is no failure"
