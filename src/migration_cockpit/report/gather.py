"""One pass over a journal: everything that a report tells, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from migration_cockpit.advice.rollback_cost import Cost, cost
from migration_cockpit.report.incidents import Incidents
from migration_cockpit.report.series import Series
from migration_cockpit.session import events as ev
from migration_cockpit.session.fold import fold
from migration_cockpit.session.journal import Entry, JournalError
from migration_cockpit.session.readings import DatabaseReading, MetricsReading, StorageReading, TasksReading
from migration_cockpit.session.state import STEP_TITLES, RollbackState, State

MOST = 1000
"""Acts, verdicts and operations that are told one by one, of each; more are counted."""
SHOWN = 5
"""Commands of one operation that are told; a thousand DAGs are unpaused by as many calls."""
T = TypeVar("T")

_NOT_FOLDED = (
    ev.PodsRead,
    ev.TasksRead,
    ev.DatabaseRead,
    ev.StorageRead,
    ev.MetricsRead,
    ev.HealthRead,
    ev.SourceBeat,
    ev.LogLine,
    ev.Keyframe,
    ev.StepProgress,
)
"""Most of a journal, and nothing that the report takes from State: left out, so that a day is read in seconds."""


@dataclass(frozen=True)
class Act:
    """Something that a person did."""

    t: datetime
    operator: str
    what: str
    reason: str = ""


@dataclass(frozen=True)
class OperationRun:
    """One operation of the whole session, as often as it was tried."""

    step: str
    operation: str
    commands: tuple[ev.Command, ...]
    intended: datetime
    ended: datetime | None = None
    outcome: str = ""
    detail: str = ""
    more: int = 0
    """Commands beyond those that are kept."""


@dataclass(frozen=True)
class WayBackRun:
    """One way back that was begun, and what it would cost as counted at that moment."""

    back: RollbackState
    cost: Cost | None


@dataclass
class Gathered:
    """What one pass over a journal has found."""

    state: State = field(default_factory=State)
    first: datetime | None = None
    last: datetime | None = None
    events: int = 0
    left_off: Counter[str] = field(default_factory=Counter)
    """How many acts, verdicts and operations there were beyond those that are kept, by the name of their list."""
    damage: str = ""
    """Why the journal could not be read to its end; empty when it could."""
    incidents: Incidents = field(default_factory=Incidents)
    acts: list[Act] = field(default_factory=list)
    overrides: list[tuple[datetime, ev.GateOverridden]] = field(default_factory=list)
    verdicts: list[tuple[datetime, ev.VerdictChanged]] = field(default_factory=list)
    operations: list[OperationRun] = field(default_factory=list)
    windows: list[tuple[datetime, ev.WindowMoved]] = field(default_factory=list)
    ways_back: list[WayBackRun] = field(default_factory=list)
    metrics: dict[str, Series] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    last_metrics: MetricsReading | None = None
    iops: Series = field(default_factory=Series)
    wal: Series = field(default_factory=Series)
    """Bytes per second."""
    running: Series = field(default_factory=Series)
    queued: Series = field(default_factory=Series)


def gather(entries: Iterable[Entry]) -> Gathered:
    """Read a session's events to the end, or up to where the journal is damaged."""
    gatherer = _Gatherer()
    try:
        for entry in entries:
            gatherer.take(entry)
    except JournalError as error:
        gatherer.found.damage = str(error)
    return gatherer.found


class _Gatherer:
    def __init__(self) -> None:
        self.found = Gathered()
        self._database: tuple[datetime, DatabaseReading] | None = None
        self._storage: StorageReading | None = None
        self._tasks: TasksReading | None = None

    def take(self, entry: Entry) -> None:
        """One event more."""
        found, event, t = self.found, entry.event, entry.t
        found.first = found.first or t
        found.last = t
        found.events += 1
        found.incidents.see(event, t)
        if isinstance(event, _NOT_FOLDED):
            self._measure(event, t)
            return
        before = found.state
        found.state = fold(before, event, t, entry.seq)
        self._back(before, event, t)
        self._record(event, t)

    def _back(self, before: State, event: ev.Event, t: datetime) -> None:
        """Keep each way back as it stands, with its cost as it was when it was chosen."""
        back, runs = self.found.state.rollback, self.found.ways_back
        if back is None:
            return
        if isinstance(event, ev.RollbackStarted):
            self._keep("ways_back", runs, WayBackRun(back, cost(before, t)))
        elif runs and back is not before.rollback and runs[-1].back.number == back.number:
            runs[-1] = replace(runs[-1], back=back)

    # --- What people and the cockpit did ------------------------------------------------------------------------------

    def _record(self, event: ev.Event, t: datetime) -> None:
        found = self.found
        match event:
            case ev.GateOverridden():
                self._keep("overrides", found.overrides, (t, event))
                names = ", ".join(gate.name for gate in event.gates)
                self._act(t, event.operator, f"went past {names} before {_title(event.step)}", event.reason)
            case ev.StepStarted():
                again = f", attempt {event.attempt}" if event.attempt > 1 else ""
                self._act(t, event.operator, f"started {_title(event.step)}{again}")
            case ev.DecisionMade():
                self._act(t, event.operator, f"answered “{event.answer}” in {_title(event.step)}", event.reason)
            case ev.DriverChanged():
                self._act(t, event.operator, f"{'went on' if event.resumed else 'began'} on {event.host}")
            case ev.Note():
                about = f" (of {event.about:%H:%M:%S})" if event.about else ""
                self._act(t, event.operator, f"noted{about}: {event.text}")
            case ev.WindowMoved():
                self._keep("windows", found.windows, (t, event))
                self._act(t, event.operator, f"moved the window's end to {event.end:%Y-%m-%d %H:%M}", event.reason)
            case ev.PostponeStarted():
                self._act(t, event.operator, "postponed the migration", event.reason)
            case ev.RollbackStarted():
                to = f" to {event.point}" if event.point else ""
                self._act(t, event.operator, f"began the way back by {event.way}{to}", event.reason)
            case ev.VerdictChanged():
                self._keep("verdicts", found.verdicts, (t, event))
            case ev.OperationIntended():
                run = OperationRun(
                    event.step, event.operation, event.commands[:SHOWN], t, more=len(event.commands[SHOWN:])
                )
                self._keep("operations", found.operations, run)
            case ev.OperationEnded():
                self._operation_ended(event, t)
            case _:
                pass

    def _act(self, t: datetime, operator: str, what: str, reason: str = "") -> None:
        self._keep("acts", self.found.acts, Act(t, operator, what, reason))

    def _keep(self, name: str, kept: list[T], item: T) -> None:
        if len(kept) < MOST:
            kept.append(item)
        else:
            self.found.left_off[name] += 1

    def _operation_ended(self, event: ev.OperationEnded, t: datetime) -> None:
        runs = self.found.operations
        for number in range(len(runs) - 1, -1, -1):
            run = runs[number]
            if (run.step, run.operation) == (event.step, event.operation):
                runs[number] = replace(run, ended=t, outcome=event.outcome, detail=event.detail)
                return

    # --- What was measured --------------------------------------------------------------------------------------------

    def _measure(self, event: ev.Event, t: datetime) -> None:
        match event:
            case ev.MetricsRead(reading=metrics):
                self._metrics(metrics, t)
            case ev.DatabaseRead(reading=database):
                self._wal(database, t)
            case ev.StorageRead(reading=storage):
                self._storage = storage
                self._iops(storage, t)
            case ev.TasksRead(reading=tasks):
                self._tasks = tasks
                self._drain(tasks, t)
            case ev.SourceBeat(source="database") if self._database is not None:
                self._wal(self._database[1], t)
            case ev.SourceBeat(source="tasks") if self._tasks is not None:
                self._drain(self._tasks, t)
            case ev.SourceBeat(source="storage") if self._storage is not None:
                self._iops(self._storage, t)
            case _:
                pass

    def _metrics(self, reading: MetricsReading, t: datetime) -> None:
        for metric in reading.metrics:
            self.found.units[metric.name] = metric.unit
            if metric.value is not None:
                self.found.metrics.setdefault(metric.name, Series(5.0)).add(t, metric.value)
        self.found.last_metrics = reading

    @property
    def _migrating(self) -> bool:
        step = self.found.state.steps.get("migrate")
        return step is not None and step.running

    def _wal(self, reading: DatabaseReading, t: datetime) -> None:
        before, self._database = self._database, (t, reading)
        if before is None or not self._migrating:
            return
        seconds = (t - before[0]).total_seconds()
        if seconds > 0:
            # A restarted or restored server counts from elsewhere: a negative difference is no rate.
            self.found.wal.add(t, max(0.0, (reading.wal_bytes - before[1].wal_bytes) / seconds))

    def _iops(self, reading: StorageReading, t: datetime) -> None:
        if self._migrating and not (reading.read_iops is None and reading.write_iops is None):
            self.found.iops.add(t, (reading.read_iops or 0.0) + (reading.write_iops or 0.0))

    def _drain(self, reading: TasksReading, t: datetime) -> None:
        pause, drain = (self.found.state.steps.get(step) for step in ("pause", "drain"))
        if pause is not None and pause.started is not None and drain is not None and drain.ended is None:
            self.found.running.add(t, float(reading.states.get("running", 0)))
            self.found.queued.add(t, float(reading.states.get("queued", 0)))


def _title(step: str) -> str:
    return STEP_TITLES.get(step, step)
