"""Airflow's own word on its health and version, over HTTP."""

from __future__ import annotations

from migration_cockpit.connections import Connections
from migration_cockpit.session.events import HealthRead
from migration_cockpit.sources.loop import Emit, Teller, explain, poll


class HealthSource:
    """Asks the health endpoint at `cadence.health`."""

    name = "health"

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def run(self, emit: Emit) -> None:
        """Read until cancelled."""
        cadence, clock = self._connections.settings.cadence, self._connections.clock
        teller = Teller(self.name, HealthRead, emit, clock, heartbeat=cadence.heartbeat)
        await poll(teller, self._connections.airflow.health, clock, every=cadence.health, why=explain)
