"""How readings and failures of the sources change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.readings import DatabaseReading, StorageReading, TasksReading
from migration_cockpit.session.state import (
    LEFT_ALONE,
    TREND_POINTS,
    LogEntry,
    SourceState,
    State,
    Trends,
)


def _source(state: State, source: str, **changes: Any) -> dict[str, Any]:
    before = state.sources.get(source, SourceState())
    return {"sources": {**state.sources, source: msgspec.structs.replace(before, **changes)}}


def _read(source: str) -> Any:
    def change(state: State, event: Any, t: datetime) -> dict[str, Any]:
        trends = _TRENDS[source](state, event.reading, t) if source in _TRENDS else {}
        read = _source(state, source, read=t, failing_since=None, why="")
        return {source: event.reading, **read, **({"trends": trends} if trends else {})} | (
            {"database_read": t} if source == "database" else {}
        )

    return change


def _extend(points: tuple[float, ...], value: float) -> tuple[float, ...]:
    return (*points[-(TREND_POINTS - 1) :], value)


def _task_trends(state: State, reading: TasksReading, _: datetime) -> Trends:
    before = state.trends
    return msgspec.structs.replace(
        before,
        running=_extend(before.running, reading.states.get("running", 0)),
        queued=_extend(before.queued, reading.states.get("queued", 0)),
    )


def _database_trends(state: State, reading: DatabaseReading, t: datetime) -> Trends:
    before, last, last_read = state.trends, state.database, state.database_read
    if last is None or last_read is None or t <= last_read:
        return before
    seconds = (t - last_read).total_seconds()
    blocks = reading.blocks_read + reading.blocks_written - last.blocks_read - last.blocks_written
    # A restarted server counts from zero again: a negative difference is no rate.
    return msgspec.structs.replace(
        before,
        wal=_extend(before.wal, max(0.0, (reading.wal_bytes - last.wal_bytes) / seconds)),
        blocks=_extend(before.blocks, max(0.0, blocks / seconds)),
    )


def _storage_trends(state: State, reading: StorageReading, _: datetime) -> Trends:
    if reading.read_iops is None and reading.write_iops is None:
        return state.trends
    total = (reading.read_iops or 0.0) + (reading.write_iops or 0.0)
    return msgspec.structs.replace(state.trends, iops=_extend(state.trends.iops, total))


_TRENDS: dict[str, Any] = {"tasks": _task_trends, "database": _database_trends, "storage": _storage_trends}


def _beat(state: State, event: ev.SourceBeat, t: datetime) -> dict[str, Any]:
    change = _source(state, event.source, read=t, failing_since=None, why="")
    reading = getattr(state, event.source, None)
    if event.source in _TRENDS and reading is not None:
        change["trends"] = _TRENDS[event.source](state, reading, t)
        if event.source == "database":
            change["database_read"] = t
    return change


def _failed(state: State, event: ev.SourceFailed, t: datetime) -> dict[str, Any]:
    before = state.sources.get(event.source, SourceState())
    alone = event.why == LEFT_ALONE
    text = f"{event.source} {'are not' if alone else 'cannot be'} read: {event.why}"
    entry = LogEntry(t=t, source="cockpit", text=text, level="info" if alone else "careful")
    change = _source(state, event.source, failing_since=before.failing_since or t, why=event.why)
    return change | logged(state, entry)


def _recovered(state: State, event: ev.SourceRecovered, t: datetime) -> dict[str, Any]:
    entry = LogEntry(t=t, source="cockpit", text=f"{event.source} reads again", level="good")
    return _source(state, event.source, failing_since=None, why="") | logged(state, entry)


def _credentials(state: State, event: ev.CredentialsExpire, _: datetime) -> dict[str, Any]:
    return {"credentials": {**state.credentials, event.name: event.at}}


FOLDS: Folds = {
    ev.PodsRead: _read("pods"),
    ev.TasksRead: _read("tasks"),
    ev.DatabaseRead: _read("database"),
    ev.StorageRead: _read("storage"),
    ev.MetricsRead: _read("metrics"),
    ev.HealthRead: _read("health"),
    ev.CostRead: _read("cost"),
    ev.SourceBeat: _beat,
    ev.SourceFailed: _failed,
    ev.SourceRecovered: _recovered,
    ev.CredentialsExpire: _credentials,
}
"""How each event of this part changes State."""
