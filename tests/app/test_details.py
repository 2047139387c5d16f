"""A pane full-screen: rows are selected, filtered, sorted and opened; what is read on demand comes through State."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import msgspec
import pytest
from textual.widgets import Input

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.details import detail
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.plan import PANES
from migration_cockpit.cockpit.about import PANES as ABOUT
from migration_cockpit.cockpit.details import arranged, table_of
from migration_cockpit.cockpit.dialogs.details import Details
from migration_cockpit.cockpit.replay.controls import ReplayDesk
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.cockpit.shown import Shown
from migration_cockpit.session import events as ev
from migration_cockpit.session import readings as rd
from migration_cockpit.session.journal import FILE
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State
from tests.app.fixtures import at, migrating_pods, names, opened, pod, sample_state
from tests.app.light import HeldClock, light_app, still_app
from tests.app.test_app import seen, until


def marked(app: CockpitApp) -> str:
    """The selected row."""
    return next((each for each in seen(app).splitlines() if each.strip("│ ").startswith(">")), "")


@pytest.mark.parametrize("size", [(160, 48), (80, 24)])
async def test_rows_are_selected_opened_and_left_one_level_at_a_time(size: tuple[int, int]) -> None:
    app = still_app(*sample_state("blocked"))
    async with app.run_test(size=size) as pilot:
        await pilot.press("d")
        await until(pilot, lambda: "timeline · 11 steps" in seen(app))
        for _ in range(3):
            await pilot.press("tab")
        await until(pilot, lambda: "database · 8 sessions" in seen(app))
        assert "24077" in marked(app), "the root blocker stands first"
        await pilot.press("j")
        await until(pilot, lambda: "25435" in marked(app))
        await pilot.press("up", "k")
        await until(pilot, lambda: "this is the first session" in seen(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "session 25435" in seen(app))
        assert "24077 other analyst DBeaver 24.1, root: waits for nobody" in seen(app)
        assert "ALTER TABLE task_instance ADD COLUMN id UUID" in seen(app)
        await pilot.press("n")
        await until(pilot, lambda: "session 25434" in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: "25434" in marked(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.desk.where == "screen" and app.board.looking.pane == "database")


async def test_a_filter_follows_what_is_typed_and_esc_takes_it_off() -> None:
    app = still_app(*sample_state("migrating"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("tab", "d", "slash")
        await until(pilot, lambda: app.desk.where == "rows-filter")
        await pilot.press(*"sched 3.2.2")
        await until(pilot, lambda: "3 of 14 rows · filter: sched 3.2.2" in seen(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.where == "rows")
        assert "airflow-triggerer-0" not in seen(app)
        await pilot.press("slash", *"xyz", "enter")
        await until(pilot, lambda: "none of 14 rows holds" in seen(app) and app.desk.where == "rows")
        await pilot.press("enter")
        await until(pilot, lambda: "there is no row to open: the filter leaves none" in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: "airflow-triggerer-0" in seen(app) and app.desk.where == "rows")


async def test_a_key_sorts_by_the_next_column_and_turns_it_round() -> None:
    app = still_app(*sample_state("migrating"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("tab", "d", "S")
        await until(pilot, lambda: "s sorts by a column first" in seen(app))
        await pilot.press("s")
        await until(pilot, lambda: "by pod" in seen(app) and "pod↑" in seen(app))
        first = marked(app)
        await pilot.press("S")
        await until(pilot, lambda: "by pod, downwards" in seen(app) and marked(app) != first)


@pytest.mark.parametrize("pane", PANES)
def test_every_row_of_every_pane_has_its_detail_in_every_state(pane: str) -> None:
    rules = Rules()
    for name in names():
        state, now = sample_state(name)
        table = table_of(pane, state, now)
        assert len({row.key for row in table.rows}) == len(table.rows)
        for row in table.rows:
            assert len(row.cells) == len(table.columns)
            for width in (76, 156):
                text = "".join(part for line in detail(pane, state, now, row.key, width, rules) for part, _ in line)
                assert row.cells[1].split("[")[0] in text or row.cells[0] in text
        for column in range(len(table.columns)):
            both = [list(arranged(table, "", column, down=down)) for down in (False, True)]
            assert {row.key for row in both[0]} == {row.key for row in both[1]} == {row.key for row in table.rows}


@pytest.mark.parametrize("pane", PANES)
async def test_each_pane_says_what_it_shows_from_where_and_what_is_normal(pane: str) -> None:
    app = still_app(*sample_state("migrating"))
    async with app.run_test(size=(120, 40)) as pilot:
        for key in [*["tab"] * PANES.index(pane), "d", "question_mark"]:
            await app.press(key)
        await until(pilot, lambda: f"{pane} · what this is" in seen(app))
        text = " ".join(seen(app).replace("│", " ").split())
        for said in (ABOUT[pane].shows, ABOUT[pane].source, ABOUT[pane].normal):
            assert said.split(".")[0] in text
        await pilot.press("escape")
        await until(pilot, lambda: app.desk.where == "rows")


async def test_a_pods_events_and_log_come_by_the_record(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        light.recorder.record(ev.PodsRead(reading=migrating_pods()))
        await pilot.press("tab", "d", "enter")
        await until(pilot, lambda: "it is given 8 seconds" in seen(app))
        name = cast("Any", app.desk.dialog).key
        warned = rd.ClusterEvent(
            object=f"pod/{name}", reason="BackOff", message="restarting", count=4, last=at("10:30")
        )
        looked = ev.PodLooked(pod=name, container="main", log=("Traceback: no such column",), events=(warned,))
        light.recorder.record(looked)
        await until(pilot, lambda: "Traceback: no such column" in seen(app) and "BackOff 4 times" in seen(app))
        light.recorder.record(ev.PodLooked(pod=name, log_why="no answer within 8 s", events=(warned,)))
        await until(pilot, lambda: "▲ no answer within 8 s" in seen(app) and "BackOff 4 times" in seen(app))


async def test_a_replay_shows_what_was_looked_at_or_that_it_is_not_recorded(tmp_path: Path) -> None:
    reading = migrating_pods()
    name = reading.pods[0].name
    recorder = Recorder(tmp_path, HeldClock(at("10:30")), Redactor())
    for event in (opened(), ev.PodsRead(reading=reading), ev.PodLookAsked(pod=name)):
        recorder.record(event)
    recorder.record(ev.PodLooked(pod=name, container="main", log=("Running upgrade",)))
    recorder.close()
    player = Player(Recording(tmp_path / FILE))
    app = CockpitApp(cast("Shown", player), ReplayDesk(player))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: player.state.pods is not None and not player.playing)
        await pilot.press("tab", "d", "slash")
        await until(pilot, lambda: app.desk.where == "rows-filter" and isinstance(app.focused, Input))
        await pilot.press(*name[-5:])
        await until(pilot, lambda: "1 of 14 rows" in seen(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.where == "rows")
        await pilot.press("enter")
        await until(pilot, lambda: "Running upgrade" in seen(app))
        for key, place in (("escape", "rows"), ("escape", "rows"), ("j", "rows"), ("enter", "row")):
            await pilot.press(key)
            await until(pilot, lambda place=place: app.desk.where == place)  # type: ignore[misc]  # bound at once
        await until(pilot, lambda: "not recorded: nobody had looked at this pod by this moment" in seen(app))
        await pilot.press("r")
        await until(pilot, lambda: "this is a replay: what nobody looked at then is not recorded" in seen(app))


def many(count: int) -> State:
    """A state with so many pods and waiters for a lock."""
    state, _ = sample_state("blocked")
    pods: Sequence[rd.Pod] = [pod(f"airflow-worker-{n}", "worker", "2.11.2") for n in range(count)]
    assert state.database is not None
    waiters = tuple(rd.Waiter(pid=100_000 + n, blockers=(24077,), since=at("10:20")) for n in range(count))
    return msgspec.structs.replace(
        state,
        pods=rd.PodsReading(pods=tuple(pods)),
        database=msgspec.structs.replace(state.database, waiters=waiters),
    )


async def test_drawing_costs_what_is_seen_and_not_what_is_there() -> None:
    """The rows of a thousand pods are made anew for each frame, but drawn those only that are seen."""
    now = at("10:32:07")
    app = still_app(many(1000), now)
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press("tab", "d", "end")
        await until(pilot, lambda: "1000 pods" in seen(app) and bool(marked(app)))
        before = perf_counter()
        for _ in range(10):
            app.draw()
        each = (perf_counter() - before) / 10
        table = table_of("pods", many(1000), now + timedelta(seconds=1))
        assert len(table.rows) == 1000
        assert each < 0.5, f"{each:.3f} s a frame"
        assert isinstance(app.desk.dialog, Details)
