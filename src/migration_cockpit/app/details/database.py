"""A session of the database: its statement, its locks, for whom it waits up to the root, and who waits for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cockpit_widgets.spans import Line, line
from migration_cockpit.app.details.words import fact, heading, text
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.words import age, hms, plural, seconds_between
from migration_cockpit.session.readings import Backend, DatabaseReading, Waiter
from migration_cockpit.session.state import State

LISTED = 60
"""Locks and waiters that are listed one by one."""
ROLES = {
    "cockpit": "this cockpit's own, read-only",
    "migration": "the migration",
    "migration-lock": "the migration's advisory lock; idle is normal",
    "airflow": "Airflow",
    "autovacuum": "PostgreSQL's autovacuum",
}


def detail(state: State, now: datetime, key: str, width: int, rules: Rules) -> list[Line]:
    """The session as the last reading has it."""
    reading = state.database
    pid = int(key)
    if reading is None:
        return []
    backends = {each.pid: each for each in reading.backends}
    waiters = {each.pid: each for each in reading.waiters}
    known = backends.get(pid)
    if known is None and pid not in waiters and not any(pid in each.blockers for each in reading.waiters):
        return []
    lines = [line((f"session {pid}", "title"))]
    lines += _who(known, now, width) if known else fact("session", "it is not among those that are listed", width)
    lines += heading("Statement", "literals are masked") if known and known.query else []
    lines += text(known.query, width) if known and known.query else []
    lines += _waits(pid, waiters, backends, now, width)
    lines += _behind(pid, waiters, backends, now, width)
    return lines + _locks(pid, reading, width)


def _who(backend: Backend, now: datetime, width: int) -> list[Line]:
    role = ROLES.get(backend.role, "neither Airflow's nor ours")
    lines = fact("role", f"{backend.role}: {role}", width)
    lines += fact("user", backend.user, width)
    lines += fact("application", backend.application, width)
    lines += fact("from", backend.address, width)
    idle = backend.state.startswith("idle in transaction") and backend.role != "migration-lock"
    lines += fact("state", f"{'▲ ' if idle else ''}{backend.state}", width, "careful" if idle else "text")
    waits = f"{backend.wait_type} {backend.wait}".strip()
    lines += fact("waits for", waits, width)
    for name, moment in (
        ("connected", backend.backend_start),
        ("transaction", backend.xact_start),
        ("statement", backend.query_start),
    ):
        lines += fact(name, f"since {hms(moment)}, {age(seconds_between(moment, now))}" if moment else "", width)
    return lines


def _waits(pid: int, waiters: dict[int, Waiter], backends: dict[int, Backend], now: datetime, width: int) -> list[Line]:
    """The chain from this session up to the root; those met twice, in a deadlock's cycle, end it."""
    if pid not in waiters:
        return [*heading("Waits for"), line(("  nobody", "text"))]
    lines, seen, level, at = heading("Waits for", "up to the root"), {pid}, 1, [pid]
    while at and level < 20:
        above = [blocker for each in at if each in waiters for blocker in waiters[each].blockers if blocker not in seen]
        for blocker in dict.fromkeys(above):
            seen.add(blocker)
            root = blocker not in waiters
            word = "root: waits for nobody" if root else _waited(waiters[blocker], now)
            lines += text(
                f"{blocker} {_name(backends.get(blocker))}, {word}",
                width,
                "bad" if root else "careful",
                lead="  " * level + ("✖ " if root else "◌ "),
            )
            query = backends[blocker].query if blocker in backends else ""
            lines += text(query, width, "dim", lead="  " * level + "    ") if query else []
        at, level = list(dict.fromkeys(above)), level + 1
    own = waiters[pid]
    return [*lines[:2], *text(f"this one {_waited(own, now)}", width, "careful", lead="  ◌ "), *lines[2:]]


def _waited(waiter: Waiter, now: datetime) -> str:
    mode = waiter.mode.removesuffix("Lock")
    since = f" for {age(seconds_between(waiter.since, now))}" if waiter.since else ""
    what = " on ".join(each for each in (mode, waiter.relation) if each)
    return f"waits{since}{f' for {what}' if what else ''}"


def _name(backend: Backend | None) -> str:
    if backend is None:
        return "(not listed)"
    name = " ".join(dict.fromkeys(each for each in (backend.user, backend.application) if each))
    return f"{backend.role} {name}".strip()


def _behind(
    pid: int, waiters: dict[int, Waiter], backends: dict[int, Backend], now: datetime, width: int
) -> list[Line]:
    """All who wait for this session, through others too."""
    direct = [each for each in waiters.values() if pid in each.blockers]
    seen = {each.pid for each in direct} | {pid}
    through: list[Waiter] = []
    at: Iterable[Waiter] = direct
    while at:
        front = {each.pid for each in at}
        at = [each for each in waiters.values() if each.pid not in seen and front & set(each.blockers)]
        seen |= {each.pid for each in at}
        through += at
    if not direct:
        return [*heading("Waited for by"), line(("  nobody", "text"))]
    more = f", {len(through)} more behind them" if through else ""
    lines = heading("Waited for by", f"{plural(len(direct), 'session')}{more}")
    for each in [*direct, *through][:LISTED]:
        lead = "  ◌ " if each in direct else "    ◌ "
        lines += text(f"{each.pid} {_name(backends.get(each.pid))} {_waited(each, now)}", width, lead=lead)
    left = len(direct) + len(through) - LISTED
    return lines + ([line((f"    and {left} more", "dim"))] if left > 0 else [])


def _locks(pid: int, reading: DatabaseReading, width: int) -> list[Line]:
    held = [each for each in reading.locks if each.pid == pid]
    if not held:
        return [*heading("Holds"), line(("  no strong lock that the reading lists", "dim"))]
    lines = heading("Holds", plural(len(held), "strong lock"))
    for each in held[:LISTED]:
        lines += text(f"{each.mode} {each.relation}", width)
    return lines + ([line((f"  and {len(held) - LISTED} more", "dim"))] if len(held) > LISTED else [])
