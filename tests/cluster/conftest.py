"""A real cluster for the tests here, whatever clusters the conformance suite asks."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.worlds import Real, World

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """A running cluster, shared by the tests of this folder."""
    with contextlib.closing(Real(tmp_path_factory.mktemp("cluster"))) as running:
        yield running


@pytest.fixture
def world(real: Real, tmp_path: Path) -> Iterator[World]:
    """The real cluster, with a namespace of the test's own."""
    name = f"cluster-{next(_numbers)}"
    world = World(real, name, tmp_path)
    world.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    with contextlib.closing(world):
        yield world


@pytest.fixture
def other(real: Real, tmp_path: Path) -> Iterator[World]:
    """A second namespace of the same cluster."""
    name = f"cluster-{next(_numbers)}"
    world = World(real, name, tmp_path)
    world.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    with contextlib.closing(world):
        yield world
