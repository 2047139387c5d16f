"""A headless flight that kills itself at the first of the given points that it comes to.

`killable.py CONFIG SESSION [--points FILE] [--acknowledged FILE] [--shown FILE] [--back STEP WAY [--job CHOICE]]`.

The first FILE holds points as JSON; the one that killed it is written beside it, to FILE.hit. With --acknowledged the
number of every event whose record was through is noted: it must be in the journal afterwards, whatever happened. With
--shown it is noted what the cockpit shows of the migration when it has just started. With --job it goes back while the
Job of STEP is at work.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from migration_cockpit.advice.arrival import Eta
from migration_cockpit.advice.progress import progress
from migration_cockpit.config import load
from migration_cockpit.launch import fly_headless
from migration_cockpit.playbook.rollback.plan import JOB_CHOICES
from migration_cockpit.session.events import Event, LogLine
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import State
from tests.flight import person
from tests.flight.points import Point


class Killer:
    """Stands in for Recorder.record."""

    def __init__(self, points: Path | None, acknowledged: Path | None, shown: Path | None = None) -> None:
        self._points = [Point(*each) for each in json.loads(points.read_text("utf-8"))] if points else []
        self._hit = points.with_suffix(".hit") if points else None
        self._acknowledged = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if acknowledged else -1
        self._shown = shown
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
        if self._shown is not None:
            with self._shown.open("a", encoding="utf-8") as file:
                file.write(json.dumps(shown(state)) + "\n")
            self._shown = None
        self._kill("after", event)
        return state

    def _kill(self, moment: str, event: Event) -> None:
        for point in self._points:
            if point.moment == moment and point.is_at(event, self._job_lines):
                assert self._hit is not None
                self._hit.write_text(json.dumps([point.moment, point.kind, point.name]), encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)


def shown(state: State) -> dict[str, object]:
    """What is shown of the migration at the moment of the last event."""
    assert state.t is not None
    far = progress(state, state.t)
    return {"seq": state.seq, "share": far.share if far else 0.0, "eta": said(far.eta if far else None)}


def said(eta: Eta | None) -> list[str]:
    """A time of arrival with what it rests on; empty for none."""
    return [str(eta.low), str(eta.likely), str(eta.high), eta.rests] if eta else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Fly; returns the flight's exit code unless killed on the way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("session", type=Path)
    parser.add_argument("--points", type=Path)
    parser.add_argument("--acknowledged", type=Path)
    parser.add_argument("--back", nargs=2, metavar=("STEP", "WAY"))
    parser.add_argument("--shown", type=Path)
    parser.add_argument("--job", choices=JOB_CHOICES)
    given = parser.parse_args(arguments)
    killer = Killer(given.points, given.acknowledged, given.shown)

    def record(self: Recorder, event: Event) -> State:
        return killer.record(self, event)

    Recorder.record = record  # type: ignore[method-assign]  # the point of this program
    back = (given.back[0], given.back[1]) if given.back else None
    if given.job:
        return person.ends_a_job(given.config, given.session, given.back[0], given.job)
    return fly_headless(load(given.config), given.session, operator="test", pause=0.05, back=back)


if __name__ == "__main__":
    sys.exit(main())
