"""What to do now, for each situation: the word, the sentence, and what is behind it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from migration_cockpit.advice.now import advise
from migration_cockpit.config import Limits
from migration_cockpit.session.state import SourceState
from tests.app.fixtures import at, migrating, names, sample_state


@pytest.mark.parametrize(
    ("sample", "word", "tone", "says"),
    [
        ("unopened", "STARTING", "plain", "being opened"),
        ("before", "READY", "good", "Next is announce at 09:00, in 1 min. Enter opens its sheet."),
        ("drain", "DECIDE", "careful", "6 tasks still run after 30 min."),
        ("migrating", "WAIT", "good", "27 of 82 revisions are in. Decision at 12:21 (in 1 h 48 min)."),
        ("blocked", "BLOCKED", "bad", "waits for a lock"),
        ("stopped", "STOP", "bad", "xcom row 81723"),
        ("soak", "WATCH", "good", "Soak until 15:02"),
        ("done", "DONE", "careful", "gates were overridden"),
    ],
)
def test_the_word_for_each_situation(sample: str, word: str, tone: str, says: str) -> None:
    advice = advise(*sample_state(sample))
    assert (advice.word, advice.tone) == (word, tone)
    assert says in advice.headline


def test_the_advice_follows_the_clock_of_the_migration() -> None:
    state, now = migrating()
    started = state.steps["migrate"].started
    assert started is not None
    words = {minutes: advise(state, started + timedelta(minutes=minutes)).word for minutes in (1, 44, 46, 119, 121)}
    assert words == {1: "WAIT", 44: "WAIT", 46: "CHECK", 119: "CHECK", 121: "DECIDE"}
    assert advise(state, now, Limits(checks_at=60.0)).word == "CHECK"


def test_a_snapshot_before_the_migration_is_not_taken_for_the_migration() -> None:
    state, now = migrating()
    step = msgspec.structs.replace(
        state.steps["migrate"], progress="snapshot airflow-pre-3x creating 48 %", done=48, total=100
    )
    before = msgspec.structs.replace(state, operations={}, verdict=None, steps={**state.steps, "migrate": step})
    advice = advise(before, now)
    assert advice.word == "WAIT"
    assert advice.headline == (
        "The migration has not begun; its step runs for 11 min. Snapshot airflow-pre-3x creating 48 %."
    )


def test_titles_keep_their_capitals() -> None:
    state, _ = sample_state("before")
    announced = msgspec.structs.replace(state.steps["announce"], outcome="verified")
    state = msgspec.structs.replace(state, steps={**state.steps, "announce": announced})
    assert "Pause all DAGs is due" in advise(state, at("09:20")).headline


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
    assert "due since 20 min" in late.headline


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
        bool(state.recovery_points) and state.next_step is not None
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
    assert told.word == "BLIND"
    assert told.tone != "good"
    assert "not known" in told.headline
