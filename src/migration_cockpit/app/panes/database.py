"""The metadata database: the verdict, the revision, how far the step is, what moves, and who is in whose way."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import course
from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, flow, line, wrap
from migration_cockpit.app.panes import locks, migration
from migration_cockpit.app.panes.frame import Rules, empty
from migration_cockpit.app.panes.frame import view as framed
from migration_cockpit.app.panes.starting import ABOUT, WAITS_FOR
from migration_cockpit.app.words import age, count, hms, long, number, seconds_between, size
from migration_cockpit.session.state import State


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - immutable
    """Verdict first, then progress, what moves, storage, and the waiters; these come first when the migration waits."""
    reading = state.database
    said, lower, found = migration.lines(state, now, width, rules) if migration.shown(state) else ([], [], None)
    if reading is None:
        lines = [*said, *lower, *empty(state, "database", WAITS_FOR["database"], width)]
        return framed("database", lines, state, now, rules, source="database", width=width, more=ABOUT["database"])
    waiters = locks.waiters(state, now)
    blocked = locks.migration_waits(reading)
    flying = found is not None and found.word not in {"DONE", "FAILED"} and state.migration.ended is None
    lines = [
        *said,
        *migration.views(reading.progress, width),
        *((*waiters, ()) if blocked else ()),
        *lower,
        *migration.before(state, width, rules),
        *_moves(state, width),
        *_storage(state, now, width),
        *_about(state, width),
        *_revision(state, width),
        (),
        *(() if blocked else waiters),
        *(() if flying else locks.sessions(reading, width)),
        *locks.strangers(reading, now),
        *(locks.sessions(reading, width) if flying else ()),
    ]
    more = f"PostgreSQL {reading.server_version // 10000}" if reading.server_version else ABOUT["database"]
    return framed("database", lines, state, now, rules, source="database", width=width, more=more)


def _revision(state: State, width: int) -> list[Line]:
    reading = state.database
    assert reading is not None
    if not reading.alembic_table:
        return [line(("✖ there is no table alembic_version", "bad"))]
    if len(reading.revisions) != 1:
        found = ", ".join(reading.revisions) or "no row"
        return [line((f"✖ alembic_version holds {found}; it must hold one row", "bad"))]
    fab = line(("FAB ", "dim"), (", ".join(reading.fab_revisions), "text")) if reading.fab_revisions else ()
    running = state.running_step is not None and state.running_step.id == "migrate"
    committed = line(("the last committed", "dim")) if running else ()
    return flow([line(("revision ", "dim"), (reading.revisions[0], "bold")), fab, committed], width)


def _moves(state: State, width: int) -> list[Line]:
    """The courses of what moves while a migration works: WAL and blocks each second, IOPS as CloudWatch tells."""
    cells = max(8, width - 20)
    trends = state.trends
    rows = [("WAL", trends.wal, size, "/s", 1e5), ("blocks", trends.blocks, count, "/s", 100.0)]
    if state.storage is not None:
        rows.append(("IOPS", trends.iops, count, "", 50.0))
    lines = []
    for name, points, said, unit, floor in rows:
        if not points:
            lines.append(line((f"{name:<7}", "dim"), ("waits for a second reading", "dim")))
            continue
        chart = fit(course(points, cells, floor=floor), cells)
        lines.append(line((f"{name:<7}", "dim"), chart, (f" {said(points[-1])}{unit}", "bold")))
    return lines


def _storage(state: State, now: datetime, width: int) -> list[Line]:
    storage, source = state.storage, state.sources.get("storage")
    failed = source.failing_since if source is not None else None
    why = source.why if source is not None else ""
    if storage is None:
        return _wrapped(f"▲ storage: {why}", width) if failed else []
    parts = []
    if storage.status and storage.status != "available":
        parts.append(line((f"▲ instance {storage.status}", "careful")))
    if storage.free_bytes is not None:
        parts.append(line(("free ", "dim"), (size(storage.free_bytes), "bold")))
    if storage.queue_depth is not None:
        parts.append(line(("queue ", "dim"), (number(storage.queue_depth), "text")))
    if storage.cpu_percent is not None:
        parts.append(line(("CPU ", "dim"), (f"{storage.cpu_percent:.0f} %", "text")))
    if failed is not None:
        since = hms((source.read if source is not None else None) or failed)
        return [*flow(parts, width), *_wrapped(f"▲ storage is stale since {since}: {why}", width)]
    if storage.measured is not None:
        behind = seconds_between(storage.measured, now)
        late = behind > 180
        parts.append(line((f"{'▲ ' if late else ''}{long(behind)} behind", "careful" if late else "dim")))
    return flow(parts, width)


def _wrapped(text: str, width: int) -> list[Line]:
    return [line((each, "careful")) for each in wrap(text, width, indent="  ")]


def _about(state: State, width: int) -> list[Line]:
    reading = state.database
    assert reading is not None
    parts = [line(("size ", "dim"), (size(reading.size), "text"))] if reading.size else []
    if reading.replica_lag is not None:
        parts.append(line(("replica lag ", "dim"), (age(reading.replica_lag), "text")))
    if reading.slots:
        inactive = f" ({reading.inactive_slots} inactive)" if reading.inactive_slots else ""
        parts.append(
            line(("replication slots ", "dim"), (f"{reading.slots}{inactive}", "careful" if inactive else "text"))
        )
    if reading.prepared:
        parts.append(line((f"▲ {reading.prepared} prepared transactions", "careful")))
    if reading.migration_lock_pid is not None:
        parts.append(line(("migration's advisory lock ", "dim"), (f"pid {reading.migration_lock_pid}", "text")))
    return flow(parts, width)
