"""The statsd exporter names and keeps what it gets as the chart's does."""

from __future__ import annotations

import math

import pytest

from migration_cockpit.rehearsal.metrics.mappings import prometheus_name
from migration_cockpit.rehearsal.metrics.statsd import Exporter


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def samples(exporter: Exporter) -> dict[str, float]:
    found = {}
    for metric in exporter.all():
        for name, labels, value in metric.samples():
            found[name + "".join(f",{label}={text}" for label, text in labels)] = value
    return found


@pytest.mark.parametrize(
    ("statsd", "name", "labels"),
    [
        ("airflow.scheduler.scheduler_loop_duration", "airflow_scheduler_scheduler_loop_duration", {}),
        ("airflow.scheduler_heartbeat", "airflow_scheduler_heartbeat", {"type": "counter"}),
        ("airflow.dag_processor_heartbeat", "airflow_dag_processor_heartbeat", {}),
        ("airflow.pool.open_slots", "airflow_pool_open_slots", {}),
        ("airflow.pool.open_slots.default_pool", "airflow_pool_open_slots", {"pool": "default_pool"}),
        ("airflow.pool.running_slots.default_pool", "airflow_pool_running_slots_default_pool", {}),
        ("airflow.dag.etl.load.duration", "airflow_task_duration", {"dag_id": "etl", "task_id": "load"}),
        ("airflow.dagrun.duration.failed.etl", "airflow_dagrun_failed", {"dag_id": "etl"}),
        ("airflow.dagrun.dependency-check", "airflow_dagrun_dependency_check", {}),
        ("airflow.dagrun.dependency-check.etl", "airflow_dagrun_dependency_check_etl", {}),
        ("airflow.operator_failures_PythonOperator", "airflow_operator_failures", {"operator": "PythonOperator"}),
        (
            "airflow.dag_processing.last_duration.dags-folder.x",
            "airflow_dag_processing_last_duration_dags_folder_x",
            {},
        ),
    ],
)
def test_names(statsd: str, name: str, labels: dict[str, str]) -> None:
    assert prometheus_name(statsd) == (name, labels)


def test_types() -> None:
    exporter = Exporter(Clock())
    exporter.take(b"a:1|c\na:2|c|@0.5\nb:5|g\nb:+2|g\nb:-1|g\nd:250|ms\nd:750|ms")
    found = samples(exporter)
    assert found["a"] == 5.0
    assert found["b"] == 6.0
    assert found["d_sum"] == 1.0
    assert found["d_count"] == 2.0
    assert found["d,quantile=0.5"] == 0.25
    assert found["d,quantile=0.99"] == 0.75
    assert [exporter.kind(name) for name in ("a", "b", "d", "d_sum", "d_count")] == [
        "counter", "gauge", "summary", "counter", "counter",
    ]  # fmt: skip


def test_quantiles_are_of_the_last_ten_minutes_and_sums_of_ever() -> None:
    clock = Clock()
    exporter = Exporter(clock)
    exporter.take(b"d:1000|ms")
    clock.now += 300
    exporter.take(b"d:3000|ms")
    exporter.changed()
    clock.now += 301
    exporter.changed()
    assert samples(exporter)["d,quantile=0.5"] == 3.0
    clock.now += 300
    exporter.changed()
    assert math.isnan(samples(exporter)["d,quantile=0.5"])
    assert samples(exporter)["d_sum"] == 4.0


def test_what_is_no_statsd_line_and_a_name_with_another_type_are_dropped() -> None:
    exporter = Exporter(Clock())
    exporter.take(b"a:1|c\na:1|g\nnonsense\nb:x|c\n:1|c\nb:1|q\nb:1|c|@0")
    assert samples(exporter) == {"a": 1.0}
    assert exporter.dropped == 6


def test_only_what_changed_is_given() -> None:
    exporter = Exporter(Clock())
    exporter.take(b"a:1|c\nb:1|g")
    assert {metric.name for metric in exporter.changed()} == {"a", "b"}
    exporter.take(b"a:1|c")
    assert {metric.name for metric in exporter.changed()} == {"a"}
    assert exporter.changed() == []


def test_quantiles_can_look_back_less() -> None:
    clock = Clock()
    exporter = Exporter(clock, window=5)
    exporter.take(b"d:1000|ms")
    clock.now += 4
    exporter.take(b"d:3000|ms")
    exporter.changed()
    assert samples(exporter)["d,quantile=0.5"] == 1.0
    clock.now += 2
    assert [metric.name for metric in exporter.changed()] == ["d"]
    assert samples(exporter)["d,quantile=0.5"] == 3.0
