"""A headless flight that kills itself at the first of the given points that it comes to.

`killable.py CONFIG SESSION [--points FILE] [--acknowledged FILE] [--back STEP WAY]`. FILE holds points as JSON; the one
that killed it is written beside it, to FILE.hit. With --acknowledged the number of every event whose record was through
is noted: it must be in the journal afterwards, whatever happened.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from migration_cockpit.config import load
from migration_cockpit.launch import fly_headless
from migration_cockpit.session.events import Event, LogLine
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import State
from tests.flight.points import Point


class Killer:
    """Stands in for Recorder.record."""

    def __init__(self, points: Path | None, acknowledged: Path | None) -> None:
        self._points = [Point(*each) for each in json.loads(points.read_text("utf-8"))] if points else []
        self._hit = points.with_suffix(".hit") if points else None
        self._acknowledged = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if acknowledged else -1
        self._record = Recorder.record
        self._job_lines = 0

    def record(self, recorder: Recorder, event: Event) -> State:
        """Record it, unless this is where it ends."""
        if isinstance(event, LogLine) and event.source == "job":
            self._job_lines += 1
        self._kill("before", event)
        state = self._record(recorder, event)
        if self._acknowledged >= 0 and event.durable:
            os.write(self._acknowledged, f"{state.seq}\n".encode())
        self._kill("after", event)
        return state

    def _kill(self, moment: str, event: Event) -> None:
        for point in self._points:
            if point.moment == moment and point.is_at(event, self._job_lines):
                assert self._hit is not None
                self._hit.write_text(json.dumps([point.moment, point.kind, point.name]), encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Fly; returns the flight's exit code unless killed on the way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("session", type=Path)
    parser.add_argument("--points", type=Path)
    parser.add_argument("--acknowledged", type=Path)
    parser.add_argument("--back", nargs=2, metavar=("STEP", "WAY"))
    given = parser.parse_args()
    killer = Killer(given.points, given.acknowledged)

    def record(self: Recorder, event: Event) -> State:
        return killer.record(self, event)

    Recorder.record = record  # type: ignore[method-assign]  # the point of this program
    back = (given.back[0], given.back[1]) if given.back else None
    return fly_headless(load(given.config), given.session, operator="test", pause=0.05, back=back)


if __name__ == "__main__":
    sys.exit(main())
