"""How the statsd exporter of the official chart names Airflow's metrics.

The chart mounts a ``mappings.yml`` (files/statsd-mappings.yml of apache/airflow's chart) that turns a part of some
dotted names into labels. Everything else becomes a Prometheus name by replacing what such a name may not contain.
The first rule that matches wins; a ``*`` stands for exactly one component, an expression is searched anywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rule:
    """Names that match ``pattern`` become ``name`` with ``labels`` (``$1`` is what the first group matched)."""

    pattern: re.Pattern[str]
    name: str
    labels: dict[str, str] = field(default_factory=dict)


def _glob(match: str, name: str, *labels: str) -> Rule:
    parts = [r"([^.]*)" if part == "*" else re.escape(part) for part in match.split(".")]
    pattern = re.compile("^" + r"\.".join(parts) + "$")
    return Rule(pattern, name, {label: f"${number}" for number, label in enumerate(labels, 1)})


RULES = (
    _glob("airflow.dagrun.dependency-check.*.*", "airflow_dagrun_dependency_check", "dag_id"),
    Rule(re.compile(r"airflow.operator_successes_(.*)"), "airflow_operator_successes", {"operator": "$1"}),
    Rule(re.compile(r"airflow.operator_failures_(.*)"), "airflow_operator_failures", {"operator": "$1"}),
    Rule(re.compile(r"airflow.scheduler_heartbeat"), "airflow_scheduler_heartbeat", {"type": "counter"}),
    _glob("airflow.dag.*.*.duration", "airflow_task_duration", "dag_id", "task_id"),
    _glob("airflow.dagrun.duration.success.*", "airflow_dagrun_duration", "dag_id"),
    # The duration of failed runs, not their number, whatever the name suggests.
    _glob("airflow.dagrun.duration.failed.*", "airflow_dagrun_failed", "dag_id"),
    _glob("airflow.dagrun.schedule_delay.*", "airflow_dagrun_schedule_delay", "dag_id"),
    _glob("airflow.dag_processing.last_runtime.*", "airflow_dag_processing_last_runtime", "dag_file"),
    _glob("airflow.dag_processing.last_run.seconds_ago.*", "airflow_dag_processing_last_run_seconds_ago", "dag_file"),
    _glob("airflow.pool.open_slots.*", "airflow_pool_open_slots", "pool"),
    _glob("airflow.pool.used_slots.*", "airflow_pool_used_slots", "pool"),
    _glob("airflow.pool.starving_tasks.*", "airflow_pool_starving_tasks", "pool"),
    _glob("airflow.executor.open_slots.*", "airflow_executor_open_slots", "executor"),
    _glob("airflow.executor.queued_tasks.*", "airflow_executor_queued_tasks", "executor"),
    _glob("airflow.executor.running_tasks.*", "airflow_executor_running_tasks", "executor"),
)

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_:]")


def prometheus_name(name: str) -> tuple[str, dict[str, str]]:
    """Return the Prometheus name and labels of a statsd name."""
    for rule in RULES:
        found = rule.pattern.search(name)
        if found:
            labels = {
                label: value if value[0] != "$" else found[int(value[1:])] for label, value in rule.labels.items()
            }
            return rule.name, labels
    escaped = _FORBIDDEN.sub("_", name)
    return ("_" + escaped if escaped[:1].isdigit() else escaped), {}
