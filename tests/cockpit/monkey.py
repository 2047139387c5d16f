"""A monkey at the keyboard: seeded random keys, text and pastes, and what must never come of them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass

from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.session import events as ev
from migration_cockpit.session.journal import Entry
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import STEP_TITLES, State

KEYS_AT_DESK = int(os.environ.get("COCKPIT_FUZZ_KEYS", "20000"))
KEYS_ON_SCREEN = int(os.environ.get("COCKPIT_FUZZ_SCREEN", "300"))
SEED = int(os.environ.get("COCKPIT_FUZZ_SEED", "20260516"))
WORDS = (
    "airflow igrate",
    "airflow 6-1019",
    "airflow downgrade",
    "airflow-db-migrate-0516",
    "tasks fail",
    "yes",
    "17:00 because",
    "y\ny\nairflow 6-1019\n",
    "",
)
"""What is pasted: the right phrases among it."""
EVERY_KEY = tuple(sorted({key for control in CONTROLS for key in control.keys} - {"q"}))
"""All keys of the table but the one that leaves."""
DEADLY = (ev.RollbackStarted, ev.PostponeStarted, ev.StepStarted, ev.OperationIntended)
"""What the world would feel."""


@dataclass(frozen=True)
class Stroke:
    """One thing that the monkey does, after a while."""

    after: float
    """Seconds."""
    key: str = ""
    char: str = ""
    paste: str | None = None


def strokes(number: int, seed: int = SEED) -> Iterator[Stroke]:
    """So many, the same for the same seed. It likes the rollback, and Enter."""
    chance = random.Random(seed)  # noqa: S311 - the same monkey every time
    for _ in range(number):
        after = chance.choice((0.0, 0.01, 0.1, 0.6, 0.6, 1.0, 6.0))
        what = chance.random()
        if what < 0.55:
            yield Stroke(after, key=chance.choice(EVERY_KEY))
        elif what < 0.75:
            yield Stroke(after, key=chance.choice(("R", "R", "enter", "enter", "1", "3", "t", "escape")))
        elif what < 0.9:
            yield Stroke(after, char=chance.choice("airflow 0123456789-xyz"))
        else:
            yield Stroke(after, paste=chance.choice(WORDS))


class Watch:
    """Sees everything that the journal takes."""

    def __init__(self, recorder: Recorder) -> None:
        self.harm: list[ev.Event] = []
        self.opened = 0
        self.further: set[str] = set()
        """How far into the dialogs it came: the fuzz means nothing where it never leaves the first one."""
        recorder.listeners.append(self._saw)

    def _saw(self, entry: Entry, _state: State) -> None:
        event = entry.event
        if isinstance(event, DEADLY) or (isinstance(event, ev.RollbackConsidered) and event.act in {"armed", "fired"}):
            self.harm.append(event)
        if isinstance(event, ev.RollbackConsidered) and event.act == "opened":
            self.opened += 1


def fly_to(recorder: Recorder, step: str, *, running: bool) -> None:
    """Steps up to this one are verified; it runs, or is verified too."""
    for each in STEP_TITLES:
        recorder.record(ev.StepStarted(step=each, operator="sre"))
        if each == step and running:
            return
        recorder.record(ev.StepEnded(step=each, outcome="verified", operator="sre"))
        if each == step:
            return
