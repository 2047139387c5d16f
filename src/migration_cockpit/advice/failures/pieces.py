"""The texts in State that can show a known failure: events, pods, sources, failed operations, checks that fail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from migration_cockpit.session.readings import Pod
from migration_cockpit.session.state import State

EVENT_FOR = timedelta(minutes=10)
"""How long after its last time an event tells of now: what goes on repeats itself within that."""
WELL = frozenset({"Running", "Completed", "Succeeded", "Pending", "Terminating"})


class Piece(NamedTuple):
    """A text, what kind it is, and where it stands."""

    kind: str
    where: str
    text: str
    pod: str = ""
    """The pod that it is of, for the mend."""


def pieces(state: State) -> Iterator[Piece]:
    """Every text of State as it stands now, in lines."""
    yield from _cluster(state)
    for name, source in state.sources.items():
        if source.failing_since is not None and source.why:
            yield Piece("source", f"source {name}", source.why)
    open_steps = {step.id for step in state.steps.values() if not step.passed}
    for operation in state.operations.values():
        if operation.outcome == "failed" and operation.step in open_steps:
            yield from _lines("operation", f"operation {operation.operation}", operation.detail)
    for step in state.steps.values():
        if step.outcome not in {"failed", "aborted"}:
            continue  # while it runs a check that does not hold yet is what is waited for
        yield from _lines("operation", f"step {step.id}", step.why)
        for check in step.checks:
            if not (check.holds and check.known):
                yield from _lines("check", f"check {check.name}", f"{check.name}: {check.found}")


def _cluster(state: State) -> Iterator[Piece]:
    if state.pods is None:
        return
    pods = {pod.name: pod for pod in state.pods.pods}
    for warning in state.pods.warnings:
        kind, _, name = warning.object.partition("/")
        of = name if kind == "pod" else ""
        # The cluster keeps an event for an hour, long after its pod is mended or replaced.
        mended = of and (of not in pods or well(pods[of]))
        old = state.t is not None and state.t - warning.last > EVENT_FOR
        if not (mended or old):
            yield Piece("event", f"event of {warning.object}", f"{warning.reason}: {warning.message}", of)
    for pod in current(state):
        if pod.phase not in WELL or pod.reason:
            yield Piece("pod", f"pod {pod.name}", f"{pod.component} {pod.phase} {pod.reason}".strip(), pod.name)


def well(pod: Pod) -> bool:
    """Whether all its containers are ready."""
    return pod.phase == "Running" and pod.ready >= pod.containers


def current(state: State) -> Iterator[Pod]:
    """The pods that matter now: what is left of an earlier attempt's migration, or of one that is through, does not."""
    job = state.fact("migrate", "job")
    name = str(job.get("name", "")) if isinstance(job, dict) else ""
    migrate = state.steps.get("migrate")
    through = migrate is not None and migrate.passed
    for pod in state.pods.pods if state.pods else ():
        if "migrat" not in pod.component or not (through or (name and not pod.name.startswith(name))):
            yield pod


def _lines(kind: str, where: str, text: str) -> Iterator[Piece]:
    for line in text.splitlines():
        if line.strip():
            yield Piece(kind, where, line)
