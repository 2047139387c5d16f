"""Write the snapshots anew: `python -m tests.app.snapshots.write [SCENE ...]`; `git diff` then shows what changed."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.app.snapshots.scenes import SCENES
from tests.app.snapshots.text import FOLDER, path, taken, written


def main() -> None:
    """The command."""
    names = sys.argv[1:] or list(SCENES)
    if unknown := set(names) - set(SCENES):
        sys.exit(f"no scene {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    begun = time.monotonic()
    FOLDER.mkdir(exist_ok=True)
    for name, screens in asyncio.run(taken(names)).items():
        path(name).write_text(written(screens), encoding="utf-8")
    if not sys.argv[1:]:
        for old in set(FOLDER.glob("*.txt")) - {path(name) for name in SCENES}:
            old.unlink()
    print(f"{len(names)} scenes in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
