"""The whole playbook on paper: every step with its gates, exact commands and verification, without any connection."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from migration_cockpit.config import Settings
from migration_cockpit.playbook.step import Step
from migration_cockpit.playbook.steps import STEPS

WIDTH = 118
SESSION = "<session>"
"""Stands for the session's name, which is given when it starts."""


def plan_text(settings: Settings, steps: Sequence[Step] = STEPS) -> str:
    """The plan as text."""
    deployment, kubernetes = settings.deployment, settings.kubernetes
    mark = "PRODUCTION " if deployment.production else ""
    head = [
        f"{mark}{deployment.name}: Airflow {deployment.source_version} → {deployment.target_version}",
        f"release {kubernetes.release} in {kubernetes.context}/{kubernetes.namespace}",
        f"window {settings.schedule.announce:%Y-%m-%d %H:%M} to {settings.schedule.window_end:%H:%M} UTC",
        "<words in angle brackets> are known only in the flight",
    ]
    parts = [_step(number, step, settings) for number, step in enumerate(steps, start=1)]
    return "\n".join(head) + "\n\n" + "\n\n".join(parts)


def _step(number: int, step: Step, settings: Settings) -> str:
    planned = settings.schedule.planned(step.id)
    lines = [
        f"{number}. {step.title}  (key {step.key}, {planned:%H:%M} UTC, about {duration(step.expected(settings))})"
    ]
    lines += _wrapped("   ", [step.purpose])
    gates = [gate.asks for gate in step.gates(settings)]
    if number > 1:
        gates.insert(0, "the steps before it are verified")
    lines += _section("gates", gates)
    for operation in step.operations(settings, SESSION):
        for command in operation.describe():
            what = f"  # {command.what}" if command.what else ""
            lines += ["   $ " + command.text.replace("\n", "\n     ") + what]
    lines += _section("verified when", step.verification(settings))
    lines += _section("undone by", [step.undo])
    lines += _section("not as in the source playbook", [step.differs] if step.differs else [])
    return "\n".join(lines)


def _section(title: str, items: Sequence[str]) -> list[str]:
    return [f"   {title}:", *_wrapped("     - ", items)] if items else []


def _wrapped(indent: str, items: Iterable[str]) -> list[str]:
    blank = " " * len(indent)
    return [
        line for item in items for line in textwrap.wrap(item, WIDTH, initial_indent=indent, subsequent_indent=blank)
    ]


def duration(seconds: float) -> str:
    """A duration in the unit a person would use: 40 s, 30 min, 2 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h".replace(".0 h", " h")
