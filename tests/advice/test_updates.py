"""What an update says in each situation: where it is, how late, until when, what users may notice."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from migration_cockpit.advice import updates
from migration_cockpit.advice.phase import AFTER, DAY, phase
from migration_cockpit.config import Limits
from migration_cockpit.session.state import SourceState
from tests.app.fixtures import sample_state


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        (
            "migrating",
            [
                "10:32 UTC: step 5 of 11, database migration, for 11 min, 6 min behind plan.",
                "It works: 33 % done, ready between 10:47 and 10:56 UTC.",
                "All done about 15:11 UTC, the window ends at 16:00.",
                "Users: no DAG runs; UI and API do not answer.",
            ],
        ),
        ("before", ["announce comes next.", "All done about 15:00 UTC", "Users: nothing yet."]),
        ("stopped", ["failed", "what to do is being decided.", "Users:"]),
        ("blocked", ["It waits for a lock that another session holds; that is being looked at."]),
        ("going-back", ["going back to 2.11.2 since", "now: ", "Users: no DAG runs; UI and API may not answer."]),
        ("soak", ["soak, for", "Users: DAGs run again; the UI looks different."]),
    ],
)
def test_what_is_true_is_told(sample: str, says: list[str]) -> None:
    state, now = sample_state(sample)
    said = updates.text(state, now, Limits())
    assert said.startswith("Airflow migration of airflow-prod, ")
    assert [words for words in says if words not in said] == [], said


def test_what_is_not_seen_is_not_told_as_if_it_were() -> None:
    state, now = sample_state("migrating")
    blind = SourceState(failing_since=now - timedelta(minutes=3), why="no route")
    said = updates.text(msgspec.structs.replace(state, sources={**state.sources, "database": blind}), now, Limits())
    assert f"How far it is cannot be seen since {now - timedelta(minutes=3):%H:%M}." in said
    assert "% done" not in said


def test_a_step_that_failed_promises_no_end() -> None:
    state, now = sample_state("stopped")
    assert "All done" not in updates.text(state, now, Limits())


def test_it_is_due_so_long_after_the_last_one_and_never_when_it_is_over() -> None:
    state, _ = sample_state("migrating")
    announced = state.steps["announce"].ended
    assert announced is not None
    assert updates.due_at(state, 1800) == announced + timedelta(minutes=30)
    sent = announced + timedelta(hours=1)
    told = msgspec.structs.replace(state, updates=msgspec.structs.replace(state.updates, sent=sent))
    assert updates.due_at(told, 1800) == sent + timedelta(minutes=30)
    assert updates.due_at(sample_state("before")[0], 1800) is None
    assert updates.due_at(sample_state("done")[0], 1800) is None


@pytest.mark.parametrize("outcome", ["rolled back", "aborted"])
def test_after_a_way_back_there_is_nothing_to_tell_and_the_days_after_have_begun(outcome: str) -> None:
    state, now = sample_state("going-back")
    assert state.rollback is not None
    assert not updates.over(state)
    assert phase(state, now) == DAY
    back = msgspec.structs.replace(state.rollback, ended=now, outcome=outcome)
    state = msgspec.structs.replace(state, rollback=back)
    assert updates.over(state)
    assert updates.due_at(state, 60) is None
    assert phase(state, now) == AFTER


def test_a_step_that_waits_for_a_person_changes_nothing_for_the_users_yet() -> None:
    state, now = sample_state("soak")
    critical = msgspec.structs.replace(state.steps["critical"], started=None, ended=None, outcome="", attempt=0)
    rest = {
        name: msgspec.structs.replace(state.steps[name], started=None, ended=None, outcome="", attempt=0)
        for name in ("rest", "soak", "success")
    }
    waiting = msgspec.structs.replace(state, steps={**state.steps, "critical": critical, **rest})
    said = updates.text(waiting, now, Limits())
    assert "unpause critical comes next" in said
    assert said.endswith("Users: no DAG runs yet; UI and API answer.")
