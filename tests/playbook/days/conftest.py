"""A world with a staging on the target version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flight.world import world


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running world with a few DAGs and a staging."""
    with world(tmp_path_factory.mktemp("days") / "world", "--staging", "--dags=8", "--task-instances=500") as running:
        yield running
