"""The shape of everything that changes the world: describe it, run it, look whether it happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from migration_cockpit.session.events import Command


class Status(StrEnum):
    """What `observe()` saw of an operation in the world."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Observation:
    """What the world shows of an operation, with its evidence in words."""

    status: Status
    detail: str = ""


class OperationError(Exception):
    """An operation failed: what happened and how to mend it, in one or two sentences a tired person understands.

    `exit_code` is that of its program, where that ended by itself and told one.
    """

    def __init__(self, text: str, *, exit_code: int | None = None) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Report(Protocol):
    """Where a running operation tells how it goes; each call becomes an event."""

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        """A line for the log. `at` is its position in the source's own stream, where following can go on from it."""

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """How far it is."""


class Silent:
    """A report that nobody reads."""

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        """Nothing."""

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """Nothing."""


class Operation(Protocol):
    """One change to the world.

    `key` is derived from session and step (a Job's name, a snapshot's identifier, a Helm description), so that the
    world can be asked whether it happened, and running it twice finds the first one.
    """

    @property
    def name(self) -> str:
        """Short name, unique within its step, in the field's words: `helm-upgrade`."""

    @property
    def key(self) -> str:
        """The name under which the world knows it."""

    def describe(self) -> tuple[Command, ...]:
        """The exact commands or API calls. Needs no connection and changes nothing."""

    async def run(self, report: Report) -> str:
        """Do it, or join it where it already runs; returns what came of it in a few words. Raises OperationError."""

    async def observe(self) -> Observation:
        """Look at the world without changing anything."""
