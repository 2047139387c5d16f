"""The first paint waits for nothing that it does not draw."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pace import PATIENCE

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from pathlib import Path
from migration_cockpit.config import load
from migration_cockpit.launch import choose_session
settings = load(Path("config.example.toml"))
directory = choose_session(settings.deployment.name, Path(sys.argv[1]), new=False)
from migration_cockpit.app.app import CockpitApp
from migration_cockpit.app.board import Board
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk

class First(CockpitApp):
    async def _start(self):
        seen = [row for name in self.board._shown for row in self.board._panels[name].rows]
        print(json.dumps({"modules": sorted(sys.modules), "seen": seen}))
        self.exit()

cockpit = Cockpit(settings, directory, operator="sre-1", observe=True, at_once=False)
First(cockpit, Desk(cockpit)).run(headless=True, size=(int(sys.argv[2]), int(sys.argv[3])))
"""
CLIENTS = ("boto3", "botocore", "httpx", "kubernetes", "prometheus_api_client", "psycopg", "requests", "yaml")
OWN = (
    "actions",
    "cockpit.dialogs",
    "cockpit.table",
    "connections",
    "rehearsal",
    "report",
    "session.fold",
    "sources",
)
"""Of this program: what reads and changes the world, and all that keys do."""
ADVICE = {"migration_cockpit.advice", "migration_cockpit.advice.advice"}
PLAYBOOK = {"migration_cockpit.playbook", "migration_cockpit.playbook.sheet"}


@pytest.mark.parametrize("size", [(160, 48), (80, 24)])
def test_the_first_paint_is_the_frame_and_loads_neither_clients_nor_playbook(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "session"), *map(str, size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    seen = "\n".join(found["seen"])
    for said in (
        "starting",
        "no session yet",
        "The session is being opened",
        "waits for the session to open",
        "q detach",
    ):
        assert said in seen
    modules = set(found["modules"])
    assert "migration_cockpit.app.board" in modules
    assert not {name for name in modules if name.partition(".")[0] in CLIENTS}
    own = tuple(f"migration_cockpit.{name}" for name in (*OWN, "app.panes.drawn"))
    assert not {name for name in modules if name.startswith(own)}
    assert {name for name in modules if name.startswith("migration_cockpit.advice")} <= ADVICE
    assert {name for name in modules if name.startswith("migration_cockpit.playbook")} <= PLAYBOOK
