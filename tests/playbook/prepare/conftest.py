"""A team in the world, and a dump of its production."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flight.world import environment
from tests.playbook.prepare.team import Team, dumped


@pytest.fixture
def team(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    for name, value in environment(directory).items():
        monkeypatch.setenv(name, value)
    return Team(directory, tmp_path)


@pytest.fixture
def dump(team: Team) -> str:
    return dumped(team)
