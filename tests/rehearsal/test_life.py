"""What a sweep may take away: the worlds of flights that are gone, never one that another flight has begun since."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from migration_cockpit.rehearsal import life

NOBODY = 2**22 + 1
"""No process has this number: it is above the kernel's highest."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world whose process is gone, with the note that it left."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    directory = tmp_path / "world"
    directory.mkdir()
    life.registry().mkdir(parents=True)
    note = {"pid": NOBODY, "directory": str(directory)}
    (life.registry() / f"{NOBODY}.json").write_text(json.dumps(note), encoding="utf-8")
    return directory


@pytest.mark.parametrize(("owner", "swept"), [(NOBODY, True), (os.getpid(), False)], ids=["gone", "flies"])
def test_only_a_world_whose_flight_is_gone_is_swept(world: Path, owner: int, *, swept: bool) -> None:
    (world / life.OWNER).write_text(str(owner), encoding="utf-8")
    assert life.sweep() == ([world] if swept else [])
    assert world.exists() is not swept
    assert not list(life.registry().iterdir()), "the note tells of a process that is gone"
