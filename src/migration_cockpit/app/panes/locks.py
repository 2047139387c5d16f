"""Who waits for whom in the database, the root of it on top; the migration's own sessions are named as such."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from cockpit_widgets.spans import Line, flow, line
from cockpit_widgets.tree import waiting_tree
from migration_cockpit.app.words import age, plural, seconds_between
from migration_cockpit.session.readings import Backend, DatabaseReading, Waiter
from migration_cockpit.session.state import State

OURS = ("migration", "migration-lock", "cockpit")
KINDS = {"migration-lock": "migration", "autovacuum": "vacuum"}


def sessions(reading: DatabaseReading, width: int) -> list[Line]:
    """How many sessions of each kind."""
    kinds = Counter(KINDS.get(backend.role, backend.role) for backend in reading.backends)
    parts = [line((f"{kind} ", "dim"), (str(kinds[kind]), "text")) for kind in sorted(kinds)]
    total = line(("sessions ", "dim"), (str(reading.backends_total or len(reading.backends)), "bold"))
    return flow([total, *parts], width)


def migration_waits(reading: DatabaseReading) -> bool:
    """Whether a session of the migration waits for a lock."""
    waiting = {waiter.pid for waiter in reading.waiters}
    return any(backend.role == "migration" and backend.pid in waiting for backend in reading.backends)


def waiters(state: State, now: datetime) -> list[Line]:
    """The forest of waiters, or who works where nobody waits."""
    reading = state.database
    assert reading is not None
    backends = {backend.pid: backend for backend in reading.backends}
    if not reading.waiters:
        said = [line(("0", "bold"), (" waiters · ", "dim"), ("no session blocks another", "text"))]
        return said + [each for backend in _migrations(reading) for each in _own(backend, reading, now)]
    by_pid = {waiter.pid: waiter for waiter in reading.waiters}
    blocked = migration_waits(reading)
    total = reading.waiters_total or len(reading.waiters)
    head = line((f"{'✖ ' if blocked else '▲ '}{plural(total, 'waiter')}", "bad-bold" if blocked else "careful-bold"))
    if blocked:
        head = line(head, (" · the migration waits", "bad"))
    rows = waiting_tree({pid: waiter.blockers for pid, waiter in by_pid.items()})
    lines = [head]
    for branch, pid in rows:
        lines += _node(branch, pid, backends.get(pid), by_pid.get(pid), reading, now)
    if total > len(by_pid):
        lines.append(line((f"and {total - len(by_pid)} more waiters", "dim")))
    return lines


def _migrations(reading: DatabaseReading) -> list[Backend]:
    order = {"migration": 0, "migration-lock": 1}
    return sorted((each for each in reading.backends if each.role in order), key=lambda one: order[one.role])


def _own(backend: Backend, reading: DatabaseReading, now: datetime) -> list[Line]:
    if backend.role == "migration-lock":
        return [line((f"{backend.pid} ", "text"), ("its own advisory lock; idle is normal", "dim"))]
    held, waits = _held(backend.pid, reading), f" · waits for {backend.wait}" if backend.wait else ""
    lines = [line((f"{backend.pid} migration ", "text"), (f"{backend.state} {_since(backend, now)}{waits}", "dim"))]
    lines += [line((f"  holds {held}", "dim"))] if held else []
    return lines + ([line((f"  {backend.query}", "dim"))] if backend.query else [])


def _held(pid: int, reading: DatabaseReading) -> str:
    """The strongest lock of a session, and how many more it holds."""
    locks = [lock for lock in reading.locks if lock.pid == pid]
    if not locks:
        return ""
    first = next((lock for lock in locks if lock.mode == "AccessExclusiveLock"), locks[0])
    more = f" +{len(locks) - 1}" if len(locks) > 1 else ""
    return f"{_mode(first.mode)} {first.relation}{more}"


def _mode(mode: str) -> str:
    """Postgres's name of a lock mode without the word that all of them end in."""
    return mode.removesuffix("Lock")


def _since(backend: Backend, now: datetime) -> str:
    start = backend.xact_start if backend.state.startswith("idle in") else backend.query_start
    return age(seconds_between(start, now)) if start else ""


def _node(
    branch: str, pid: int, backend: Backend | None, waiter: Waiter | None, reading: DatabaseReading, now: datetime
) -> list[Line]:
    """Two rows at the root (who holds, and what it runs), one for each who waits."""
    role = backend.role if backend else "?"
    who = _who(backend)
    if waiter is None:
        if backend is None:
            return [line((f"✖ {pid} ", "bad-bold"), ("holds; its session is not visible", "careful"))]
        tone = "text" if role in OURS else "bad-bold"
        at = f" from {backend.address}" if backend.address else ""
        state = f"  {backend.state} {_since(backend, now)}{at}"
        held = line((f"  HOLDS {_held(pid, reading)}", "text"))
        return [line((f"✖ {pid} {who}", tone)), held, line((state, "text")), line((f"  {backend.query}", "dim"))]
    waited = f" {age(seconds_between(waiter.since, now))}" if waiter.since else ""
    tone = "careful-bold" if role == "migration" else "text"
    return [
        line(
            (branch, "dim"),
            (f"{pid} {who} ", tone),
            (f"waits{waited} ", "careful"),
            (f"{_mode(waiter.mode)} {waiter.relation}", "dim"),
        )
    ]


def _who(backend: Backend | None) -> str:
    if backend is None:
        return "?"
    return (
        backend.role
        if backend.role != "other"
        else " ".join(dict.fromkeys((backend.user, backend.application))).strip()
    )


def strangers(reading: DatabaseReading, now: datetime) -> list[Line]:
    """Sessions that are neither ours nor Airflow's, and those that sit in a transaction: what may come into the way."""
    shown = {pid for waiter in reading.waiters for pid in (waiter.pid, *waiter.blockers)}
    odd = [
        each
        for each in reading.backends
        if each.pid not in shown
        and (each.role == "other" or (each.role not in OURS and each.state.startswith("idle in")))
    ]
    lines = []
    for backend in sorted(odd, key=lambda one: one.pid):
        idle = backend.state.startswith("idle in")
        name = " ".join(part for part in (backend.user, backend.application) if part)
        text = f"{'▲ ' if idle else '  '}{backend.pid} {name} {backend.state} {_since(backend, now)}"
        lines.append(line((text.rstrip(), "careful" if idle else "dim")))
    return lines
