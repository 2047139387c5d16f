"""Make the pictures of the README from the real app: a flight by autopilot in a rehearsal, then its replay."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.dialogs import RollbackDialog, SheetDialog
from migration_cockpit.cockpit.replay.controls import ReplayDesk, go_to
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.config import load
from migration_cockpit.rehearsal import life
from migration_cockpit.session.recording import Recording, find_journal

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDE, SMALL = (160, 48), (80, 24)
TIMEOUT = 240.0


def main() -> int:
    """Fly once and take every picture on the way."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    # A short path that says what it is: commands in the pictures name files in it.
    session = Path("/tmp/rehearsal")  # noqa: S108 - made by us, and refused where it is somebody else's
    session.mkdir(mode=0o700)
    world = session / "world"
    # A migration that takes a while: the picture is of the hour in which everyone looks.
    pid = life.begin(world, ["--dags=230", "--task-instances=300000"], print)
    try:
        os.environ.update(
            TERM="xterm-256color",
            COLORTERM="truecolor",
            AWS_SHARED_CREDENTIALS_FILE=str(world / "aws-credentials"),
            AWS_CONFIG_FILE=str(world / "aws-config"),
        )
        asyncio.run(_fly(world, session))
        asyncio.run(_replay(session))
    finally:
        life.end_process(pid)
        life.remove(world)
        shutil.rmtree(session)
    return 0


async def _fly(world: Path, session: Path) -> None:
    cockpit = Cockpit(load(world / "config.toml"), session, operator="sre-1")
    app = CockpitApp(cockpit, Desk(cockpit), autopilot=1.0, colours="dark")
    async with app.run_test(size=WIDE) as pilot:
        desk, state = app.desk, lambda: cockpit.state
        await _until(lambda: isinstance(desk.dialog, SheetDialog) and desk.dialog.sheet.step == "helm")
        await _picture(pilot, "sheet")
        await _until(lambda: len([entry for entry in state().log if "processing batch" in entry.text]) >= 8)
        await _picture(pilot, "migrating")
        await _until(lambda: state().step("soak").running and state().step("soak").done >= 1)
        await _picture(pilot, "soak")
        await pilot.press("R")
        await _until(lambda: isinstance(desk.dialog, RollbackDialog) and not desk.deaf)
        ways = [way.id for way in desk.dialog.prospect.ways]  # type: ignore[union-attr]  # waited for just above
        await pilot.press(str(ways.index("restore") + 1))
        await _picture(pilot, "rollback")
        await pilot.press("escape", "q")


async def _replay(session: Path) -> None:
    player = Player(Recording(find_journal(session)))
    go_to(player, "step:migrate")
    go_to(player, "+20s")
    async with CockpitApp(player, ReplayDesk(player), colours="dark").run_test(size=WIDE) as pilot:
        await _picture(pilot, "replay")
        await pilot.press("q")


async def _picture(pilot: Pilot[None], name: str) -> None:
    for size in (SMALL, WIDE):
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
