"""What is shown of a way back before it is chosen. Values only, light to import: dialogs and `plan` draw them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from migration_cockpit.session.events import Command

ABORT, HELM, RESTORE, DUMP, DOWNGRADE = WAYS = ("abort", "helm", "restore", "dump", "downgrade")
"""Nothing was upgraded; only the manifests were; and the three ways back once the schema has moved."""
WAIT, END = JOB_CHOICES = ("wait", "end")
"""What is done about a migration Job at work."""


@dataclass(frozen=True)
class Point:
    """A recovery point, whether it can be gone back to or not."""

    name: str
    method: str
    """`snapshot`, `dump`, or `time`: the server as it was at a moment."""
    step: str
    """Step before whose change it was taken."""
    head: str
    taken: datetime
    status: str
    """Its state in the world now, in words."""
    refused: str = ""
    """Why it cannot be gone back to; empty when it can."""


@dataclass(frozen=True)
class Way:
    """One way back as the world stands now."""

    id: str
    title: str
    what: str
    """One sentence: what it does to the data."""
    loses: tuple[str, ...] = ()
    """What it drops or cannot carry, counted where that can be counted."""
    points: tuple[Point, ...] = ()
    """The recovery points that it could go back to, the best first."""
    refused: str = ""
    """Why it is not possible now; empty when it is."""


@dataclass(frozen=True)
class Seen:
    """What the world showed when it was looked at. Empty words where something could not be read."""

    at: datetime
    revision: str = ""
    """The newest Helm revision and its status."""
    recorded: int = 0
    """The revision that is gone back to; 0 where none was written down."""
    upgraded: bool = False
    """Whether the manifests are of this session's upgrade, be it a failed or pending one."""
    heads: tuple[str, ...] = ()
    """Rows of alembic_version."""
    moved: bool = False
    """Whether the schema is not at the source's head any more, or cannot be excluded to be."""
    pods: str = ""
    """Pods that write, by component and version, in words."""
    stopped: bool = False
    """Whether 2.x stands still and nothing else was changed."""
    ledger: int | None = None
    """Active DAGs in the pause ledger; None where none was written."""
    job: str = ""
    """Name of a migration Job at work."""
    unread: tuple[str, ...] = ()
    """What could not be read, and why."""

    @property
    def lines(self) -> tuple[str, ...]:
        """In words, a line a fact."""
        moved = "moved" if self.moved else "at the source's head"
        said = [
            f"Helm: {self.revision or 'not read'}, recorded revision {self.recorded or 'none'}",
            f"schema: {', '.join(self.heads) or 'not read'}, {moved}",
            f"pods: {self.pods or 'none'}",
            f"pause ledger: {'none' if self.ledger is None else f'{self.ledger} active DAGs'}",
        ]
        if self.job:
            said.append(f"migration Job {self.job} is at work")
        return (*said, *(f"not read: {each}" for each in self.unread))


@dataclass(frozen=True)
class Prospect:
    """What was seen, and every way with its points; the first possible one is the default."""

    seen: Seen
    ways: tuple[Way, ...]

    @property
    def default(self) -> Way | None:
        """The way that fits what was seen; None when there is none."""
        return next((way for way in self.ways if not way.refused), None)

    def way(self, way_id: str) -> Way | None:
        """A way by its id."""
        return next((way for way in self.ways if way.id == way_id), None)


@dataclass(frozen=True)
class PlannedStage:
    """One stage of a way back: what it does, how long that takes and what it leaves."""

    id: str
    title: str
    purpose: str
    commands: tuple[Command, ...]
    """In order, as a person could type them; <words> are known only when it gets there."""
    expected: float
    """Seconds."""
    leaves: str
    """In what state everything is once it is done."""


@dataclass(frozen=True)
class Plan:
    """A way back, whole."""

    way: Way
    point: Point | None
    job: str
    """`wait` for a migration Job at work, or `end` it."""
    stages: tuple[PlannedStage, ...]

    @property
    def expected(self) -> float:
        """Seconds that all of it takes."""
        return sum(stage.expected for stage in self.stages)
