"""The whole playbook on paper, and the ways back: gates, exact commands and verification, without any connection."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from migration_cockpit.config import Settings
from migration_cockpit.connections import secrets
from migration_cockpit.playbook.rollback import ways
from migration_cockpit.playbook.rollback.plan import Plan, PlannedStage
from migration_cockpit.playbook.step import Step
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.words import long

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
        f"window {settings.schedule.announce:%Y-%m-%d %H:%M} to {_window_end(settings)} UTC",
        "<words in angle brackets> are known only in the flight",
    ]
    parts = [_step(number, step, settings) for number, step in enumerate(steps, start=1)]
    shown: set[PlannedStage] = set()
    backs = [_way(plan, shown) for plan in ways.on_paper(settings, SESSION)]
    redactor = Redactor()
    redactor.register_all(secrets.in_settings(settings))
    return redactor.clean("\n".join(head) + "\n\n" + "\n\n".join([*parts, BACK, *backs]))


def _window_end(settings: Settings) -> str:
    """The time of day alone where it is the day of the beginning."""
    begin, end = settings.schedule.announce, settings.schedule.window_end
    return f"{end:%H:%M}" if end.date() == begin.date() else f"{end:%Y-%m-%d %H:%M}"


BACK = """The way back, chosen by what the world shows: nothing upgraded → abort; only the manifests → helm;
the schema moved → restore, dump or downgrade"""


def _way(plan: Plan, shown: set[PlannedStage]) -> str:
    """A way back; of a stage that stood above only its name."""
    lines = [f"way back: {plan.way.id}, {plan.way.title}  (about {long(plan.expected)})"]
    lines += _wrapped("   ", [plan.way.what])
    for number, stage in enumerate(plan.stages, start=1):
        lines += [f"   {number}. {stage.title}: as above"] if stage in shown else _stage(number, stage)
        shown.add(stage)
    return "\n".join(lines)


def _stage(number: int, stage: PlannedStage) -> list[str]:
    about = f"  (about {long(stage.expected)})" if stage.expected else ""
    return [f"   {number}. {stage.title}{about}", *_wrapped("      ", [stage.purpose]), *_commands("      ", stage)]


def _commands(indent: str, shown: PlannedStage) -> list[str]:
    return [
        f"{indent}$ " + command.text.replace("\n", f"\n{indent}  ") + (f"  # {command.what}" if command.what else "")
        for command in shown.commands
    ]


def _step(number: int, step: Step, settings: Settings) -> str:
    planned = settings.schedule.planned(step.id)
    lines = [f"{number}. {step.title}  (key {step.key}, {planned:%H:%M} UTC, about {long(step.expected(settings))})"]
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
