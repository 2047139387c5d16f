"""What follows from the window's end."""

from __future__ import annotations

from migration_cockpit.advice.now import advise
from migration_cockpit.advice.window import deadlines
from migration_cockpit.config import Limits
from migration_cockpit.session import events as ev
from tests.app.fixtures import Fold, at, opened

LIMITS = Limits(decision_at=7200.0)


def migrating(began: str) -> Fold:
    """The migration runs since then; the window ends at 16:00."""
    fold = Fold()
    fold.add("08:55", opened())
    fold.add(began, ev.StepStarted(step="migrate", operator="sre"))
    fold.add(began, ev.OperationIntended(step="migrate", operation="migration-job", key="k", commands=(), attempt=1))
    return fold


def test_the_decision_comes_when_the_playbook_says_unless_the_way_back_would_not_fit() -> None:
    early, late = migrating("10:21").state, migrating("14:30").state
    assert deadlines(early, LIMITS, at("16:00")).decision == at("12:21")
    assert deadlines(late, LIMITS, at("16:00"), way_back=1500).decision == at("15:35")
    assert deadlines(late, LIMITS, at("16:00"), way_back=1500).last_way_back == at("15:35")
    assert deadlines(late, LIMITS, at("17:30"), way_back=1500).decision == at("16:30")
    assert deadlines(Fold().state, LIMITS, at("16:00")).decision is None


def test_the_decision_rests_on_the_same_way_back_as_the_line_about_the_rollback() -> None:
    fold = migrating("15:20")
    assert deadlines(fold.state, LIMITS, at("16:00")).decision == at("15:30"), "nothing is known: half an hour"
    fold.add("15:21", ev.WayBackExpected(way="restore", seconds=600, basis="as seen"))
    assert deadlines(fold.state, LIMITS, at("16:00")).decision == at("15:50")


def test_what_an_operation_told_of_its_progress_ends_with_it() -> None:
    fold = migrating("10:21")
    fold.add("10:22", ev.StepProgress(step="migrate", text="snapshot creating 97 %", done=97, total=100))
    fold.add("10:23", ev.OperationEnded(step="migrate", operation="snapshot", key="k", outcome="done"))
    assert fold.state.progress("migrate") == ("", 0, 0)


def test_a_window_that_moved_moves_the_decision_in_the_advice() -> None:
    fold = migrating("14:30")
    assert "Decision at 15:30" in advise(fold.state, at("14:40"), LIMITS).headline
    fold.add("14:41", ev.WindowMoved(operator="sre", end=at("18:00"), reason="agreed"))
    assert "Decision at 16:30" in advise(fold.state, at("14:42"), LIMITS).headline
