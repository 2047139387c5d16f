"""Draw a sample state as SVG: `python -m tests.app.show 160x48 migrating > picture.svg`."""

from __future__ import annotations

import asyncio
import sys

from tests.app.fixtures import names, sample_state
from tests.app.light import still_app


async def picture(width: int, height: int, name: str, keys: tuple[str, ...] = ()) -> str:
    """The SVG of a sample state at a size, after pressing keys."""
    app = still_app(*sample_state(name), colours="dark")
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.7)
        return app.export_screenshot(title="migration-cockpit")


def main() -> None:
    """The command."""
    if len(sys.argv) < 3 or sys.argv[2] not in names():
        sys.exit(f"usage: python -m tests.app.show WIDTHxHEIGHT {'|'.join(names())} [KEY ...]")
    width, height = (int(part) for part in sys.argv[1].split("x"))
    print(asyncio.run(picture(width, height, sys.argv[2], tuple(sys.argv[3:]))))


if __name__ == "__main__":
    main()
