"""A target that no table of this cockpit knows: its image tells its revisions and its schema."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from scripts.fly_migration import arrivals, rehearsed, shares, upgrades, verdicts

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]


def test_it_has_a_bar_an_end_and_is_done_by_its_own_schema(tmp_path: Path) -> None:
    cockpit = rehearsed("2.11.2", "3.9.0", tmp_path, task_instances=20_000, airflow="standin")
    step, session = cockpit.state.step("migrate"), tmp_path / "session"
    assert step.outcome == "verified", step.why
    found = {check.name: check.found for check in step.checks}
    assert found["alembic head"] == "c0c4b17e0902, the head of 3.9.0"
    assert found["schema"].endswith("columns as in a fresh 3.9.0, as its own image made it")
    assert verdicts(session)[-1] == "DONE"
    assert len(upgrades(session)) == 85, "82 of 3.2 and two of its own, and FAB's"
    done = shares(session)
    assert all(before <= after for before, after in pairwise(done))
    assert 900 < done[-1] < 1000
    assert arrivals(session) > 0
