"""Keys of one's own, the list of actions, copying, and the bell."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.app.controls import more_keys
from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.cli import main
from migration_cockpit.cockpit.desk import DEAF
from migration_cockpit.cockpit.dialogs import NoteDialog
from migration_cockpit.config import ConfigError
from tests.app.fixtures import sample_state
from tests.app.light import light_app, still_app
from tests.app.test_app import open_sheet, seen, until

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


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
        ({"note": "m"}, r"screen\.keys\.note: found 'm', which is the key of message already; free are b "),
        ({"note": "x", "message": "x"}, r"screen\.keys\.message: found 'x', which is the key of note already"),
        ({"note": "enter"}, r"screen\.keys\.note: found 'enter', takes a letter"),
        ({"confirm": "x"}, r"screen\.keys\.confirm: is no action of the main screen"),
    ],
)
def test_a_key_that_cannot_be_is_an_error_that_names_it(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        more_keys(given)


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_a_key_that_is_taken_is_told_before_the_day_with_place_and_mend(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(EXAMPLE.read_text().replace("[screen]", '[screen]\nkeys = {note = "m"}'))
    assert main([command, "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert f"{config}: screen.keys.note: found 'm', which is the key of message already; free are b " in said
    assert "\n" not in said.strip()


async def test_the_keys_of_a_dialog_can_be_read_over_it_and_a_draft_is_kept(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_sheet(pilot, light)
        light.clock.leap(DEAF)
        await pilot.press("question_mark")
        await until(pilot, lambda: "In a step sheet" in seen(app) and "look at the gates once more" in seen(app))
        await pilot.press("enter", "R")
        assert app.desk.where == "sheet", "no key reaches what is covered"
        await pilot.press("escape")
        await until(pilot, lambda: "look again" in seen(app))
        assert app.desk.deaf, "what has just come into sight is not confirmed by a key meant for the page"
        assert light.state.steps["announce"].started is None


async def test_nothing_covers_a_countdown(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_sheet(pilot, light)
        assert app.desk.dialog is not None
        app.desk.dialog.counts = True  # type: ignore[misc]  # as that of the way back does
        light.clock.leap(DEAF)
        await pilot.press("question_mark")
        await until(pilot, lambda: "it counts down: Esc stops it" in seen(app))
        assert not app.page


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
