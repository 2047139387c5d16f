"""Where today's code judges a recorded migration otherwise."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from migration_cockpit.advice.verdict import Verdict
from migration_cockpit.cli import main
from migration_cockpit.cockpit.replay.recompute import differences
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.state import State
from tests.app.fixtures import at
from tests.report.sample import write_day


def test_a_stretch_that_is_judged_otherwise_is_told_and_a_moment_is_not(tmp_path: Path) -> None:
    def judged(state: State, now: datetime) -> Verdict | None:
        if state.verdict is None:
            return None
        otherwise = at("10:50") <= now < at("10:52") or now == at("10:55")
        return Verdict("SLOW" if otherwise else state.verdict.verdict, "too few rows")

    (found,) = differences(Recording(write_day(tmp_path)), judged)
    assert (found.now, found.evidence) == ("SLOW", "too few rows")
    assert found.recorded not in {"", "nothing", "SLOW"}
    assert found.begin == at("10:50")
    assert (at("10:52") - found.end).total_seconds() <= 1


def test_the_command_says_when_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(write_day(tmp_path)), "--recompute"]) == 0
    assert capsys.readouterr().out
