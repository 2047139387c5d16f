"""Make the pictures of the README from the real app, flying by autopilot in a rehearsal: docs/pictures/*.svg."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.dialogs import SheetDialog
from migration_cockpit.config import load
from migration_cockpit.rehearsal import life

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDE, SMALL = (160, 48), (80, 24)
TIMEOUT = 240.0


def main() -> int:
    """Fly once and take every picture on the way."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        world = Path(place) / "session" / "world"
        # A migration that takes a while: the picture is of the hour in which everyone looks.
        pid = life.begin(world, ["--dags=230", "--task-instances=300000"], print)
        try:
            os.environ.update(
                TERM="xterm-256color",
                COLORTERM="truecolor",
                AWS_SHARED_CREDENTIALS_FILE=str(world / "aws-credentials"),
                AWS_CONFIG_FILE=str(world / "aws-config"),
            )
            asyncio.run(_fly(world, Path(place) / "session"))
        finally:
            life.end_process(pid)
            life.remove(world)
    return 0


async def _fly(world: Path, session: Path) -> None:
    cockpit = Cockpit(load(world / "config.toml"), session, operator="sre-1")
    app = CockpitApp(cockpit, Desk(cockpit), autopilot=1.0, colours="dark")
    async with app.run_test(size=WIDE) as pilot:

        async def picture(name: str) -> None:
            for size in (SMALL, WIDE):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                path = PICTURES / f"{name}-{size[0]}x{size[1]}.svg"
                path.write_text(app.export_screenshot(title="migration-cockpit"), encoding="utf-8")
                print(path.name)

        desk, state = app.desk, lambda: cockpit.state
        await _until(lambda: isinstance(desk.dialog, SheetDialog) and desk.dialog.sheet.step == "helm")
        await picture("sheet")
        await _until(lambda: len([entry for entry in state().log if "processing batch" in entry.text]) >= 8)
        await picture("migrating")
        await _until(lambda: state().step("soak").running and state().step("soak").done >= 1)
        await picture("soak")
        await pilot.press("q")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
