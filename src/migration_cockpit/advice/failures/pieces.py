"""The texts in State that can show a known failure: events, pods, sources, failed operations, checks that fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from migration_cockpit.session.state import State

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
        if step.id not in open_steps:
            continue
        if step.outcome in {"failed", "aborted"}:
            yield from _lines("operation", f"step {step.id}", step.why)
        for check in step.checks:
            if not (check.holds and check.known):
                yield from _lines("check", f"check {check.name}", check.found)


def _cluster(state: State) -> Iterator[Piece]:
    if state.pods is None:
        return
    for warning in state.pods.warnings:
        kind, _, name = warning.object.partition("/")
        of = name if kind == "pod" else ""
        yield Piece("event", f"event of {warning.object}", f"{warning.reason}: {warning.message}", of)
    for pod in state.pods.pods:
        if pod.phase not in WELL or pod.reason:
            yield Piece("pod", f"pod {pod.name}", f"{pod.component} {pod.phase} {pod.reason}".strip(), pod.name)


def _lines(kind: str, where: str, text: str) -> Iterator[Piece]:
    for line in text.splitlines():
        if line.strip():
            yield Piece(kind, where, line)
