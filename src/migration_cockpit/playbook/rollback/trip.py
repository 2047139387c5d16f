"""One way back under way: what its stages have at hand, the facts they leave each other, and the shape of a stage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from migration_cockpit.actions import direct
from migration_cockpit.actions.operation import Operation, Report
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.playbook import standstill
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.rollback.plan import WAIT
from migration_cockpit.session.events import ROLLBACK, Check, RecoveryPoint
from migration_cockpit.session.state import StageState


@dataclass(frozen=True)
class Trip:
    """The way back that was chosen. Without a flight its operations can be described, not run."""

    settings: Settings
    session: str
    way: str
    point: str = ""
    method: str = ""
    job: str = WAIT
    given: Flight | None = None

    @property
    def site(self) -> Site:
        """Where its operations act."""
        connections = self.given.connections if self.given else None
        return Site(self.settings, self.session, connections)

    @property
    def flight(self) -> Flight:
        """The flight. Raises RuntimeError on a trip that was made for describing only."""
        if self.given is None:
            raise RuntimeError("a way back made for describing cannot be flown")
        return self.given

    def clean(self, text: str) -> str:
        """A text without the secrets that the flight knows."""
        return self.given.recorder.redactor.clean(text) if self.given else text

    # -- doing

    async def do(self, operation: Operation, report: Report | None = None) -> str:
        """Bring an operation about exactly once. Raises OperationError and WorldError."""
        return await self.flight.do(ROLLBACK, operation, report)

    async def verify(
        self, look: Callable[[], Awaitable[Sequence[Check]]], *, timeout: float, every: float = 0.5
    ) -> tuple[Check, ...]:
        """Read a verification until it holds or the time is over."""
        return await self.flight.verify(ROLLBACK, look, timeout=timeout, every=every)

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        """How far the running stage is."""
        self.flight.progress(ROLLBACK, text, done, total)

    def tell(self, name: str, text: str) -> None:
        """Queue a message of this way back; it goes out once."""
        number = self._number
        self.flight.queue_message(ROLLBACK, f"{name}-{number}" if number > 1 else name, text)

    @property
    def stage(self) -> StageState:
        """The stage that runs."""
        back = self.flight.state.rollback
        assert back is not None  # a way back that is flown was begun
        assert back.stage is not None
        return back.stage

    # -- facts

    def fact(self, name: str) -> Any:
        """A fact of this way back, or None; nothing is known before it is flown."""
        return None if self.given is None else self.given.fact(ROLLBACK, self._numbered(name))

    def write_fact(self, name: str, value: Any) -> None:
        """Write down what a resumed flight and later stages need."""
        self.flight.write_fact(ROLLBACK, self._numbered(name), value)

    def _numbered(self, name: str) -> str:
        """A later way back of the same session finds nothing of an earlier one."""
        return f"{name}#{self._number}"

    @property
    def _number(self) -> int:
        back = self.flight.state.rollback
        return back.number if back else 0

    # -- what the flight wrote down

    @property
    def recorded_revision(self) -> int | None:
        """The Helm revision before the upgrade; None where it is not known yet."""
        found = None if self.given is None else self.given.fact(standstill.STEP, "release")
        return int(found["revision"]) if found else None

    @property
    def recovery_point(self) -> RecoveryPoint | None:
        """The recovery point that is gone back to, as it was recorded."""
        points = () if self.given is None else self.given.state.recovery_points
        return next((each for each in points if each.name == self.point), None)

    @property
    def moment(self) -> datetime | None:
        """The moment that is gone back to, where no snapshot is."""
        return datetime.fromisoformat(self.point) if self.method == "time" else None

    async def old_objects(self) -> list[Any]:
        """The objects of the recorded revision, as Helm stored them. Raises WorldError."""
        revision = self.recorded_revision
        return [] if revision is None else await self.flight.connections.releases.manifest(revision)

    async def airflow_dsn(self) -> str:
        """The connection that 2.x has, past PgBouncer. Raises WorldError."""
        return await direct.airflow_dsn(self.site, await self.old_objects())


class Stage(Protocol):
    """One stage of a way back. May be entered again after a crash at any point, as a step may."""

    id: str
    title: str
    purpose: str
    """One sentence: what it is for."""
    leaves: str
    """In what state everything is once it is done."""
    stands: str
    """In what state everything is while it is not done, and what that means for the people."""

    def expected(self, settings: Settings) -> float:
        """How long it should take, seconds."""

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Its operations in order, for showing; what is known only in the flight stands as <words>."""

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Do it and look whether it holds. Raises OperationError, StepFailed and WorldError."""
