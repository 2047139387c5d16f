"""Events of the steps, their operations and decisions."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from migration_cockpit.session.events.base import Check, Command, Event


class SheetOpened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator opened a step's sheet; what it showed is part of the record."""

    kind: ClassVar[str] = "sheet.opened"
    step: str
    operator: str
    gates: tuple[Check, ...]
    commands: tuple[Command, ...]


class StepStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A step began, after its gates held or were overridden."""

    kind: ClassVar[str] = "step.started"
    step: str
    operator: str
    gates: tuple[Check, ...] = ()
    attempt: int = 1


class GateOverridden(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator went past gates that did not hold."""

    kind: ClassVar[str] = "gate.overridden"
    step: str
    operator: str
    reason: str
    gates: tuple[Check, ...]


class StepVerified(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What the verification of a step read from the world, each time that it changed."""

    kind: ClassVar[str] = "step.checked"
    step: str
    checks: tuple[Check, ...]


class StepEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A step is over. `outcome`: verified, overridden, skipped, failed or aborted."""

    kind: ClassVar[str] = "step.ended"
    step: str
    outcome: str
    operator: str
    why: str = ""
    """In one sentence; for anything but `verified` also what to do."""
    checks: tuple[Check, ...] = ()


class OperationIntended(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What is about to be done to the world. On disk before it is done."""

    kind: ClassVar[str] = "operation.intended"
    step: str
    operation: str
    key: str
    """Name derived from session and step, by which the world can be asked whether it happened."""
    commands: tuple[Command, ...]
    attempt: int = 1


class OperationEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What came of an operation: done, failed, or skipped because the world already was so."""

    kind: ClassVar[str] = "operation.ended"
    step: str
    operation: str
    key: str
    outcome: str
    """`done`, `failed` or `found` (the world shows it was done before)."""
    detail: str = ""
    exit_code: int | None = None
    """Of a program that failed by itself; None where it was ended from outside, is gone, or told none."""


class OperationObserved(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What `observe()` saw of an operation in flight when the last cockpit ended."""

    kind: ClassVar[str] = "operation.observed"
    step: str
    operation: str
    key: str
    found: str
    """`not started`, `running`, `done` or `failed`."""
    detail: str = ""


class StepFact(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A fact a step found and later steps need, such as replica counts before scaling to zero."""

    kind: ClassVar[str] = "step.fact"
    step: str
    name: str
    value: msgspec.Raw
    """JSON."""


class StepProgress(Event, frozen=True, kw_only=True, omit_defaults=True):
    """How far the running step is, in words and, where it can be counted, in numbers."""

    kind: ClassVar[str] = "step.progress"
    durable: ClassVar[bool] = False
    step: str
    text: str
    done: int = 0
    total: int = 0


class DecisionAsked(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A step waits for the operator.

    `choices` maps an answer to what it means; an answer in `reasoned` needs a typed reason.
    """

    kind: ClassVar[str] = "decision.asked"
    step: str
    decision: str
    question: str
    choices: dict[str, str]
    evidence: tuple[str, ...] = ()
    reasoned: tuple[str, ...] = ()


class DecisionMade(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The operator's answer."""

    kind: ClassVar[str] = "decision.made"
    step: str
    decision: str
    answer: str
    operator: str
    reason: str = ""
