"""The journal of a long day with everything in it: a block, an override, a failed step, a crash, a moved window."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session import readings as rd
from migration_cockpit.session.journal import JournalWriter
from tests.app.fixtures import at, opened

STARTS = dict(
    zip(
        STEP_IDS,
        ("09:00", "09:04", "09:15", "09:52", "10:21", "11:14", "11:25", "11:52", "12:55", "13:20", "15:21"),
        strict=True,
    )
)
ENDS = dict(
    zip(
        STEP_IDS,
        ("09:01", "09:05", "09:38", "10:14", "11:12", "11:22", "11:41", "12:40", "13:02", "15:20", "15:22"),
        strict=True,
    )
)
MIGRATING = (at("10:21"), at("11:12"))
BLOCKED = (at("10:40"), at("10:47"))


class Day:
    """Writes events at moments of the sample day."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / journal.FILE
        self._writer = JournalWriter(self.path)
        self._told: list[tuple[datetime, int, ev.Event]] = []

    def at(self, clock: str | datetime, *events: ev.Event) -> None:
        """Something that happened; in any order."""
        moment = at(clock) if isinstance(clock, str) else clock
        for event in events:
            self._told.append((moment, len(self._told), event))

    def close(self) -> Path:
        """Write all of it in the order of time; returns the journal."""
        for moment, _, event in sorted(self._told, key=lambda told: told[:2]):
            self._writer.append(event, moment, lambda text: text)
        self._writer.close()
        return self.path


def write_day(directory: Path) -> Path:
    """The whole day, in a journal in `directory`."""
    day = Day(directory)
    day.at("08:55", opened(), ev.DriverChanged(operator="sre-1", host="bastion", pid=411))
    day.at(
        "09:00", ev.BaselineTaken(values={"loop_duration": 0.42, "parse_time": 31.0, "queued_tasks": 12.0}, dags=412)
    )
    for step in STEP_IDS:
        by = "sre-2" if step in {"critical", "rest"} else "sre-1"
        day.at(STARTS[step], ev.StepStarted(step=step, operator=by))
        day.at(
            ENDS[step], ev.StepEnded(step=step, outcome="overridden" if step == "smoke" else "verified", operator=by)
        )
    _people(day)
    _operations(day)
    _trouble(day)
    _readings(day)
    day.at("15:23", ev.SessionClosed(reason="every step was flown", outcome="overridden"))
    return day.close()


def _people(day: Day) -> None:
    gate = ev.Check(name="import errors", holds=False, found="1: <b>legacy_ftp_dag</b>", mend="mend it")
    reason = "legacy_ftp_dag is retired on Monday | nobody needs it"
    day.at("11:24", ev.GateOverridden(step="smoke", operator="sre-1", reason=reason, gates=(gate,)))
    day.at("10:50", ev.Note(operator="dba", text="the reporting session was ours, ended it", about=at("10:46")))
    day.at("12:45", ev.WindowMoved(operator="sre-2", end=at("17:00"), reason="the block cost us half an hour"))
    day.at(
        "12:50",
        ev.DecisionMade(step="critical", decision="order", answer="fewest runs first", operator="sre-2", reason=""),
    )
    for clock, name, step in (("09:00", "start", "announce"), ("15:21", "success", "success")):
        day.at(clock, ev.MessageQueued(message=name, step=step, text=f"Airflow migration: {name}."))
        day.at(at(clock) + timedelta(seconds=2), ev.MessageTried(message=name, sent=True))
    day.at("11:00", ev.MessageQueued(message="message-2", step="migrate", text="We are later than planned."))
    day.at("11:01", ev.MessageTried(message="message-2", sent=False, detail="Slack answered 503"))


def _operations(day: Day) -> None:
    for clock, end, step, name, outcome in (
        ("09:04", "09:05", "pause", "pause-all", "done"),
        ("10:08", "10:12", "helm", "helm-upgrade", "done"),
        ("10:22", "11:10", "migrate", "migration-job", "done"),
        ("11:53", "12:20", "critical", "unpause-critical", "done"),
    ):
        commands = tuple(ev.Command(text=f"{name} --number {n} --namespace 'airflow'") for n in range(8))
        day.at(clock, ev.OperationIntended(step=step, operation=name, key=f"s-{name}", commands=commands))
        day.at(end, ev.OperationEnded(step=step, operation=name, key=f"s-{name}", outcome=outcome, detail="as asked"))
    day.at(
        "10:05",
        ev.RecoveryPoint(
            name="airflow-pre-3x-helm-1",
            method="snapshot",
            step="helm",
            head="29ce7909c52b",
            taken=at("10:04"),
            size=10**11,
        ),
    )
    day.at("09:04", ev.LedgerWritten(artifact="pause-ledger.json", active=398, total=412))


def _trouble(day: Day) -> None:
    day.at("10:21", ev.VerdictChanged(verdict="WORKING", evidence="batches move, 38 MB/s of WAL"))
    day.at(BLOCKED[0], ev.VerdictChanged(verdict="BLOCKED", evidence="waits for pid 4711 (reporting) on task_instance"))
    day.at(BLOCKED[1], ev.VerdictChanged(verdict="WORKING", evidence="the lock was granted"))
    day.at("11:10", ev.VerdictChanged(verdict="DONE", evidence="schema as a fresh 3.2.2"))
    day.at("09:55", ev.SourceFailed(source="health", why="503: Service Temporarily Unavailable"))
    day.at("11:20", ev.SourceRecovered(source="health"))
    for minute in (20, 21, 22):
        day.at(f"14:{minute}:00", ev.SourceFailed(source="pods", why="the API server refuses connections"))
        day.at(f"14:{minute}:40", ev.SourceRecovered(source="pods"))
    day.at("13:05", ev.DriverChanged(operator="sre-2", host="bastion", pid=977, resumed=True))
    day.at(
        "11:22:30",
        ev.StepStarted(step="smoke", operator="sre-1"),
    )
    day.at(
        "11:23:30",
        ev.StepEnded(step="smoke", outcome="failed", operator="sre-1", why="canary: it never ran; look at the workers"),
    )


def _readings(day: Day) -> None:
    wal, moment = 0, at("09:00")
    while moment < at("15:20"):
        if not at("13:02:20") < moment < at("13:05"):
            _read(day, moment, wal)
        blocked = BLOCKED[0] <= moment < BLOCKED[1]
        migrating = MIGRATING[0] <= moment < MIGRATING[1]
        wave = 1 + math.sin(moment.timestamp() / 300)
        wal += int(20 * (38e6 * wave if migrating and not blocked else 2e5))
        moment += timedelta(seconds=20)


def _read(day: Day, moment: datetime, wal: int) -> None:
    still = at("09:52") <= moment < at("11:14")
    left = max(0.0, 180 - (moment - at("09:04")).total_seconds() / 8)
    back = 60.0 if moment > at("12:00") else 0.0
    states = {"running": int(left + back), "queued": int(left / 4 + back / 3)}
    day.at(moment, ev.TasksRead(reading=rd.TasksReading(states=states, total=412)))
    day.at(moment, ev.DatabaseRead(reading=rd.DatabaseReading(wal_bytes=wal)))
    day.at(moment, ev.StorageRead(reading=rd.StorageReading(read_iops=900 + wal % 700, write_iops=1800 + wal % 900)))
    if not still:
        slower = 1.1 if moment > at("11:14") else 1.0
        found = tuple(
            rd.Metric(
                name=name, query=name, unit=unit, value=value * slower * (1 + 0.1 * math.sin(moment.timestamp() / 97))
            )
            for name, value, unit in (
                ("loop_duration", 0.42, "s"),
                ("parse_time", 31.0, "s"),
                ("queued_tasks", 12.0, ""),
            )
        )
        day.at(moment, ev.MetricsRead(reading=rd.MetricsReading(metrics=found)))
