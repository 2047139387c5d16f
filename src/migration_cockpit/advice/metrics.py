"""Scheduler metrics against their value before the migration; slower than +20 % is the playbook's regression."""

from __future__ import annotations

from collections.abc import Mapping

from migration_cockpit.session.readings import Metric

COMPARED = frozenset({"loop_duration", "parse_time"})
"""Metrics of which more is worse. Queued tasks and open slots follow the load, not the version: they are shown only."""


def change_percent(value: float | None, baseline: float | None) -> float | None:
    """By how many percent a value differs from its baseline; None when either is missing or the baseline is zero."""
    if value is None or not baseline:
        return None
    return (value - baseline) / baseline * 100.0


def settled(metric: Metric) -> float | None:
    """The median of the newest third of a metric's course: one slow loop is not a regression. None without data."""
    if metric.value is None:
        return None
    recent = sorted(metric.points[-max(1, len(metric.points) // 3) :]) or [metric.value]
    return recent[len(recent) // 2]


def regressions(
    values: Mapping[str, float | None], baseline: Mapping[str, float], percent: float
) -> tuple[list[str], list[str]]:
    """The compared metrics that are worse by more than `percent`, in words, and the names of those without data."""
    worse: list[str] = []
    unknown: list[str] = []
    for name, value in values.items():
        if name not in COMPARED or name not in baseline:
            continue
        if value is None:
            unknown.append(name)
            continue
        change = change_percent(value, baseline[name])
        if change is not None and change > percent:
            worse.append(f"{name} {change:+.0f} %")
    return worse, unknown
