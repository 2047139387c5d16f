"""Where a cockpit can be killed: before and after every write-ahead record and every external call."""

from __future__ import annotations

from dataclasses import dataclass

from migration_cockpit.config import STEP_IDS, Settings
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.session import events as ev

MOMENTS = ("before", "after")
LINES = 10
"""Kills while the migration runs, each so many lines of its log after the start of the cockpit."""


@dataclass(frozen=True)
class Point:
    """A moment at a record. `after` an intention is before the external call, `before` its end is after that call."""

    moment: str
    kind: str
    name: str
    """The operation (alone or as step/operation), the step, the message, or `job:n`: the migration's nth log line."""

    def __str__(self) -> str:
        return f"{self.moment} {self.kind} {self.name}"

    def is_at(self, event: ev.Event, job_lines: int) -> bool:
        """Whether an event is the record it means; `job_lines` is how many lines of the Job this process has had."""
        if event.kind != self.kind:
            return False
        if isinstance(event, ev.LogLine):
            return event.source == "job" and self.name == f"job:{job_lines}"
        step, operation = getattr(event, "step", ""), getattr(event, "operation", "")
        return self.name in {"", operation or getattr(event, "message", step), f"{step}/{operation}"}


def of_operations(settings: Settings) -> list[Point]:
    """Four for every operation that the steps have: around its intention, and around the record of its end."""
    names = [f"{step.id}/{each.name}" for step in STEPS for each in step.operations(settings, "session", 1)]
    names = [name for name in names if "/message-" not in name]  # the messenger's, see of_messages
    kinds = ("operation.intended", "operation.ended")
    return [Point(moment, kind, name) for name in names for kind in kinds for moment in MOMENTS]


def of_messages() -> list[Point]:
    """Around the records of the first message and the last: queued, and tried, which is after the call."""
    kinds = ("message.queued", "message.tried")
    return [Point(moment, kind, name) for name in ("start", "success") for kind in kinds for moment in MOMENTS]


def of_steps() -> list[Point]:
    """Around each step's beginning and end."""
    kinds = ("step.started", "step.ended")
    return [Point(moment, kind, step) for step in STEP_IDS for kind in kinds for moment in MOMENTS]


def of_the_migration(times: int = LINES) -> list[Point]:
    """While the migration works: each kill some lines of its log after the one before."""
    return [Point("after", "log.line", f"job:{n}") for n in range(3, 3 + times)]


def every(settings: Settings) -> list[Point]:
    """All of them."""
    return [*of_steps(), *of_operations(settings), *of_messages(), *of_the_migration()]
