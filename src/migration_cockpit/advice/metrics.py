"""Scheduler metrics against their value before the migration; slower than +20 % is the playbook's regression."""

from __future__ import annotations

from collections.abc import Mapping

from migration_cockpit.session.readings import Metric
from migration_cockpit.session.state import State
from migration_cockpit.session.words import difference, percent

COMPARED = frozenset({"loop_duration", "parse_time"})
"""Metrics of which more is worse. Queued tasks and open slots follow the load, not the version: they are shown only."""
LEAST, MOST = 0.01, 1000.0
"""A change is said in percent of a duration that was so many seconds at least, and up to so many percent: a share of
next to nothing is large and says nothing."""
RULE = (
    "Durations are compared in percent; counts, a duration under 10 ms before and changes of 1000 % and more by the "
    "difference itself."
)
"""How `change` says it, for the help."""


def change_percent(value: float | None, baseline: float | None) -> float | None:
    """By how many percent a value differs from its baseline; None when either is missing or the baseline is zero."""
    if value is None or not baseline:
        return None
    return (value - baseline) / baseline * 100.0


def change(name: str, value: float | None, baseline: float | None, unit: str = "") -> str:
    """By how much a metric differs from its baseline, as RULE has it: `+34 %`, `+118`, `+2.4 s`; empty when either is
    missing."""
    if value is None or baseline is None:
        return ""
    share = change_percent(value, baseline)
    if name in COMPARED and share is not None and baseline >= LEAST and share < MOST:
        return percent(share)
    return difference(value - baseline, unit)


def settled(metric: Metric) -> float | None:
    """The median of the newest third of a metric's course: one slow loop is not a regression. None without data."""
    if metric.value is None:
        return None
    recent = sorted(metric.points[-max(1, len(metric.points) // 3) :]) or [metric.value]
    return recent[len(recent) // 2]


def regressions(
    values: Mapping[str, float | None], baseline: Mapping[str, float], most: float
) -> tuple[list[str], list[str]]:
    """The compared metrics that are worse by more than `most` percent, in words; the names of those without data."""
    worse: list[str] = []
    unknown: list[str] = []
    for name, value in values.items():
        if name not in COMPARED or name not in baseline:
            continue
        if value is None:
            unknown.append(name)
            continue
        share = change_percent(value, baseline[name])
        if share is not None and share > most:
            worse.append(f"{name} {change(name, value, baseline[name], 's')}")
    return worse, unknown


def silence_expected(state: State) -> bool:
    """Whether nothing schedules, from step 4 to 6: the old version is stopped, no scheduler of the new one is ready."""
    helm, healthy = state.steps.get("helm"), state.steps.get("healthy")
    if helm is None or healthy is None or helm.started is None or healthy.passed:
        return False
    target = state.session.target_version if state.session else ""
    pods = state.pods.pods if state.pods else ()
    return not any(
        pod.component == "scheduler"
        and pod.version == target
        and pod.phase == "Running"
        and pod.ready == pod.containers
        for pod in pods
    )
