"""The app over the light cockpit, for tests on a pty: `python -m tests.app.on_pty DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.app.light import light_app

if __name__ == "__main__":
    app, light = light_app(Path(sys.argv[1]))
    app.run()
    sys.exit(128 + app.ended_by if app.ended_by else 0)
