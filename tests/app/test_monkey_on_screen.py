"""The rollback through the real screen: random keys, a held Enter, pastes into every field, keys as a dialog opens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.cockpit.desk import DEAF
from migration_cockpit.session import events as ev
from tests.app.going_back import JOB, LOST, PaperRunner
from tests.app.light import LeapingClock, LightCockpit, SteppedClock, light_app
from tests.app.test_app import WAIT, seen, until
from tests.cockpit.monkey import KEYS_ON_SCREEN, Watch, fly_to, strokes

PHRASE = "airflow 6-1019"
REASON = "tasks fail"


class Screen:
    """The app in service after a migration, with a made-up look at the world."""

    def __init__(
        self,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        job: str = "",
        clock: LeapingClock | None = None,
    ) -> None:
        self.clock = clock or LeapingClock()
        self.app: CockpitApp
        self.light: LightCockpit
        self.app, self.light = light_app(directory, clock=self.clock)
        self.back = PaperRunner(self.light.settings, job=job)
        for name in ("prospect", "plan_back", "roll_back"):
            monkeypatch.setattr(self.light.runner, name, getattr(self.back, name))

    async def ready(self, pilot: Pilot[None]) -> Watch:
        """Fly as far as the soak."""
        await until(pilot, lambda: self.light.state.driver is not None)
        fly_to(self.light.recorder, "soak", running=True)
        return Watch(self.light.recorder)

    async def hears(self, pilot: Pilot[None]) -> None:
        """Until the open dialog is there and takes keys."""
        await until(pilot, lambda: self.app.desk.where == "screen" or isinstance(self.app.screen, Dialog))
        self.clock.leap(DEAF + 1.0)
        await pilot.pause()

    async def comes(self, pilot: Pilot[None], place: str) -> None:
        """Let time pass until this place is open."""
        async with asyncio.timeout(WAIT):
            while self.app.desk.where != place:
                await pilot.pause(0.02)
                self.clock.leap(0.3)

    async def to(self, pilot: Pilot[None], place: str) -> None:
        """As far as this place, as a person goes there."""
        way = {"rollback": ("R",), "rollback-reason": ("3", "enter"), "rollback-phrase": (REASON, "enter")}
        for at, keys in way.items():
            for key in keys:
                await self.hears(pilot)
                await pilot.press(*(key if key == REASON else [key]))
            await self.comes(pilot, at)
            if at == place:
                break
        await self.hears(pilot)


async def test_random_keys_through_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(tmp_path, monkeypatch, job=JOB)
    async with screen.app.run_test(size=(80, 24)) as pilot:
        watch = await screen.ready(pilot)
        for number, stroke in enumerate(strokes(KEYS_ON_SCREEN)):
            screen.clock.leap(stroke.after)
            if stroke.key:
                await pilot.press(stroke.key)
            elif stroke.paste is None:
                await pilot.press("space" if stroke.char == " " else stroke.char.replace("-", "minus"))
            else:
                screen.app.post_message(events.Paste(stroke.paste))
                await pilot.pause()
            assert watch.harm == [], f"stroke {number}: {stroke}"
        assert screen.back.flown == []
        assert watch.opened > 0, "it comes as far as the rollback"
        screen.app.desk.close_dialog()


@pytest.mark.parametrize("place", ["rollback", "rollback-reason", "rollback-phrase"])
async def test_a_held_enter_goes_nowhere(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(tmp_path, monkeypatch, clock=SteppedClock())
    async with screen.app.run_test(size=(160, 48)) as pilot:
        watch = await screen.ready(pilot)
        await screen.to(pilot, place)
        if place == "rollback":
            await pilot.press("3")
        else:
            await pilot.press(*(REASON if place == "rollback-reason" else PHRASE))
        for _ in range(40):
            await pilot.press("enter")
            screen.clock.leap(0.03)  # as a terminal repeats a key
        await pilot.pause()
        screen.clock.leap(1.0)
        await until(pilot, lambda: "held Enter" in screen.app.notice)
        assert screen.app.desk.where == place
        assert watch.harm == []


@pytest.mark.parametrize("place", ["rollback", "rollback-reason", "rollback-phrase"])
async def test_the_right_phrase_pasted_anywhere_arms_nothing(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(tmp_path, monkeypatch)
    async with screen.app.run_test(size=(160, 48)) as pilot:
        watch = await screen.ready(pilot)
        await screen.to(pilot, place)
        for text in (PHRASE, f"{PHRASE}\n", f"3\n{REASON}\n{PHRASE}\n"):
            screen.app.post_message(events.Paste(text))
            await pilot.pause()
        if place == "rollback-phrase":
            await until(pilot, lambda: "by hand" in screen.app.notice)
            assert screen.app.desk.typed == ""
            await pilot.press("enter")
            await until(pilot, lambda: "type exactly" in screen.app.notice)
        assert watch.harm == []
        assert screen.app.desk.where == place


async def test_what_must_be_typed_is_seen_on_the_smallest_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(tmp_path, monkeypatch, job=JOB)
    async with screen.app.run_test(size=(80, 24)) as pilot:
        await screen.ready(pilot)
        helm = ev.OperationIntended(step="helm", operation="helm-upgrade", key="k", commands=())
        for event in (helm, ev.CostRead(reading=LOST)):  # counted from another point than the one that is chosen
            screen.light.recorder.record(event)
        for place, keys in (("rollback", ["R"]), ("rollback-reason", ["3", "e", "enter"])):
            for key in keys:
                await screen.hears(pilot)
                await pilot.press(key)
            await screen.comes(pilot, place)
        for place, text, phrase in (
            ("rollback-end-job", REASON, JOB),
            ("rollback-phrase", JOB, PHRASE),
        ):
            await screen.hears(pilot)
            await pilot.press(*text, "enter")
            await screen.comes(pilot, place)
            await screen.hears(pilot)
            await until(pilot, lambda phrase=phrase: phrase in seen(screen.app))  # type: ignore[misc]  # bound at once
        screen.app.desk.close_dialog()


async def test_keys_typed_as_a_dialog_opens_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(tmp_path, monkeypatch, clock=SteppedClock())  # no time passes: however slow the machine is
    async with screen.app.run_test(size=(160, 48)) as pilot:
        watch = await screen.ready(pilot)
        await pilot.press("R")
        await until(pilot, lambda: screen.app.desk.where == "rollback" and isinstance(screen.app.screen, Dialog))
        await pilot.press("3", "enter", *REASON, "enter", *PHRASE, "enter")
        await screen.hears(pilot)
        assert screen.app.desk.where == "rollback"
        assert getattr(screen.app.desk.dialog, "plan", "") is None, "nothing is chosen"
        assert watch.harm == []


async def restore_by_hand_and_in_order_it_is_armed_and_esc_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(tmp_path, monkeypatch)
    async with screen.app.run_test(size=(160, 48)) as pilot:
        await screen.ready(pilot)
        await screen.to(pilot, "rollback-phrase")
        await pilot.press(*PHRASE)
        await pilot.press("enter")
        await screen.comes(pilot, "rollback-countdown")
        await screen.hears(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: screen.app.desk.where == "screen")
        assert screen.back.flown == []
