"""Where a cockpit can be killed: before and after every write-ahead record and every external call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migration_cockpit.config import STEP_IDS, Settings
from migration_cockpit.playbook.rollback.plan import ABORT, DUMP, RESTORE
from migration_cockpit.playbook.rollback.stages.told import BEGUN, DONE
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.playbook.rollback.ways import stages
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.session import events as ev
from migration_cockpit.session.events import ROLLBACK

MOMENTS = ("before", "after")
METHODS = {RESTORE: "snapshot", DUMP: "dump"}
LINES = 10
"""Kills while the migration runs, each so many lines of its log after the start of the cockpit."""


@dataclass(frozen=True)
class Point:
    """A moment at a record. `after` an intention is before the external call, `before` its end is after that call."""

    moment: str
    kind: str
    name: str
    """The operation (alone or as step/operation), the step, the stage of a way back, the message, or `job:n`: the
    migration's nth log line."""

    def __str__(self) -> str:
        return f"{self.moment} {self.kind} {self.name}"

    def is_at(self, event: ev.Event, job_lines: int) -> bool:
        """Whether an event is the record it means; `job_lines` is how many lines of the Job this process has had."""
        if event.kind != self.kind:
            return False
        if isinstance(event, ev.LogLine):
            return event.source == "job" and self.name == f"job:{job_lines}"
        step, operation = getattr(event, "step", getattr(event, "stage", "")), getattr(event, "operation", "")
        return self.name in {"", operation or getattr(event, "message", step), f"{step}/{operation}"}


def around(kinds: Sequence[str], names: Sequence[str]) -> list[Point]:
    """Before and after each record of these kinds, of each of these names."""
    return [Point(moment, kind, name) for name in names for kind in kinds for moment in MOMENTS]


def of_operations(settings: Settings) -> list[Point]:
    """Four for every operation that the steps have: around its intention, and around the record of its end."""
    names = [f"{step.id}/{each.name}" for step in STEPS for each in step.operations(settings, "session", 1)]
    return around(("operation.intended", "operation.ended"), _without_messages(names))


def of_messages(*names: str) -> list[Point]:
    """Around the records of messages: queued, and tried, which is after the call."""
    return around(("message.queued", "message.tried"), names)


def of_steps() -> list[Point]:
    """Around each step's beginning and end."""
    return around(("step.started", "step.ended"), STEP_IDS)


def of_the_migration(times: int = LINES) -> list[Point]:
    """While the migration works: each kill some lines of its log after the one before."""
    return [Point("after", "log.line", f"job:{n}") for n in range(3, 3 + times)]


def every(settings: Settings) -> list[Point]:
    """All of them on the way there."""
    told = of_messages("start", "success")
    return [*of_steps(), *of_operations(settings), *told, *of_the_migration()]


def of_the_way_back(settings: Settings, way: str, job: str = "") -> list[Point]:
    """All of them on a way back: around its beginning and end, its stages, their operations and its messages.

    `job` is what was chosen for a migration Job that is at work.
    """
    trip = Trip(settings, "session", way, "point", METHODS.get(way, ""), job=job)
    flown = stages(settings, way, job=bool(job))
    names = [f"{ROLLBACK}/{each.name}" for stage in flown for each in stage.operations(trip)]
    return [
        *around(("rollback.started", "rollback.ended"), ("",)),
        *around(("rollback.stage.started", "rollback.stage.ended"), [stage.id for stage in flown]),
        *around(("operation.intended", "operation.ended"), _without_messages(names)),
        *of_messages(*([] if way == ABORT else [BEGUN]), DONE),
    ]


def _without_messages(names: Sequence[str]) -> list[str]:
    """They are the messenger's: see of_messages."""
    return [name for name in dict.fromkeys(names) if "/message-" not in name]
