"""The days around a whole flight, in one world: what D-7 measured of 2.x is what the first day of 3.x is held by."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from migration_cockpit.rehearsal import faults
from tests.flight import world as rehearsal

pytestmark = pytest.mark.matrix


def day(world: Path, home: Path, name: str) -> str:
    """What `migration-cockpit day` prints."""
    command = [sys.executable, "-m", "migration_cockpit", "day", name, "--config", str(world / "config.toml")]
    environment = os.environ | rehearsal.environment(world) | {"XDG_STATE_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False).stdout


def test_the_first_day_after_a_flight_names_the_one_metric_that_was_made_worse(tmp_path: Path) -> None:
    home = tmp_path / "state"
    session = home / "migration-cockpit" / "sessions" / "rehearsal-20260516-090000"
    with rehearsal.world(tmp_path / "world", "--staging", "--dags=8", "--task-instances=500") as world:
        assert "✔ holds   metrics" in day(world, home, "D-7")
        flown = rehearsal.fly_once(world, session)
        assert flown.returncode == 0, flown.stdout[-3000:] + flown.stderr[-2000:]
        after = day(world, home, "D+1")
        assert "✔ holds   metrics" in after, after
        assert f"{session.name} left none" in after
        faults.switch(world, "scheduler-regression", {"metric": "loop_duration"})
        deadline = time.monotonic() + 120
        while "WORSE scheduler loop duration: on D-7" not in (after := day(world, home, "D+1")):
            assert time.monotonic() < deadline, after
        assert after.count("WORSE") == 1
        week = day(world, home, "D+7")
        assert "WORSE scheduler loop duration" in week
        assert f"{session.name}-helm: keep until" in week
        assert f"artifacts/report-{session.name}.html tells of" in week
