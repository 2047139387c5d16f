"""What the autopilot waits for, and what it leaves to people: it never ends a migration, and never waits for ever."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from migration_cockpit.cockpit.autopilot import undecided
from migration_cockpit.config import Limits
from migration_cockpit.session import events as ev
from migration_cockpit.session.state import State
from tests.app.fixtures import sample_state


def told(word: str, subject: str = "") -> tuple[State, ev.VerdictChanged]:
    """A migration that runs, with this verdict since it began."""
    state, now = sample_state("migrating")
    verdict = ev.VerdictChanged(verdict=word, evidence=f"{word} because of it.", subject=subject)
    return msgspec.structs.replace(state, verdict=verdict, verdict_since=now), verdict


@pytest.mark.parametrize(
    ("word", "subject", "gives_up"),
    [
        ("WORKING", "", False),
        ("BLOCKED", "24077", True),
        ("QUIET", "warning", False),
        ("QUIET", "long", True),
        ("LOST", "pod", True),
        ("SLOW", "", False),
    ],
)
def test_what_asks_for_a_person_is_let_go_of_after_a_while(word: str, subject: str, *, gives_up: bool) -> None:
    state, _ = told(word, subject)
    assert state.verdict_since is not None
    soon, later = state.verdict_since + timedelta(seconds=14), state.verdict_since + timedelta(seconds=16)
    assert undecided(state, soon, Limits(), 15) == ""
    assert bool(undecided(state, later, Limits(), 15)) == gives_up


def test_what_only_takes_long_is_waited_for_until_the_decision_point() -> None:
    state, _ = told("SLOW")
    step = state.steps["migrate"]
    assert step.started is not None
    assert state.verdict_since is not None
    late = max(step.started, state.verdict_since) + timedelta(hours=2, minutes=1)
    assert "SLOW" in undecided(state, late, Limits(), 15)
    assert "the Job is left as it is" in undecided(state, late, Limits(), 15)
