"""Playing a recording: time, events, landmarks, speed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from migration_cockpit.cockpit.replay.controls import REPLAY_CONTROLS, ReplayDesk
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.session.recording import Recording
from tests.app.fixtures import at
from tests.report.sample import write_day


@pytest.fixture
def player(tmp_path: Path) -> Player:
    player = Player(Recording(write_day(tmp_path)))
    for _ in player.survey.go_on():
        pass
    return player


def test_playing_lets_the_recordings_time_pass_as_fast_as_the_speed_says(player: Player) -> None:
    player.to_time(at("10:30"))
    player.speed = 60.0
    player.advance(2.0)
    assert player.clock.now() == at("10:32")
    assert player.state == player.recording.state(player.recording.by_time(at("10:32")))


def test_it_stops_at_the_end_and_begins_again_from_there(player: Player) -> None:
    player.to_time(player.recording.last.t - timedelta(seconds=1))
    player.toggle()
    player.advance(30.0)
    assert not player.playing
    assert player.state.seq == player.recording.last.seq
    player.toggle()
    assert player.playing
    assert player.state.seq == 1


def test_a_long_stretch_in_one_look_is_the_same_as_going_through_it(player: Player) -> None:
    player.speed = 600.0
    player.advance(30.0)
    assert player.state == player.recording.state(player.recording.by_time(player.clock.now()))


def test_events_one_by_one_and_minutes(player: Player) -> None:
    player.to_time(at("10:30"))
    here = player.state.seq
    assert player.by_events(1)
    assert player.state.seq == here + 1
    assert player.by_events(-2)
    assert player.state.seq == here - 1
    player.to_time(at("10:30"))
    player.by_seconds(60)
    assert player.clock.now() == at("10:31")
    player.to_offset(player.recording.end)
    assert not player.by_events(1)


async def test_keys_move_and_say_where_to(player: Player) -> None:
    desk = ReplayDesk(player)
    await desk.press("5")
    assert player.clock.now() == player.steps["migrate"]
    await desk.press("i")
    assert desk.notice
    assert player.clock.now() > player.steps["migrate"]
    await desk.press("f")
    assert player.speed == 2.0
    for _ in range(20):
        await desk.press("s")
    assert player.speed == 0.25


async def test_a_typed_moment_is_jumped_to_and_a_wrong_one_is_told(player: Player) -> None:
    desk = ReplayDesk(player)
    await desk.press("t")
    assert desk.dialog is not None
    desk.dialog.typed = "26:00"
    desk._opened -= 1
    await desk.press("enter")
    assert "names no moment" in desk.notice
    desk.dialog.typed = "11:00"
    await desk.press("enter")
    assert desk.dialog is None
    assert player.clock.now() == at("11:00")


async def test_what_would_change_the_world_is_off_and_says_so(player: Player) -> None:
    desk = ReplayDesk(player)
    on = [each for each in REPLAY_CONTROLS if each.where == "screen" and not each.id.startswith("off-")]
    own = {key for control in on for key in control.keys}
    off = [key for control in CONTROLS if control.where == "screen" for key in control.keys if key not in own]
    assert {"enter", "m", "w"} <= set(off)
    before = player.state
    for key in off:
        assert await desk.press(key)
        assert "this is a replay" in desk.notice
    assert player.state is before
    assert desk.dialog is None


def test_no_key_stands_twice_in_one_place() -> None:
    places = [(control.where, key) for control in REPLAY_CONTROLS for key in control.keys]
    assert len(places) == len(set(places))


def test_idle_stretches_are_skipped_where_that_is_wanted(player: Player) -> None:
    last = player.recording.last.t
    player.to_time(at("15:25"))
    player.skip_idle = True
    for _ in range(100):
        player.advance(0.1)
        if not player.playing and player.state.seq == player.recording.last.seq:
            break
    assert player.clock.now() == last
