"""Keys of one's own, the list of actions, copying, and the bell."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.app.controls import more_keys
from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.cockpit.desk import DEAF
from migration_cockpit.cockpit.dialogs import NoteDialog
from migration_cockpit.config import ConfigError
from tests.app.fixtures import sample_state
from tests.app.light import light_app, still_app
from tests.app.test_app import open_sheet, seen, until


async def test_a_key_of_the_config_does_what_the_standard_key_does(tmp_path: Path) -> None:
    controls, views = more_keys({"note": "F2", "zoom": "ctrl-l"})
    app, light = light_app(tmp_path, views=views)
    app.desk.controls = controls
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.board.looking.zoom)
        await pilot.press("z")
        await until(pilot, lambda: not app.board.looking.zoom)
        await pilot.press("question_mark")
        await until(pilot, lambda: "n f2" in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Dialog))
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.desk.dialog, NoteDialog))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"notes": "x"}, r"screen\.keys\.notes: is no action of the main screen; did you mean note\?"),
        ({"note": "m"}, r"screen\.keys\.note: found 'm', which is the key of message already"),
        ({"note": "x", "message": "x"}, r"screen\.keys\.message: found 'x', which is the key of note already"),
        ({"note": "enter"}, r"screen\.keys\.note: found 'enter', takes a letter"),
        ({"confirm": "x"}, r"screen\.keys\.confirm: is no action of the main screen"),
    ],
)
def test_a_key_that_cannot_be_is_an_error_that_names_it(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        more_keys(given)


async def test_an_action_is_found_by_a_word_and_done_as_by_its_key(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await open_sheet(pilot, light, "colon")
        await pilot.press("enter")
        await until(pilot, lambda: bool(re.search(r"\d+ actions have these words: type more", seen(app))))
        await pilot.press(*"timeline")
        light.clock.leap(DEAF)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.desk.dialog, NoteDialog))
        assert not light.state.notes


async def test_what_is_looked_at_is_copied_to_the_clipboard_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, light = light_app(tmp_path, copies=tmp_path / "copied.txt")
    written: list[str] = []
    async with app.run_test(size=(160, 48)) as pilot:
        monkeypatch.setattr(app._driver, "write", written.append)
        await until(pilot, lambda: light.state.session is not None)
        await open_sheet(pilot, light)
        await pilot.press("y")
        await until(pilot, lambda: "copied to the terminal's clipboard and to" in seen(app))
    copied = (tmp_path / "copied.txt").read_text(encoding="utf-8")
    assert "flagctl raise --mast main" in copied
    osc = next(match for each in written if (match := re.search(r"\x1b\]52;c;([^\a]+)\a", each)))
    assert base64.b64decode(osc[1]).decode() == copied
    assert (tmp_path / "copied.txt").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("bell", [True, False])
async def test_the_bell_rings_once_for_what_must_be_seen_where_it_is_asked_for(
    bell: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, now = sample_state("migrating")
    alarming, later = sample_state("blocked")
    rung: list[Any] = []
    app = still_app(calm, now, bell=bell)
    monkeypatch.setattr(app, "bell", lambda: rung.append(now))
    async with app.run_test(size=(80, 24)):
        app.draw()
        assert rung == []
        app.shown.state, app.shown.clock.moment = alarming, later  # type: ignore[attr-defined, misc]
        app.draw()
        app.draw()
    assert len(rung) == bell
