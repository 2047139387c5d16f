"""Small real steps for tests of the runner and the desk: they change a file, not a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.config import STEP_IDS, Settings
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check, Command


@dataclass
class AppendLine:
    """Appends a line to a file: not repeatable, and the file shows whether it happened."""

    path: Path
    text: str
    name: str = "append-line"
    fails: bool = False

    @property
    def key(self) -> str:
        return self.text

    def describe(self) -> tuple[Command, ...]:
        return (Command(text=f"echo {self.text} >> {self.path.name}"),)

    async def run(self, report: Report) -> str:
        if self.fails:
            raise OperationError("the file is read-only; make it writable")
        with self.path.open("a") as file:
            file.write(f"{self.text}\n")
        report.line("test", f"wrote {self.text}")
        return "written"

    async def observe(self) -> Observation:
        there = self.path.exists() and self.text in self.path.read_text().splitlines()
        return Observation(Status.DONE if there else Status.NOT_STARTED, "in the file" if there else "")


@dataclass
class FileStep:
    """A step of the eleven with one gate, one operation and a verification that reads the file."""

    id: str
    path: Path
    gate_holds: bool = True
    fails: bool = False
    title: str = "test step"
    key: str = "1"
    purpose: str = "write a line"
    undo: str = "delete the line"
    differs: str = ""
    flown: list[str] = field(default_factory=list)

    def expected(self, settings: Settings) -> float:
        return 1.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        async def look(flight: Flight) -> Check:
            return Check(name="disk", holds=self.gate_holds, found="3 GB", mend="free some")

        return (Gate("disk", "there is disk", look),)

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[AppendLine]:
        return (AppendLine(self.path, self.id, fails=self.fails),)

    def verification(self, settings: Settings) -> Sequence[str]:
        return ("the line is in the file",)

    async def fly(self, flight: Flight) -> Sequence[Check]:
        self.flown.append(self.id)
        for operation in self.operations(flight.settings, flight.session):
            await flight.do(self.id, operation)

        async def look() -> Sequence[Check]:
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            return (Check(name="line", holds=self.id in lines, found=str(lines.count(self.id)), mend="write it"),)

        return await flight.verify(self.id, look, timeout=0.0)


def file_steps(path: Path) -> tuple[FileStep, ...]:
    """All eleven steps over one file."""
    return tuple(FileStep(step, path, title=step) for step in STEP_IDS)
