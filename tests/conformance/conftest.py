"""The cluster under test: the embedded one, and with `CONFORMANCE_CLUSTERS=embedded,real` a real one too."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .worlds import Backend, Embedded, Real, World

_numbers = itertools.count(1)
CLUSTERS = os.environ.get("CONFORMANCE_CLUSTERS", "embedded").split(",")


@pytest.fixture(scope="session", params=CLUSTERS)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A running cluster, shared by all tests."""
    made: Backend = (Real if request.param == "real" else Embedded)(tmp_path_factory.mktemp(request.param))
    with contextlib.closing(made) as running:
        yield running


@pytest.fixture
def world(backend: Backend, tmp_path: Path) -> Iterator[World]:
    """The cluster, with a namespace of the test's own."""
    name = f"test-{next(_numbers)}"
    world = World(backend, name, tmp_path)
    world.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    with contextlib.closing(world):
        yield world


@pytest.fixture
def running(world: World) -> World:
    """A cluster whose containers really run: only the embedded one, kwok's pods have nothing in them."""
    return world


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what only containers that run can answer."""
    without = [item for item in items if "running" in getattr(item, "fixturenames", ()) and "[real" in item.name]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]
