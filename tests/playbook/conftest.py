"""One world for all tests before and after the day: starting one takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flight.world import world


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running world with a few DAGs, a staging on the target version, and what is looked at in the weeks before."""
    arguments = ("--staging", "--dags=8", "--task-instances=500", "--operator=ada")
    with world(tmp_path_factory.mktemp("prepared") / "world", *arguments) as running:
        yield running
