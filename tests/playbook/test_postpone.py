"""When a migration can be postponed, and what becomes of a postponement that fails."""

from __future__ import annotations

import pytest

from migration_cockpit.advice.now import advise
from migration_cockpit.playbook.postpone import refusal
from migration_cockpit.session import events as ev
from migration_cockpit.session.state import State
from tests.app.fixtures import Fold, at, opened

POSTPONED = ev.PostponeStarted(operator="sre", reason="no network")


def folded(*events: ev.Event) -> State:
    fold = Fold()
    fold.add("08:55", opened())
    for number, event in enumerate(events):
        fold.add(at(f"09:{number:02}"), event)
    return fold.state


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((), ""),
        ((ev.StepStarted(step="drain", operator="sre"),), ""),
        ((ev.StepStarted(step="pause", operator="sre"),), "step pause all DAGs is running: wait for its end"),
        (
            (
                ev.StepStarted(step="helm", operator="sre"),
                ev.StepEnded(step="helm", outcome="failed", operator="sre", why="?"),
            ),
            "the Helm upgrade was begun: going back is a rollback now",
        ),
        ((POSTPONED,), "the migration is being postponed"),
        ((POSTPONED, ev.PostponeEnded(outcome="verified")), "the migration is postponed already"),
        ((POSTPONED, ev.PostponeEnded(outcome="failed", why="API down")), ""),
    ],
)
def test_only_what_changed_nothing_can_be_postponed(events: tuple[ev.Event, ...], why: str) -> None:
    assert refusal(folded(*events)) == why


def test_a_postponement_that_is_tried_again_looks_anew_at_what_it_did() -> None:
    failed = (POSTPONED, ev.PostponeEnded(outcome="failed", why="the API is down. Mend it"))
    assert folded(*failed).attempt(ev.POSTPONE) == 1
    assert "postponing failed: the API is down" in folded(*failed).log[-1].text
    assert folded(*failed, POSTPONED).attempt(ev.POSTPONE) == 2


def test_the_advice_says_that_it_is_over_and_what_comes_next() -> None:
    over = folded(
        POSTPONED, ev.PostponeEnded(outcome="verified", starts_from=("The next session starts with step 1.",))
    )
    advice = advise(over, at("10:00"))
    assert (advice.word, advice.details) == ("OVER", ("The next session starts with step 1.",))
    assert "no network" in advice.headline
