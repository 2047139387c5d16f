"""A world with a staging on the target version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flight.world import environment, world
from tests.playbook.days.command import Days


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running world with a few DAGs and a staging."""
    with world(tmp_path_factory.mktemp("days") / "world", "--staging", "--dags=8", "--task-instances=500") as running:
        yield running


@pytest.fixture
def days(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    for name, value in (environment(directory) | {"XDG_STATE_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    return Days(directory, tmp_path)
