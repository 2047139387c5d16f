"""The shipped revision chains against the packages of the two installed versions."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from types import ModuleType

import pytest

from migration_cockpit.advice import revisions
from tests.real.environments.components import SOURCE, TARGET


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that made the data."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "scripts"))
    return importlib.import_module("make_revision_chains")


@pytest.mark.parametrize("version", [SOURCE, TARGET])
async def test_the_data_is_what_the_installed_release_says(world: Path, generator: ModuleType, version: str) -> None:
    answer = await asyncio.to_thread(generator.ask, version)
    own = [row["revision"] for row in generator.from_start(answer["core"])]
    shipped = [each.revision for each in revisions.core().revisions]
    assert own == shipped[: len(own)]
    assert own[-1] == revisions.head(version)
    assert answer["fab"][-1]["revision"] == revisions.fab().heads[answer["fab_provider"]]
