"""The cockpit as `migration-cockpit run` flies it, by autopilot: `python -m benchmarks.peers_child CONFIG SESSION`."""

from __future__ import annotations

import sys
from pathlib import Path

from migration_cockpit.config import load
from migration_cockpit.launch import fly_on_screen

PAUSE = 0.5
"""Seconds between two keys."""

if __name__ == "__main__":
    config, session = map(Path, sys.argv[1:])
    sys.exit(fly_on_screen(load(config), session, operator="benchmark", autopilot=PAUSE))
