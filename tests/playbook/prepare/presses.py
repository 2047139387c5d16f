"""`presses.py CONFIG SESSION [KEY …]`: a cockpit without a screen in which somebody presses keys, then waits.

Without keys it waits until what the last one left is settled, tells it, and leaves.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.config import load
from migration_cockpit.session import events as ev


async def main(config: Path, session: Path, keys: list[str]) -> None:
    """Fly."""
    cockpit = Cockpit(load(config), session, operator="ada")
    desk = Desk(cockpit)
    await cockpit.start()
    for key in keys:
        while cockpit.not_driving or cockpit.preparing.busy:
            await asyncio.sleep(0.05)
        await asyncio.sleep(DEAF * 1.2)
        await desk.press(key)
    while keys or not cockpit.state.operations[f"{ev.PREPARE}/{ev.BACKUP_TEST}"].outcome:
        await asyncio.sleep(0.05)
    print(cockpit.state.operations[f"{ev.PREPARE}/{ev.BACKUP_TEST}"].detail)
    await cockpit.stop("done")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
