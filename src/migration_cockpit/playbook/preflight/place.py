"""Where the looks of a check happen: settings, connections, and a site for reads of the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.findings import Finding


@dataclass(frozen=True)
class Place:
    """What every look gets. `sessions` is where the sessions and with them the dumps are kept."""

    settings: Settings
    connections: Connections
    sessions: Path

    @property
    def database(self) -> Site:
        """For the read-only queries that the steps share."""
        return Site(self.settings, "check", self.connections)


Look = Callable[[Place], Awaitable[Sequence[Finding]]]
"""Tries one thing or a few that belong together; what it raises becomes a finding."""
