"""What a replay shows at a moment is what was shown live."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from migration_cockpit.advice import verdict
from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.plan import Looking
from migration_cockpit.cli import main
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.replay.controls import ReplayDesk
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.cockpit.watches.migration import MigrationWatch
from migration_cockpit.session import journal
from migration_cockpit.session.events import VerdictChanged
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State
from tests.app.light import HeldClock, OnRecorder, Still
from tests.app.test_app import seen, until
from tests.pace import PATIENCE
from tests.report.sample import write_day

MOMENTS = 100


class Relived(OnRecorder):
    """A cockpit to which the sample day happens again, with its own journal."""

    recorder: Recorder
    start, stop, look_at = Still.start, Still.stop, Still.look_at
    not_driving = ""

    def __init__(self, directory: Path, begin: datetime) -> None:
        self.operator = "sre-1"
        self.clock = HeldClock(begin)
        self.recorder = Recorder(directory, self.clock, Redactor())

    @property
    def state(self) -> State:
        """All that is known now."""
        return self.recorder.state


Row = list[tuple[str, str]]
"""The texts of a row with their styles: what an SVG of it is made of."""


def rows(app: CockpitApp, *, without: int) -> list[Row]:
    """The screen without the header and its last rows: the footer, and a replay's track.

    The log follows in jumps of half a panel, so where it stands tells what was seen before: it is taken to its end.
    """
    app.board.look(Looking("log"))
    panel = app.board.scrolled
    assert panel is not None
    panel.to_end(True)  # not by its key, which says so where it does nothing
    strips = app.screen._compositor.render_strips()
    return [[(part.text, str(part.style)) for part in strip.simplify()] for strip in strips][1:-without]


async def test_a_hundred_moments_look_the_same_live_and_replayed(tmp_path: Path) -> None:
    entries = list(journal.read(write_day(tmp_path)))
    live = Relived(tmp_path / "live", entries[0].t)
    shown: list[tuple[datetime, list[Row]]] = []
    cockpit = cast("Cockpit", live)
    app = CockpitApp(cockpit, Desk(cockpit))
    every, last = len(entries) // (MOMENTS + 20), 0
    async with app.run_test(size=(160, 48)) as pilot:
        for entry, following in zip(entries, [*entries[1:], None], strict=True):
            live.clock.moment = entry.t
            if not isinstance(entry.event, VerdictChanged):  # the sample's own; here it is judged as in a flight
                live.recorder.record(entry.event)
            if entry.seq - last >= every and (following is None or following.t > entry.t):
                last = entry.seq
                MigrationWatch(live.recorder, live.clock, app.rules.limits, app.rules.rates).look()
                app.draw()
                await pilot.pause()
                shown.append((entry.t, rows(app, without=1)))
    live.recorder.close()
    assert len(shown) >= MOMENTS

    player = Player(Recording(tmp_path / "live" / journal.FILE))
    replay = CockpitApp(player, ReplayDesk(player))
    async with replay.run_test(size=(160, 49)) as pilot:
        await until(pilot, lambda: player.playing)
        player.playing = False
        for moment, was in reversed(shown):
            player.to_time(moment)
            replay.draw()
            await pilot.pause()
            differ = [pair for pair in zip(rows(replay, without=2), was, strict=True) if pair[0] != pair[1]]
            assert not differ, f"at {moment}\n" + "\n".join(f"{a}\n{b}" for a, b in differ)


async def test_a_replay_shows_the_recorded_verdicts_where_the_judge_is_another_by_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_day(tmp_path)
    told = [(e.t, e.event.verdict) for e in journal.read(path) if isinstance(e.event, VerdictChanged)]
    assert len({word for _, word in told}) > 2
    monkeypatch.setattr(verdict, "judge", lambda *_, **__: verdict.Verdict("LOST", "a judge of next year", "", "bad"))
    player = Player(Recording(path))
    app = CockpitApp(player, ReplayDesk(player))
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: player.playing)
        player.playing = False
        for moment, word in told:
            player.to_time(moment)
            if not player.state.steps["migrate"].running:
                continue
            app.draw()
            await pilot.pause()
            assert word in seen(app), f"at {moment}"
            assert "a judge of next year" not in seen(app)
        player.judge = verdict.judge
        player.to_time(told[1][0])
        app.draw()
        await until(pilot, lambda: "paused, today: LOST" in seen(app))
    assert main(["replay", str(path), "--recompute"]) == 0
    assert "LOST" in capsys.readouterr().out


async def test_the_replay_says_what_it_is_without_colour_and_lists_its_own_keys(tmp_path: Path) -> None:
    player = Player(Recording(write_day(tmp_path)))
    app = CockpitApp(player, ReplayDesk(player))
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: player.playing)
        await until(pilot, lambda: "▶ 1×" in seen(app))  # noqa: RUF001 - times
        assert seen(app).startswith(" REPLAY ")
        assert "Space play" in seen(app).splitlines()[-1]
        assert " of 4,347" in seen(app).splitlines()[-2]
        await pilot.press("space")
        await until(pilot, lambda: "‖ paused" in seen(app))
        await pilot.press("m")
        await until(pilot, lambda: "this is a replay: message is off" in seen(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "the next incident" in seen(app))


async def test_leaving_a_replay_changes_nothing_in_the_file(tmp_path: Path) -> None:
    path = write_day(tmp_path)
    before = path.read_bytes()
    player = Player(Recording(path))
    app = CockpitApp(player, ReplayDesk(player))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: player.playing)
        async with asyncio.timeout(PATIENCE):
            await pilot.press("q")
            await until(pilot, lambda: not app.is_running)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208 - iterdir is held to block


async def test_a_replay_that_is_left_before_it_began_reads_nothing_more(tmp_path: Path) -> None:
    player = Player(Recording(write_day(tmp_path)))
    await player.stop("left")
    await player.start()
    assert not player.playing
    assert not [task for task in asyncio.all_tasks() if task.get_name() in {"survey", "player"}]
