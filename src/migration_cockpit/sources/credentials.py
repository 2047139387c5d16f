"""When the credentials of the flight end."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.connections import Connections
from migration_cockpit.session.events import CredentialsExpire
from migration_cockpit.sources.loop import Emit

EVERY = 60.0
"""Seconds between two looks: nobody renews a credential more often."""


class CredentialsSource:
    """Tells each credential's end when it is first known and when it changes. What cannot be read has no end here."""

    name = "credentials"

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def run(self, emit: Emit) -> None:
        """Look until cancelled."""
        told: dict[str, datetime] = {}
        while True:
            for name, at in (await self._connections.credentials()).items():
                if told.get(name) != at:
                    told[name] = at
                    emit(CredentialsExpire(name=name, at=at))
            await self._connections.clock.sleep(EVERY)
