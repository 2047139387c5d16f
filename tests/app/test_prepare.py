"""The prerequisites on the screen: fifteen rows, evidence, signing, the phase that the cockpit opens on."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from cockpit_widgets.spans import plain, width
from migration_cockpit.advice.phase import AFTER, DAY, PREPARATION, phase
from migration_cockpit.app.dialogs.prepare import prepare_lines
from migration_cockpit.cockpit.desk import DEAF
from migration_cockpit.cockpit.dialogs import BackupDialog, PrepareDialog, PrerequisiteDialog, SignDialog
from migration_cockpit.cockpit.preparing import Preparing
from migration_cockpit.playbook.prepare import PREREQUISITES, signoffs
from migration_cockpit.playbook.prepare.printed import as_data
from migration_cockpit.playbook.prepare.shape import Result
from migration_cockpit.session import events as ev
from tests.app.fixtures import sample_state
from tests.app.light import HeldClock, light_app, still_app
from tests.app.preparing import NOW, results
from tests.app.test_app import seen, until

SIZES = [(160, 48), (80, 24)]


@pytest.mark.parametrize("size", SIZES)
async def test_all_fifteen_are_seen_with_status_evidence_age_and_who_signed(size: tuple[int, int]) -> None:
    app = still_app(*sample_state("preparing"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "15 alerts" in seen(app))
        screen = seen(app)
        for each in PREREQUISITES:
            assert re.search(rf"[✔✖?◌] \w+ +{each.number} {each.id}\b", screen), each.id
        assert re.search(r"✖ FAILS +6 chart +the render refers to", screen)
        assert re.search(r"◌ stale +8 rollback .* 19d", screen)
        assert re.search(r"✔ signed +11 window +approved in CAB 4711 .* 2d +ada", screen)
        if size[0] == 160:
            assert "build staging's image with production" in screen, "the mend stands in the row"


def test_the_rows_say_what_the_json_says() -> None:
    state, _ = sample_state("preparing")
    assert state.prepare is not None
    for result in results():
        event, data = state.prepare.seen[result.asked.id].event, as_data(result)
        assert (event.number, event.status, list(event.found), event.mend) == (
            data["number"],
            data["status"],
            data["found"],
            data["mend"],
        )
        assert (data["signed"] or {}).get("name", "") == event.signed_by


@pytest.mark.parametrize("wide", [40, 76, 119, 120, 156])
def test_nothing_is_wider_than_the_page(wide: int) -> None:
    state, now = sample_state("preparing")
    for chosen in range(15):
        assert max(width(each) for each in prepare_lines(state, now, chosen, wide)) <= wide


def test_before_anything_was_looked_at_nothing_holds() -> None:
    state, now = sample_state("before")
    page = "\n".join(plain(each) for each in prepare_lines(state, now, 0, 76))
    assert page.count("? unknown") == 15
    assert "0 of 15 ready" in page


async def test_enter_shows_the_evidence_and_arrows_choose(tmp_path: Path) -> None:
    app, light = light_app(tmp_path / "s")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press("p")
        await until(pilot, lambda: light.state.prepare is not None and light.state.prepare.ended is not None)
        light.clock.leap(DEAF)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.desk.dialog, PrerequisiteDialog))
        await until(pilot, lambda: "2 staging: staging equals production" in seen(app))
        assert "the same by name: 230 DAGs" in seen(app)
        assert "apache-airflow-providers-amazon 9.3.1" in seen(app)


async def test_a_sign_off_needs_a_note_and_is_kept_with_the_name(tmp_path: Path) -> None:
    app, light = light_app(tmp_path / "s")
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press("p")
        await until(pilot, lambda: light.state.prepare is not None and light.state.prepare.ended is not None)
        for key in ("s", *["down"] * 9):
            light.clock.leap(DEAF)
            await pilot.press(key)
        assert isinstance(app.desk.dialog, PrepareDialog), "what holds by evidence needs nobody's word"
        assert app.desk.dialog.chosen == 9
        light.clock.leap(DEAF)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.desk.dialog, SignDialog))
        light.clock.leap(DEAF)
        await pilot.press("enter")
        await until(pilot, lambda: "type what you looked at" in seen(app))
        await pilot.press(*"seen")
        light.clock.leap(DEAF)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.desk.dialog, PrepareDialog))
    assert light.state.prepare is not None
    event = light.state.prepare.seen["messages"].event
    assert (event.status, event.signed_by, event.note) == ("signed", "sre-1", "seen")
    kept = signoffs.read(signoffs.path(tmp_path / "sessions", light.settings.deployment.name))
    assert kept["messages"].note == "seen", "the command line finds the same"


async def test_no_word_outweighs_evidence(tmp_path: Path) -> None:
    app, light = light_app(tmp_path / "s")
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        app.desk.open(PrepareDialog(chosen=5))
        await pilot.press("r")
        light.clock.leap(DEAF)
        await pilot.press("r")
        await until(pilot, lambda: light.state.prepare is not None and light.state.prepare.ended is not None)
        await pilot.press("s")
        await until(pilot, lambda: "evidence says against it" in seen(app))
        await pilot.press("t")
        await until(pilot, lambda: "set prepare.scratch_dsn" in seen(app))
        assert not isinstance(app.desk.dialog, BackupDialog)


async def test_nothing_is_looked_at_while_that_stands_in_the_way_nor_once_it_says_nothing(
    tmp_path: Path,
) -> None:
    app, light = light_app(tmp_path / "s")
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        light.recorder.record(ev.StepStarted(step="migrate", operator="sre-1", attempt=1))
        await pilot.press("p")
        await until(pilot, lambda: "a long read would stand in the way" in seen(app))
        assert light.state.prepare is None
        light.recorder.record(ev.StepEnded(step="migrate", outcome="verified", operator="sre-1"))
        named = {"step": "migrate", "operation": "migration-job", "key": "j"}
        light.recorder.record(ev.OperationIntended(**named, commands=(), attempt=1))
        light.clock.leap(DEAF)
        await pilot.press("r")
        await until(pilot, lambda: "production is upgraded" in seen(app))
        assert light.state.prepare is None


async def test_a_look_that_is_under_way_gives_way_to_the_migration(tmp_path: Path) -> None:
    app, light = light_app(tmp_path / "s")
    began = asyncio.Event()

    async def examine(_: object) -> list[Result]:
        began.set()
        await asyncio.Event().wait()
        return []

    light.preparing = Preparing(light.flight, tmp_path / "sessions", examine)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press("p")
        await began.wait()
        light.recorder.record(ev.StepStarted(step="migrate", operator="sre-1", attempt=1))
        await until(pilot, lambda: not light.preparing.busy)
    assert light.state.prepare is not None
    assert "stand in the way" in light.state.prepare.why
    (told,) = (line for line in light.state.log if "prerequisites" in line.text)
    assert (told.level, told.text.startswith("the look at the prerequisites gave way: ")) == ("info", True)


def test_the_phase_is_told_by_the_plan_and_the_steps() -> None:
    state, _ = sample_state("preparing")
    first = state.steps["announce"].planned
    assert phase(state, first - timedelta(days=4)) == PREPARATION
    assert phase(state, first - timedelta(hours=2)) == DAY
    assert phase(sample_state("migrating")[0], first - timedelta(days=4)) == DAY, "what has begun is the day"
    assert phase(sample_state("done")[0], first + timedelta(days=1)) == AFTER
    assert phase(sample_state("unopened")[0], first) == DAY


async def test_after_the_day_it_opens_on_the_days_that_follow() -> None:
    app = still_app(*sample_state("done"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.page == "days")
        await until(pilot, lambda: "D+1" in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: not app.page)


@pytest.mark.parametrize(("sample", "opens"), [("preparing", True), ("before", False), ("migrating", False)])
async def test_the_cockpit_opens_on_the_phase_that_it_is(sample: str, opens: bool) -> None:
    app = still_app(*sample_state(sample))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.is_running)
        await pilot.pause(0.2)
        assert isinstance(app.desk.dialog, PrepareDialog) is opens
        assert isinstance(app.shown.clock, HeldClock)
        assert app.shown.clock.now() == (NOW if opens else app.shown.clock.moment)
