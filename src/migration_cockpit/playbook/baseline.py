"""What Airflow was like before: its DAG count and scheduler metrics, taken once, before anything is paused."""

from __future__ import annotations

from migration_cockpit.actions import database
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import averages
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import site_of
from migration_cockpit.session import events as ev


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
    try:
        found = await averages.read(flight.connections)
    except WorldError as error:
        flight.say(f"no metrics from before: {error}", level="careful")
        return {}
    for name, why in found.missing.items():
        flight.say(f"metric {name} has no value from before ({why}): it cannot be compared later", level="careful")
    return found.means
