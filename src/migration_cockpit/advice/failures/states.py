"""Known failures that no text tells: rules over State, by the names that the entries give them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from migration_cockpit.advice.failures.catalogue import catalogue
from migration_cockpit.advice.failures.entry import Match
from migration_cockpit.advice.failures.pieces import current
from migration_cockpit.session.readings import Backend, Pod, Waiter
from migration_cockpit.session.state import State

WAITED = 5.0
"""Seconds for which a migration waits for a lock before it counts: an autovacuum steps aside after one."""
PARSED_BY = 120.0
"""Seconds after healthy components by which the first DAGs are parsed: 30 took 20 s."""
SLOWER = 3.0
"""How many times the parse time before the migration is far longer."""
COLD = 300.0
"""Seconds after healthy components in which a slow parse is the first, cold one."""
NO_DATABASE = frozenset({"statsd", "redis", "pgbouncer", "flower"})
_FAB = re.compile(r"\bab_(user|role|permission|view_menu|register_user|group)\w*", re.IGNORECASE)


class Found(NamedTuple):
    """What a rule found: where, in words, and values for the mend."""

    where: str
    evidence: str
    values: Mapping[str, str] = {}


Rule = Callable[[State], Found | None]


def match_state(state: State) -> Iterator[Match]:
    """The failures whose rules hold now."""
    for failure in catalogue():
        for matcher in failure.entry.matches:
            if matcher.state and (found := RULES[matcher.state](state)):
                yield Match(failure, "state", found.where, found.evidence, found.values)
                break


def _passed(state: State, step: str) -> bool:
    found = state.steps.get(step)
    return found is not None and found.passed


def _running(state: State, *steps: str) -> bool:
    running = state.running_step
    return running is not None and running.id in steps


def _since(state: State, step: str) -> float:
    """Seconds since a step has passed; 0 while it has not."""
    found = state.steps.get(step)
    if found is None or not found.passed or found.ended is None or state.t is None:
        return 0.0
    return (state.t - found.ended).total_seconds()


# --- The database -----------------------------------------------------------------------------------------------------


def _version_empty(state: State) -> Found | None:
    database = state.database
    if database is None or not database.alembic_table or database.revisions or not database.server_version:
        return None
    return Found("database", "alembic_version is there and has no row")


def _blocker(state: State) -> tuple[Waiter, Backend] | None:
    """The migration's wait that has lasted, and the session at the root of it."""
    database = state.database
    if database is None or state.t is None:
        return None
    backends = {each.pid: each for each in database.backends}
    waiters = {each.pid: each for each in database.waiters}
    for waiter in database.waiters:
        waits = backends.get(waiter.pid)
        if waits is None or waits.role != "migration" or waiter.since is None:
            continue
        if (state.t - waiter.since).total_seconds() < WAITED:
            continue
        pid, seen = next(iter(waiter.blockers), 0), {waiter.pid}
        while pid in waiters and pid not in seen and waiters[pid].blockers:
            seen.add(pid)
            pid = waiters[pid].blockers[0]
        return waiter, backends.get(pid) or Backend(pid=pid)
    return None


def _blocked(state: State, waiter: Waiter, holder: Backend) -> Found:
    who = " ".join(part for part in (holder.user, holder.application, holder.address) if part) or "unknown"
    what = f"{waiter.mode} on {waiter.relation}" if waiter.relation else waiter.mode
    evidence = (
        f"pid {waiter.pid} waits for {what or 'a lock'}; pid {holder.pid} ({who}, {holder.state or 'state hidden'})"
    )
    evidence += f": {holder.query[:80]}" if holder.query else ""
    return Found("database", evidence, {"blocker": str(holder.pid), "blocker_who": who})


def _vacuums(backend: Backend) -> bool:
    return "to prevent wraparound" in backend.query


def _migration_blocked(state: State) -> Found | None:
    found = _blocker(state)
    if found is None or _vacuums(found[1]) or _FAB.search(found[1].query) or found[1].role == "migration-lock":
        return None
    return _blocked(state, *found)


def _blocked_by_fab(state: State) -> Found | None:
    found = _blocker(state)
    return _blocked(state, *found) if found and _FAB.search(found[1].query) else None


def _wraparound(state: State) -> Found | None:
    for backend in state.database.backends if state.database else ():
        if _vacuums(backend):
            return Found("database", f"pid {backend.pid}: {backend.query[:80]}", {"blocker": str(backend.pid)})
    return None


def _inactive_slot(state: State) -> Found | None:
    count = state.database.inactive_slots if state.database else 0
    return Found("database", f"{count} replication slots are inactive") if count else None


def _prepared(state: State) -> Found | None:
    count = state.database.prepared if state.database else 0
    return Found("database", f"{count} prepared transactions") if count else None


def _storage_full(state: State) -> Found | None:
    status = state.storage.status if state.storage else ""
    return Found("storage", f"the RDS instance is {status}") if status == "storage-full" else None


# --- Pods -------------------------------------------------------------------------------------------------------------


def _pods(state: State) -> tuple[Pod, ...]:
    return state.pods.pods if state.pods else ()


def _old_pods(state: State) -> Found | None:
    if not _running(state, "migrate") or "migrate/migration-job" not in state.operations:
        return None
    old = [
        pod.name
        for pod in _pods(state)
        if pod.database and pod.phase == "Running" and pod.version.startswith("2.") and pod.component not in NO_DATABASE
    ]
    return Found("pods", f"of 2.x and running: {', '.join(old[:4])}", {"pod": old[0]}) if old else None


def _loop(state: State) -> Found | None:
    migrating = [pod for pod in current(state) if "migrat" in pod.component]
    for pod in migrating:
        if pod.restarts:
            return Found(f"pod {pod.name}", f"{pod.restarts} restarts, {pod.phase}", {"pod": pod.name})
    failed = Counter(pod.name.rpartition("-")[0] for pod in migrating if pod.phase in {"Error", "Failed", "OOMKilled"})
    for job, count in failed.items():
        if count > 1:
            return Found(f"job {job}", f"{count} of its pods have failed", {"job": job})
    return None


def _chart_job(state: State) -> Found | None:
    if not _running(state, "helm", "migrate"):
        return None
    names = [pod.name for pod in _pods(state) if pod.component == "run-airflow-migrations"]
    return Found(f"pod {names[0]}", "the chart's own migration runs", {"pod": names[0]}) if names else None


def _no_dag_processor(state: State) -> Found | None:
    if not _passed(state, "migrate") or state.pods is None or not state.pods.workloads:
        return None
    wanted = sum(load.desired for load in state.pods.workloads if load.component == "dag-processor")
    return None if wanted else Found("pods", "no workload of component dag-processor wants a pod")


# --- DAGs -------------------------------------------------------------------------------------------------------------


def _not_parsed(state: State) -> Found | None:
    tasks = state.tasks
    if tasks is None or tasks.serialized or not tasks.total or _since(state, "healthy") < PARSED_BY:
        return None
    return Found("tasks", f"0 of {tasks.total} DAGs are serialized")


def _parse_time(state: State) -> Found | None:
    if state.baseline is None or state.metrics is None or _since(state, "healthy") < COLD:
        return None
    before = state.baseline.values.get("parse_time", 0.0)
    now = next((metric.value for metric in state.metrics.metrics if metric.name == "parse_time"), None)
    if not before or now is None or now < SLOWER * before:
        return None
    return Found("metrics", f"total parse time {now:.1f} s, {before:.1f} s before the migration")


RULES: Mapping[str, Rule] = {
    "alembic_version_empty": _version_empty,
    "migration_blocked": _migration_blocked,
    "blocked_by_fab": _blocked_by_fab,
    "wraparound_vacuum": _wraparound,
    "inactive_slot": _inactive_slot,
    "prepared_transactions": _prepared,
    "storage_full": _storage_full,
    "old_pods_write": _old_pods,
    "migration_in_a_loop": _loop,
    "chart_migrates_too": _chart_job,
    "no_dag_processor": _no_dag_processor,
    "dags_not_parsed": _not_parsed,
    "parse_time_grew": _parse_time,
}
"""By the name that `state` of a matcher gives."""
