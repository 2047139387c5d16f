"""What Airflow was like before: its DAG count and scheduler metrics, taken once, before anything is paused."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from migration_cockpit.actions import database
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import site_of
from migration_cockpit.session import events as ev

STEP_SECONDS = 30


async def take(flight: Flight) -> ev.BaselineTaken:
    """Take the baseline unless the session has one. Raises WorldError when the database cannot be read.

    Metrics that cannot be read are left out, and that is said: they are for comparing, nothing rests on them before
    the soak.
    """
    if flight.state.baseline is not None:
        return flight.state.baseline
    dags = await database.dags(site_of(flight))
    values = await _metrics(flight)
    taken = ev.BaselineTaken(values=values, dags=len(dags))
    flight.record(taken)
    return taken


async def _metrics(flight: Flight) -> dict[str, float]:
    grafana = flight.settings.grafana
    if grafana is None:
        return {}
    values: dict[str, float] = {}
    try:
        prometheus = await flight.connections.prometheus()
    except WorldError as error:
        flight.say(f"no metrics from before: {error}", level="careful")
        return values
    minutes = grafana.baseline_minutes
    for name, query in msgspec.structs.asdict(grafana.queries).items():
        value = await _average(flight, prometheus, query, minutes)
        if value is None:
            flight.say(f"metric {name} has no value from before: it cannot be compared later", level="careful")
        else:
            values[name] = value
    return values


async def _average(flight: Flight, prometheus: Any, query: str, minutes: float) -> float | None:
    """Mean over the last minutes; None when there is no data or no answer."""
    end = flight.clock.now()
    parameters = {
        "query": query,
        "start_time": end.fromtimestamp(end.timestamp() - minutes * 60, end.tzinfo),
        "end_time": end,
        "step": str(STEP_SECONDS if minutes >= 5 else 1),
    }
    try:
        series = await in_thread(lambda: prometheus.custom_query_range(**parameters))
    except Exception as error:  # noqa: BLE001  # the client raises its own and its libraries' errors: a line says which
        flight.say(f"Grafana: {' '.join(str(error).split())[:200]}", level="careful")
        return None
    numbers = [float(value) for each in series for _, value in each.get("values", [])]
    numbers = [number for number in numbers if math.isfinite(number)]
    return sum(numbers) / len(numbers) if numbers else None
