"""The scheduler's metrics through Grafana's datasource proxy."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_cockpit.connections import Connections
from migration_cockpit.connections.errors import WorldError, one_line
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.events import MetricsRead
from migration_cockpit.session.readings import Metric, MetricsReading
from migration_cockpit.sources.loop import Emit, Teller, explain, poll

UNITS = {"loop_duration": "s", "queued_tasks": "", "open_slots": "", "parse_time": "s"}
"""The metrics by the name of their query in the config, with their units.

Airflow sends the loop's duration in milliseconds; the chart's statsd exporter makes seconds of every timer.
"""
POINTS = 60
REFUSED = "Status Code 401"
STEPS = 3
"""A point every so many readings: thirty minutes at the ten seconds of the default cadence."""


class MetricsSource:
    """Asks the four queries at `cadence.metrics`."""

    name = "metrics"

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def run(self, emit: Emit) -> None:
        """Read until cancelled."""
        cadence, clock = self._connections.settings.cadence, self._connections.clock
        teller = Teller(self.name, MetricsRead, emit, clock, heartbeat=cadence.heartbeat)
        await poll(teller, self.read, clock, every=cadence.metrics, why=self._why)

    async def read(self) -> MetricsReading:
        """One reading. Raises Unreachable, or what prometheus-api-client and requests raise."""
        settings = self._connections.settings
        assert settings.grafana is not None  # all_sources leaves this source out otherwise
        prometheus = await self._connections.prometheus()
        step = settings.cadence.metrics * STEPS
        end = self._connections.clock.now()
        try:
            found = await in_thread(_ask, prometheus, settings.grafana.queries, end, step)
        except Exception as error:
            if REFUSED in one_line(error):
                self._connections.forget_secrets()  # the token may have been renewed since it was read
            raise
        return MetricsReading(metrics=tuple(found))

    def _why(self, error: Exception) -> str:
        if isinstance(error, WorldError | TimeoutError):
            return explain(error)
        return why(error)


def why(error: Exception) -> str:
    """A failure of Grafana or Prometheus: two families of exceptions say the same few things."""
    text = one_line(error)
    for sign, words in (
        (REFUSED, "Grafana refuses the token (401): check grafana.token"),
        ("Status Code 403", "Grafana's token may not query this datasource (403)"),
        ("Status Code 404", "Grafana knows no such datasource (404): check grafana.datasource_uid"),
        ("Status Code 502", "Grafana cannot reach Prometheus (502)"),
        ("Connection refused", "Grafana refuses connections"),
        ("timed out", "Grafana does not answer in time"),
        ("Name or service not known", "Grafana's host name does not resolve"),
    ):
        if sign in text:
            return words
    return f"Grafana: {text[:200]}"


def _ask(prometheus: Any, queries: Any, end: datetime, step: float) -> list[Metric]:
    """The four queries one after another: the first that fails ends the reading, they share their cause."""
    start = end - timedelta(seconds=step * POINTS)
    metrics = []
    for name, unit in UNITS.items():
        query = getattr(queries, name)
        result = prometheus.custom_query_range(query, start_time=start, end_time=end, step=f"{step:g}")
        metrics.append(_metric(name, unit, query, result, end, step))
    return metrics


def _metric(name: str, unit: str, query: str, result: list[dict[str, Any]], end: datetime, step: float) -> Metric:
    """One metric. Its value is None when the newest sample is missing or NaN: a summary without samples is NaN."""
    # A query that yields several series is summed up by its author; of several left over the first counts.
    samples = [(float(at), float(value)) for at, value in result[0]["values"]] if result else []
    points = tuple(_short(value) for _, value in samples if math.isfinite(value))
    value: float | None = None
    measured: datetime | None = None
    if samples:
        measured = datetime.fromtimestamp(samples[-1][0], UTC)
        fresh = (end - measured).total_seconds() < 1.5 * step
        value = _short(samples[-1][1]) if fresh and math.isfinite(samples[-1][1]) else None
    return Metric(name=name, query=query, unit=unit, value=value, points=points, measured=measured)


def _short(value: float) -> float:
    """Four significant digits: what a chart shows, at a third of the journal's bytes."""
    return float(f"{value:.4g}")
