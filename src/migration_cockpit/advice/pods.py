"""How a pod does, seen by what the playbook expects of it at this moment."""

from __future__ import annotations

from migration_cockpit.session.readings import Pod
from migration_cockpit.session.state import State

_BAD = ("Error", "CrashLoop", "ErrImage", "ImagePull", "OOMKilled", "Evicted", "CreateContainer", "InvalidImage")

MIGRATIONS = frozenset({"airflow-db-migrate", "run-airflow-migrations", "migration"})
"""Components of pods that migrate the database, ours and the chart's: they serve nothing when they are ready."""


def waits_as_expected(pod: Pod, state: State) -> bool:
    """Whether a pod of the target version may wait in Init: the migration is still to come."""
    if state.session is None or pod.version != state.session.target_version or not pod.phase.startswith("Init"):
        return False
    migrate = state.steps.get("migrate")
    return migrate is not None and not migrate.passed


def told_phase(pod: Pod) -> str:
    """Its phase with what it does not say: why it waits; how it had ended before, where it runs again."""
    more = pod.reason or (f"was {pod.last_end}" if pod.phase == "Running" and pod.last_end else "")
    return f"{pod.phase} {more}" if more and more not in pod.phase else pod.phase


def status(pod: Pod, state: State) -> tuple[str, str]:
    """Glyph and kind of a pod: kind is a tone, or `waiting`."""
    if waits_as_expected(pod, state):
        return "◌", "waiting"
    text = f"{pod.phase} {pod.reason}"
    if any(word in text for word in _BAD):
        return "✖", "bad"
    if pod.phase in {"Completed", "Succeeded"}:
        return "·", "dim"
    if pod.phase == "Running" and pod.ready == pod.containers:
        return ("▶", "bold") if pod.component in MIGRATIONS else ("✔", "text")
    return "▲", "careful"
