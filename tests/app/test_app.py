"""The app flown by keys, over a real journal, runner and desk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from cockpit_widgets.panel import View
from migration_cockpit.app.controls import VIEW_CONTROLS, Action, key_names
from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.app.panes.drawn import DRAWN
from migration_cockpit.app.plan import PANES
from migration_cockpit.cockpit.desk import DEAF
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.app.fixtures import sample_state
from tests.app.light import LightCockpit, SteppedClock, light_app, still_app
from tests.pace import PATIENCE

WAIT = PATIENCE


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app go on until a condition holds."""
    async with asyncio.timeout(WAIT):
        while not condition():
            await pilot.pause(0.02)


async def open_sheet(pilot: Pilot[None], light: LightCockpit, key: str = "1") -> None:
    """Open a sheet and wait until it hears."""
    app = pilot.app
    await until(pilot, lambda: light.state.session is not None)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, Dialog))
    await until(pilot, lambda: not app.desk.deaf)  # type: ignore[attr-defined]  # a pilot knows only an App


def seen(app: object) -> str:
    """All that is on the screen, without colour."""
    strips = app.screen._compositor.render_strips()  # type: ignore[attr-defined]  # as above
    return "\n".join(strip.text for strip in strips)


async def test_a_step_is_flown_by_its_key_and_enter(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await open_sheet(pilot, light)
        for said in ("Bring the flag up", "✔ holds", "flagctl status --output json", "the flag is up", "flagctl lower"):
            assert said in seen(app)
        await pilot.press("enter")
        await until(pilot, lambda: light.state.steps["announce"].outcome == "verified")
        await until(pilot, lambda: not isinstance(app.screen, Dialog))
        await until(pilot, lambda: "✔ 1 announce" in seen(app))
    assert light.small["announce"].raised == 1


async def test_escape_does_nothing_to_the_world(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await open_sheet(pilot, light)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Dialog))
    assert light.small["announce"].raised == 0
    assert light.state.steps["announce"].started is None


async def test_keys_and_pastes_in_the_first_half_second_are_dropped(tmp_path: Path) -> None:
    clock = SteppedClock()
    app, light = light_app(tmp_path, clock=clock)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, Dialog) and app.screen.typing)
        clock.leap(DEAF * 0.9)
        app.post_message(events.Paste("pasted by someone else"))
        await pilot.press("x", "y", "enter")
        await pilot.pause()
        assert app.desk.typed == ""
        assert app.desk.where == "note"
        clock.leap(DEAF * 0.2)
        await pilot.press("o", "k")
        await until(pilot, lambda: app.desk.typed == "ok")
        app.post_message(events.Paste(", pasted by me"))
        await until(pilot, lambda: app.desk.typed == "ok, pasted by me")
    assert light.state.notes == ()


@pytest.mark.parametrize("delay", [0.25, 0.5, 0.66])
async def test_a_held_enter_opens_a_sheet_and_confirms_nothing(tmp_path: Path, delay: float) -> None:
    """A terminal repeats a held key after a delay, then some thirty times a second."""
    clock = SteppedClock()
    app, light = light_app(tmp_path, clock=clock)

    async def passes(seconds: float) -> None:
        await pilot.pause()
        clock.leap(seconds)
        await pilot.pause()

    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        app.post_message(events.Key("enter", "\r"))
        await until(pilot, lambda: app.desk.where == "sheet")
        await passes(delay)
        for _ in range(45):
            app.post_message(events.Key("enter", "\r"))
            await passes(0.03)
        await passes(0.3)
        assert light.state.steps["announce"].started is None
        assert app.desk.where == "sheet"
        app.post_message(events.Key("enter", "\r"))
        async with asyncio.timeout(WAIT):
            while light.state.steps["announce"].outcome != "verified":
                await passes(0.2)


async def test_a_failing_gate_needs_a_typed_reason(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    light.small["announce"].gate_holds = False
    async with app.run_test(size=(80, 24)) as pilot:
        await open_sheet(pilot, light)
        assert "✖ FAILS" in seen(app)
        assert "→ wait for the workers" in seen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "type a reason" in seen(app))
        assert light.state.steps["announce"].started is None
        await pilot.press("tab", *"on", "space", *"call")
        await until(pilot, lambda: app.desk.typed == "on call")
        light.clock.leap(DEAF)
        await pilot.press("enter")
        await until(pilot, lambda: light.state.steps["announce"].outcome != "")
    assert light.state.overrides[0].reason == "on call"


async def test_gates_can_be_looked_at_again(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    light.small["announce"].gate_holds = False
    async with app.run_test(size=(120, 40)) as pilot:
        await open_sheet(pilot, light)
        light.small["announce"].gate_holds = True
        await pilot.press("r")
        await until(pilot, lambda: "✔ holds" in seen(app))


async def test_a_long_sheet_is_reached_to_its_end_at_80x24(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_sheet(pilot, light)
        assert "its position is read back" not in seen(app)
        assert "of 22" in seen(app)
        await pilot.press("end")
        await until(pilot, lambda: "its position is read back" in seen(app))
        await pilot.press("home")
        await until(pilot, lambda: "Bring the flag up" in seen(app))


async def test_a_decision_is_chosen_by_number_and_given_by_enter(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    light.small["announce"].ask = True
    async with app.run_test(size=(120, 40)) as pilot:
        await open_sheet(pilot, light)
        await pilot.press("enter")
        await until(pilot, lambda: light.state.decision is not None)
        await until(pilot, lambda: "DECIDE" in seen(app))
        light.clock.leap(0.2)
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.where == "decision" and not app.desk.deaf)
        assert "gusts of 9" in seen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "choose an answer first" in seen(app))
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, Dialog) and app.screen.typing)
        await pilot.press(*"aye")
        await until(pilot, lambda: app.desk.typed == "aye")
        light.clock.leap(0.2)
        await pilot.press("enter")
        await until(pilot, lambda: light.state.steps["announce"].outcome == "verified")
    made = light.state.decisions["announce/wind#1"]
    assert (made.answer, made.reason) == ("override", "aye")


async def test_a_question_settled_elsewhere_closes_its_dialog(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    light.small["announce"].ask = True
    async with app.run_test(size=(120, 40)) as pilot:
        await open_sheet(pilot, light)
        await pilot.press("enter")
        await until(pilot, lambda: light.state.decision is not None)
        light.clock.leap(0.2)
        await pilot.press("enter")
        await until(pilot, lambda: app.desk.where == "decision")
        light.answer("go on")
        await until(pilot, lambda: app.desk.where == "screen" and not isinstance(app.screen, Dialog))
        await until(pilot, lambda: "settled while it was open" in seen(app))


async def test_while_the_migration_runs_a_message_with_its_new_end_is_prepared() -> None:
    app = still_app(*sample_state("migrating"))
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press("m")
        await pilot.pause()
        assert "New end of this step: between 10:" in app.desk.typed
        field = app.screen.query_one("#field", Input)
        assert field.value == app.desk.typed
        assert field.cursor_position == len(field.value)


async def test_notes_and_messages_are_written(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await open_sheet(pilot, light, "n")
        await pilot.press(*"wind", "enter")
        await until(pilot, lambda: "✎ note sre-1: wind" in seen(app))
        light.clock.leap(0.2)
        await open_sheet(pilot, light, "m")
        assert "#airflow-migration" in seen(app)
        await pilot.press(*"hello", "enter")
        await until(pilot, lambda: "message-1" in light.state.messages)
        light.recorder.record(ev.MessageTried(message="message-1", sent=False, detail="503 from Slack"))
        light.clock.leap(0.2)
        await open_sheet(pilot, light, "m")
        assert "✖ not sent after 1 try: 503 from Slack" in seen(app)
    assert [note.text for _, note in light.state.notes] == ["wind"]
    assert light.state.messages["message-1"].text == "hello"


async def test_the_help_names_every_key_of_both_tables(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(100, 260)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press("question_mark")
        await until(pilot, lambda: "Signs" in seen(app))
        shown = seen(app)
        every: list[Action] = [*CONTROLS, *VIEW_CONTROLS]
        for control in every:
            assert key_names(control.keys) in shown
            assert control.help in shown, control.id
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Dialog))


async def test_a_key_that_does_nothing_says_why(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    light.small["announce"].hold = asyncio.Event()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_sheet(pilot, light)
        await pilot.press("enter")
        await until(pilot, lambda: light.state.running_step is not None and app.desk.where == "screen")
        await pilot.press("2")
        await until(pilot, lambda: "step announce is running" in seen(app))
        await pilot.press("x")
        await until(pilot, lambda: "x does nothing here" in seen(app))
        light.small["announce"].hold.set()
        await until(pilot, lambda: light.state.steps["announce"].outcome == "verified")
        await pilot.press("1")
        await until(pilot, lambda: "it does not run twice" in seen(app))


async def test_tab_goes_through_all_panes_and_zoom_fills_the_screen(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        for pane in (*PANES[1:], PANES[0]):
            await pilot.press("tab")
            await until(pilot, lambda pane=pane: f"─ {pane}" in seen(app) or f"━ {pane}" in seen(app))  # type: ignore[misc]  # the lambda keeps its pane
        await pilot.resize_terminal(160, 48)
        await until(pilot, lambda: all(f" {pane} " in seen(app) for pane in PANES))
        await pilot.press("tab", "z")
        await until(pilot, lambda: "━ pods" in seen(app) and " tasks " not in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: " tasks " in seen(app))


async def test_the_log_holds_still_when_one_scrolls_and_follows_again(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        for n in range(100):
            light.recorder.record(ev.LogLine(source="job", text=f"batch-{n:03}"))
        await until(pilot, lambda: "batch-099" in seen(app))
        await pilot.press("shift+tab", "home")
        await until(pilot, lambda: "batch-000" in seen(app))
        for n in range(100, 350):
            light.recorder.record(ev.LogLine(source="job", text=f"batch-{n:03}"))
        await pilot.pause(0.6)
        assert "batch-000" in seen(app)
        await pilot.press("end")
        await until(pilot, lambda: "batch-349" in seen(app))


async def test_a_pane_that_fails_is_an_event_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> View:
        raise ValueError("a defect")

    monkeypatch.setitem(DRAWN, "tasks", broken)
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: "this pane cannot be drawn: ValueError: a defect" in seen(app))
        await until(pilot, lambda: any("pane tasks cannot be drawn" in entry.text for entry in light.state.log))
        await until(pilot, lambda: "database migration" in seen(app))
        assert sum("pane tasks" in entry.text for entry in light.state.log) == 1


async def test_a_session_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, light = light_app(tmp_path)

    async def start() -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(light, "start", start)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: "the session cannot be started: the disk is full" in seen(app))


@pytest.mark.parametrize(("key", "reason", "number"), [("q", "detached", 0), ("ctrl+c", "Ctrl-C", 2)])
async def test_leaving_closes_the_journal(tmp_path: Path, key: str, reason: str, number: int) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press(key)
        await until(pilot, lambda: bool(light.stopped))
    assert app.ended_by == number
    last = list(journal.read(tmp_path / journal.FILE))[-1].event
    assert isinstance(last, ev.SessionClosed)
    assert last.reason == reason


async def test_a_cockpit_that_does_not_stop_as_it_should_is_left_all_the_same_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, light = light_app(tmp_path)

    async def stop(_: str) -> None:
        raise OSError("the disk is gone")

    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        monkeypatch.setattr(light, "stop", stop)
        await pilot.press("q")
        await until(pilot, lambda: bool(app.life.parting))
    assert app.life.parting == "the cockpit did not stop as it should: OSError: the disk is gone"
    monkeypatch.undo()
    await light.stop("the test ends")


async def test_the_autopilot_flies_all_steps_through_the_apps_keys(tmp_path: Path) -> None:
    app, light = light_app(tmp_path, autopilot=0.01)
    async with app.run_test(size=(160, 48)) as pilot:
        async with asyncio.timeout(PATIENCE):
            while light.state.next_step is not None or light.state.session is None:
                await pilot.pause(0.05)
        await until(pilot, lambda: "every step is flown" in seen(app))
    assert [light.small[step].raised for step in STEP_IDS] == [1] * len(STEP_IDS)
    assert all(step.outcome == "verified" for step in light.state.steps.values())


async def test_a_picture_is_an_svg_of_the_screen(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await until(pilot, lambda: "announce" in seen(app))
        picture = app.export_screenshot()
    assert picture.startswith("<svg")
    assert "database&#160;migration" in picture


async def test_where_the_mouse_is_asked_for_a_click_selects_a_pane_and_the_wheel_scrolls_it() -> None:
    app = still_app(*sample_state("migrating"), mouse=True)
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.click("#log")
        await until(pilot, lambda: app.board.looking.pane == app.desk.pane == "log")
        log = app.board.scrolled
        first = log.rows[1]
        await pilot._post_mouse_events([events.MouseScrollUp], "#log", (3, 3), button=0)
        await until(pilot, lambda: log.rows[1] != first)
        await pilot._post_mouse_events([events.MouseScrollDown], "#log", (3, 3), button=0)
        await until(pilot, lambda: log.rows[1] == first)


async def test_what_was_due_before_a_frame_is_not_drawn_once_more_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app = still_app(*sample_state("migrating"))
    app.EVERY = 30.0
    frames: list[str] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        monkeypatch.setattr(app.board, "redraw", lambda: frames.append("drawn"))
        app.draw()
        app.draw_soon(0.1)
        app.draw()
        app.draw_soon(20.0)
        await pilot.pause(0.3)
    assert len(frames) == 2
