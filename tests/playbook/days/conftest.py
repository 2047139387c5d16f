"""The command of the days, in the world that the preparation's tests have too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flight.world import environment
from tests.playbook.days.command import Days


@pytest.fixture
def days(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    for name, value in (environment(directory) | {"XDG_STATE_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    return Days(directory, tmp_path)
