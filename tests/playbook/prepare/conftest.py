"""A world for the looks that ask production and staging."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flight.world import world


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running world with a few DAGs, and a staging on the target version."""
    with world(
        tmp_path_factory.mktemp("prepare") / "world", "--staging", "--dags=8", "--task-instances=300"
    ) as running:
        yield running
