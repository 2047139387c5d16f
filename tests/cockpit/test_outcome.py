"""What became of a session: a way back that went on without a stage is not told as one that was proved."""

from __future__ import annotations

import pytest

from migration_cockpit.advice.going_back import advise_rollback
from migration_cockpit.cockpit.outcome import exit_code
from migration_cockpit.session.state import RollbackState, StageState, State
from tests.app.fixtures import at


@pytest.mark.parametrize(
    ("outcome", "code", "tone", "said"),
    [
        ("verified", 0, "good", "Rolled back: Airflow 2.11.2 is in service again, since"),
        ("skipped", 3, "careful", "Rolled back without verify 2.x: whether Airflow 2.11.2 is as before was not seen."),
    ],
)
def test_a_way_back_without_a_stage(outcome: str, code: int, tone: str, said: str) -> None:
    before = StageState(id="helm", title="helm rollback", outcome="verified")
    last = StageState(id="verify", title="verify 2.x", outcome=outcome)
    back = RollbackState(
        number=1,
        way="helm",
        operator="sre-1",
        reason="it must be",
        started=at("12:00"),
        ended=at("12:30"),
        outcome="rolled back",
        stages=(before, last),
    )
    advice = advise_rollback(back, at("12:31"), "2.11.2", ())
    assert advice is not None
    assert advice.tone == tone
    assert advice.headline.startswith(said)
    assert exit_code(State(rollback=back), asked_back=True) == code
    assert exit_code(State(rollback=back)) == 4
