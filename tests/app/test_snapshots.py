"""Every screen and dialog looks as its snapshot says. After a wanted change: `python -m tests.app.snapshots.write`."""

from __future__ import annotations

import asyncio
import difflib

import pytest

from migration_cockpit.app.dialogs import kinds
from migration_cockpit.app.plan import PANES
from migration_cockpit.cockpit.replay.controls import REPLAY_CONTROLS
from migration_cockpit.cockpit.table import CONTROLS
from tests.app.fixtures import SAMPLES
from tests.app.snapshots.scenes import SCENES
from tests.app.snapshots.stage import Stage
from tests.app.snapshots.text import FOLDER, path, real, rows, taken, written

MOST_BYTES = 2_000_000
"""Of all snapshots together: a repository is cloned often."""


@pytest.fixture(scope="module")
def screens() -> dict[str, str]:
    """Every scene as it is now."""
    return {name: written(found) for name, found in asyncio.run(taken(list(SCENES))).items()}


@pytest.mark.parametrize("name", SCENES)
def test_it_looks_as_it_did(name: str, screens: dict[str, str]) -> None:
    before = path(name).read_text(encoding="utf-8") if path(name).exists() else ""
    changed = difflib.unified_diff(before.splitlines(), screens[name].splitlines(), "snapshot", "now", lineterm="", n=1)
    said = "\n".join(list(changed)[:60])
    assert before == screens[name], f"python -m tests.app.snapshots.write {name} writes it anew\n{said}"


def test_nothing_has_no_snapshot() -> None:
    """A new dialog, page, pane or sample without a scene is found here."""
    places, pages, panes = set(), set(), set()
    for name, scene in SCENES.items():
        opened = scene(Stage())
        places.add(opened.dialog.place if opened.dialog else "screen")
        pages.add(opened.page)
        if name.startswith("pane-"):
            panes.add(opened.looking.pane)
    assert places | pages - {""} >= set(kinds())
    assert places >= {each.where for each in (*CONTROLS, *REPLAY_CONTROLS)} - {"any"}
    assert panes == set(PANES)
    assert {name for name in SAMPLES if f"board-{name}" not in SCENES} == set()


def test_no_snapshot_is_of_nothing_and_all_are_small() -> None:
    files = set(FOLDER.glob("*.txt"))
    assert files == {path(name) for name in SCENES}
    assert sum(each.stat().st_size for each in files) < MOST_BYTES


@pytest.mark.parametrize("kind", ["sixteen", "no colour"])
@pytest.mark.parametrize("name", ["board-blocked", "note"])
async def test_a_terminal_of_the_kind_does_get_the_looks_of_the_snapshot(kind: str, name: str) -> None:
    screen, as_taken = await real(kind, name, (80, 24))
    assert rows(screen) == rows(as_taken)
    for row, expected in zip(screen, as_taken, strict=True):
        for (_, style), (_, wanted) in zip(row, expected, strict=True):
            if wanted not in {"ground", "field"}:
                assert style == wanted
