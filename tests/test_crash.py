"""What a defect says when it ends the program holds no secret: a command, a thread, a task, the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pace import PATIENCE

SECRET = "p@ss/w0rd+Canary"
FORMS = ("p@ss/w0rd+Canary", "p%40ss%2Fw0rd%2BCanary", "p%40ss%2fw0rd%2bCanary", "cEBzcy93MHJkK0NhbmFyeQ==")
BEGIN = """
import asyncio, sys, threading
from pathlib import Path
from migration_cockpit import cli, crash
from migration_cockpit.commands import plan
from migration_cockpit.session.redact import Redactor
redactor = Redactor()
redactor.register("postgresql://u:p%40ss%2Fw0rd%2BCanary@h/d")
FORMS = " ".join(sys.argv[2].splitlines())
"""
ENDS = {
    "command": """
def run(options):
    held = FORMS
    raise RuntimeError("boom " + FORMS) from ValueError(FORMS)
plan.COMMAND = cli.Command("plan", "x", "", lambda parser: None, run)
sys.argv = ["migration-cockpit", "plan"]
sys.exit(cli.main())
""",
    "thread": """
crash.install()
def work():
    raise RuntimeError("boom " + FORMS)
thread = threading.Thread(target=work)
thread.start()
thread.join()
""",
    "task": """
crash.install()
async def work():
    raise RuntimeError("boom " + FORMS)
async def main():
    asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
asyncio.run(main())
""",
    "screen": """
from tests.app.light import light_app
from migration_cockpit.app.app import CockpitApp
app, light = light_app(Path(sys.argv[1]))
def boom():
    held = FORMS
    raise RuntimeError("boom " + FORMS)
mount = CockpitApp.on_mount
def mounted(self):
    mount(self)
    self.set_timer(0.1, boom)
CockpitApp.on_mount = mounted
app.run(headless=True)
sys.exit(app.return_code)
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_traceback_holds_no_secret(end: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN + ENDS[end], str(tmp_path), "\n".join(FORMS)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=os.environ | {"COLUMNS": "300"},
        cwd=Path(__file__).parents[1],
    )
    said = ended.stdout + ended.stderr
    assert "boom" in said
    assert "«secret»" in said
    assert "Traceback" in said
    leaked = [form for form in FORMS if form in said]
    assert leaked == []
