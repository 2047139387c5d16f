"""Every screen and dialog looks as its snapshot says. After a wanted change: `python -m tests.app.snapshots.write`."""

from __future__ import annotations

import asyncio
import difflib
import re

import pytest
from rich.cells import cell_len

from cockpit_widgets.glyphs import ascii_only
from migration_cockpit.app.dialogs import kinds
from migration_cockpit.app.plan import PANES
from migration_cockpit.cockpit.replay.controls import REPLAY_CONTROLS
from migration_cockpit.cockpit.table import CONTROLS
from tests.app.fixtures import SAMPLES
from tests.app.snapshots.scenes import SCENES
from tests.app.snapshots.stage import Stage, play, staged, terminal
from tests.app.snapshots.text import FOLDER, cells, path, real, rows, taken, written

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


SMALLEST = "80x24"


def at_smallest(text: str) -> list[str]:
    """The rows of a snapshot at 80x24."""
    return drawn_rows(text)[:24]


def test_no_key_is_cut_and_the_timeline_with_the_advice_is_always_seen(screens: dict[str, str]) -> None:
    for name, text in screens.items():
        rows_seen = at_smallest(text)
        assert not any("…" in row for row in rows_seen if re.match(r"(│ )? (Esc|↑↓|1-9) ", row)), name
        if name == "board-unopened":
            continue
        flight = "\n".join(rows_seen[1:4])
        assert re.search(r"1[✔▶○▲✖»] +2[✔▶○▲✖»] |way back [✔▶○▲✖»]", flight), name
        assert re.search(r" [A-Z]{2,}  ", "\n".join(rows_seen[1:])), f"{name}: no advice"


def test_every_way_back_is_seen_at_once(screens: dict[str, str]) -> None:
    for name in ("rollback", "rollback-restore", "rollback-downgrade", "rollback-job"):
        shown = "\n".join(at_smallest(screens[name]))
        for way in (
            "0  stay",
            "1  abort",
            "2  manifests back",
            "3  restore a snapshot",
            "4  restore a dump",
            "5  down",
        ):
            assert way in shown, (name, way)


def test_every_screen_can_be_drawn_in_ascii_cell_by_cell(screens: dict[str, str]) -> None:
    for name, text in screens.items():
        for row in drawn_rows(text):
            drawn = ascii_only(row)
            assert all(" " <= each <= "~" for each in drawn), (name, row)
            assert len(drawn) == cell_len(row), (name, row)
            assert drawn.count("?") == row.count("?"), f"{name}: a glyph without a character: {row}"


def drawn_rows(text: str) -> list[str]:
    """The rows of the screens in a snapshot, without their looks."""
    parts = re.split(r"^(?:===|---) .*$", text, flags=re.MULTILINE)
    return [row for part in parts[1::2] for row in part.splitlines()]


@pytest.mark.parametrize("name", ["board-blocked", "note", "rollback-restore"])
async def test_a_terminal_without_the_glyphs_gets_ascii(name: str) -> None:
    with terminal("dark"):
        app, stage = staged(ascii_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, stage, SCENES[name])
        await pilot.pause()
        assert all(" " <= character <= "~" for row in cells(app) for character, _ in row)
        assert any("| " in each for each in rows(cells(app)))


@pytest.mark.parametrize("kind", ["sixteen", "no colour"])
@pytest.mark.parametrize("name", ["board-blocked", "note"])
async def test_a_terminal_of_the_kind_does_get_the_looks_of_the_snapshot(kind: str, name: str) -> None:
    screen, as_taken = await real(kind, name, (80, 24))
    assert rows(screen) == rows(as_taken)
    for row, expected in zip(screen, as_taken, strict=True):
        for (_, style), (_, wanted) in zip(row, expected, strict=True):
            if wanted not in {"ground", "field"}:
                assert style == wanted
