"""Scheduler metrics over some minutes, by the queries of the config."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from migration_cockpit.connections import Connections
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.sources.metrics import why

STEP_SECONDS = 30
LONG = timedelta(minutes=5)
"""A shorter course has a point every second."""


@dataclass(frozen=True)
class Courses:
    """The courses of the metrics that had any data, by the names of their queries, and why others had none."""

    points: dict[str, tuple[float, ...]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def means(self) -> dict[str, float]:
        """The mean of each."""
        return {name: sum(points) / len(points) for name, points in self.points.items()}


async def read(connections: Connections, since: datetime | None = None) -> Courses:
    """The last `grafana.baseline_minutes`, nothing of before `since`. Raises Unreachable when there is no Grafana."""
    grafana = connections.settings.grafana
    if grafana is None:
        return Courses()
    prometheus = await connections.prometheus()
    end = connections.clock.now()
    start = end - timedelta(minutes=grafana.baseline_minutes)
    start = start if since is None else max(start, min(since, end))
    window = {"start_time": start, "end_time": end, "step": str(STEP_SECONDS if end - start >= LONG else 1)}
    found = Courses()
    for name, query in msgspec.structs.asdict(grafana.queries).items():
        try:
            series = await in_thread(partial(prometheus.custom_query_range, query, **window))
        except Exception as error:  # noqa: BLE001  # the client raises its own and its libraries' errors: said for each
            found.missing[name] = why(error)
            continue
        if points := _points(series):
            found.points[name] = points
        else:
            found.missing[name] = "no data"
    return found


def _points(series: list[dict[str, Any]]) -> tuple[float, ...]:
    numbers = (float(value) for each in series for _, value in each.get("values", []))
    return tuple(number for number in numbers if math.isfinite(number))
