"""Folding: what a journal says that this version has no place for is told, and is no traceback."""

from __future__ import annotations

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold import fold
from migration_cockpit.session.state import State
from tests.app.fixtures import at, opened


def test_the_end_of_a_step_that_this_version_does_not_know_is_a_line_of_the_log() -> None:
    state = fold(State(), opened(), at("09:00"), 1)
    ended = ev.StepEnded(step="of-a-newer-cockpit", outcome="failed", operator="sre-1", why="it says why")
    after = fold(state, ended, at("09:05"), 2)
    assert after.steps == state.steps
    assert "of-a-newer-cockpit: failed" in after.log[-1].text
