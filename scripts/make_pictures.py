"""Make every picture of the documentation from the real app, in rehearsals flown by the autopilot.

The preparation four days before; a flight from end to end and its replay; one that is blocked, freed and taken back.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import msgspec
from textual.pilot import Pilot

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.dialogs import EndBlockerDialog, RollbackDialog, SheetDialog
from migration_cockpit.cockpit.replay.controls import ReplayDesk, go_to
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.config import load
from migration_cockpit.rehearsal import life
from migration_cockpit.session.recording import Recording, find_journal
from migration_cockpit.session.state import StageState, State

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDE, SMALL, LARGE = (160, 48), (80, 24), (200, 50)
TIMEOUT = 600.0


def main() -> int:
    """Take every picture on the way."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    # A migration that takes a while: the picture is of the hour in which everyone looks.
    _in_a_world(["--dags=230", "--task-instances=300000"], _prepare, _fly, _replay)
    _in_a_world(["--dags=230", "--fault=blocked-by-idle-transaction"], _free_and_go_back)
    return 0


Take = Callable[[Path, Path], Coroutine[None, None, None]]


def _in_a_world(arguments: list[str], *takes: Take) -> None:
    """Begin a world and take pictures in it; each is given the world's directory and the session's."""
    # A short path that says what it is: commands in the pictures name files in it.
    session = Path("/tmp/rehearsal")  # noqa: S108 - made by us, and refused where it is somebody else's
    session.mkdir(mode=0o700)
    world = session / "world"
    pid = life.begin(world, arguments, print)
    try:
        os.environ.update(
            TERM="xterm-256color",
            COLORTERM="truecolor",
            XDG_STATE_HOME=str(session / "home"),
            AWS_SHARED_CREDENTIALS_FILE=str(world / "aws-credentials"),
            AWS_CONFIG_FILE=str(world / "aws-config"),
        )
        for take in takes:
            asyncio.run(take(world, session))
    finally:
        life.end_process(pid)
        life.remove(world)
        shutil.rmtree(session)


async def _prepare(world: Path, session: Path) -> None:
    settings = load(world / "config.toml")
    later = {name: getattr(settings.schedule, name) + timedelta(days=4) for name in settings.schedule.__struct_fields__}
    settings = msgspec.structs.replace(settings, schedule=msgspec.structs.replace(settings.schedule, **later))
    cockpit = Cockpit(settings, session / "before", operator="sre-1")
    app = CockpitApp(cockpit, Desk(cockpit), colours="dark")
    async with app.run_test(size=WIDE) as pilot:
        await _until(lambda: cockpit.state.prepare is not None and cockpit.state.prepare.ended is not None)
        await _picture(pilot, "preparation")
        await pilot.press("ctrl+q")


async def _fly(world: Path, session: Path) -> None:
    cockpit = Cockpit(load(world / "config.toml"), session, operator="sre-1")
    app = CockpitApp(cockpit, Desk(cockpit), autopilot=1.0, colours="dark")
    async with app.run_test(size=WIDE) as pilot:
        desk, state = app.desk, lambda: cockpit.state
        await _until(lambda: state().steps != {} and state().step("announce").passed)
        await _picture(pilot, "begun")
        await _until(lambda: isinstance(desk.dialog, SheetDialog) and desk.dialog.sheet.step == "helm")
        await _picture(pilot, "sheet")
        await _until(lambda: len([entry for entry in state().log if "processing batch" in entry.text]) >= 8)
        await _picture(pilot, "migrating", SMALL, WIDE, LARGE)
        await _until(lambda: state().step("soak").running and state().step("soak").done >= 1)
        await _picture(pilot, "soak")
        await pilot.press("R")
        await _until(lambda: isinstance(desk.dialog, RollbackDialog) and not desk.deaf)
        ways = [way.id for way in desk.dialog.prospect.ways]  # type: ignore[union-attr]  # waited for just above
        await pilot.press(str(ways.index("restore") + 1))
        await _picture(pilot, "rollback")
        await pilot.press("escape")
        await _until(lambda: state().step("success").passed)
        await _picture(pilot, "done")
        await pilot.press("q")


async def _free_and_go_back(world: Path, session: Path) -> None:
    cockpit = Cockpit(load(world / "config.toml"), session, operator="sre-1")
    app = CockpitApp(cockpit, Desk(cockpit), autopilot=1.0, back=("smoke", "restore"), colours="dark")
    async with app.run_test(size=WIDE) as pilot:
        desk, state = app.desk, lambda: cockpit.state
        await _until(lambda: state().verdict is not None and state().verdict.verdict == "BLOCKED")
        await _picture(pilot, "blocked")
        await pilot.press("K")
        await _until(lambda: isinstance(desk.dialog, EndBlockerDialog) and not desk.deaf)
        keys = [{" ": "space"}.get(letter, letter) for letter in desk.dialog.phrase]  # type: ignore[union-attr]  # as above
        await pilot.press("tab", *keys)
        await _picture(pilot, "end-blocker")
        await pilot.press("enter")
        await _until(lambda: sum(stage.passed for stage in _stages(state())) >= 4)
        await _picture(pilot, "way-back")
        await pilot.press("ctrl+q")


def _stages(state: State) -> tuple[StageState, ...]:
    return state.rollback.stages if state.rollback is not None else ()


async def _replay(_: Path, session: Path) -> None:
    player = Player(Recording(find_journal(session)))
    go_to(player, "step:migrate")
    go_to(player, "+20s")
    async with CockpitApp(player, ReplayDesk(player), colours="dark").run_test(size=WIDE) as pilot:
        await _picture(pilot, "replay")
        await pilot.press("q")


async def _picture(pilot: Pilot[None], name: str, *sizes: tuple[int, int]) -> None:
    for size in sizes or (SMALL, WIDE):
        await pilot.resize_terminal(*size)
        await pilot.pause()
        path = PICTURES / f"{name}-{size[0]}x{size[1]}.svg"
        path.write_text(pilot.app.export_screenshot(title="migration-cockpit"), encoding="utf-8")
        print(path.name)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
