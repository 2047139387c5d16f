"""Airflow itself from 2.11.2 to 3.0.6, up to the migration: progress, log, and DONE only by that release's schema."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from scripts.fly_migration import rehearsed, shares, upgrades, verdicts


def test_2_11_is_migrated_to_3_0_and_done_only_by_its_schema(tmp_path: Path) -> None:
    cockpit = rehearsed("2.11.2", "3.0.6", tmp_path, task_instances=1500)
    step, session = cockpit.state.step("migrate"), tmp_path / "session"
    assert step.outcome == "verified", step.why
    found = {check.name: check.found for check in step.checks}
    assert "fe199e1abd77, the head of 3.0.6" in found["alembic head"]
    assert found["schema"].endswith("columns as in a fresh 3.0.6")
    assert set(verdicts(session)) == {"WORKING", "DONE"}
    lines = upgrades(session)
    assert len(lines) == len(set(lines)) >= 42, "every core revision, each once"
    done = shares(session)
    assert all(before <= after for before, after in pairwise(done))
    assert done[-1] < 1000, "full only when the schema is verified"
