"""Reading the world: one file per source. A source yields readings and never writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from migration_cockpit.connections import Connections
from migration_cockpit.session.events import RecoveryMarked
from migration_cockpit.sources.cost import CostSource
from migration_cockpit.sources.credentials import CredentialsSource
from migration_cockpit.sources.database import DatabaseSource
from migration_cockpit.sources.health import HealthSource
from migration_cockpit.sources.loop import Emit, Source
from migration_cockpit.sources.metrics import MetricsSource
from migration_cockpit.sources.pods import PodsSource
from migration_cockpit.sources.storage import StorageSource
from migration_cockpit.sources.tasks import TasksSource

__all__ = ["Emit", "Source", "all_sources"]


def _never() -> datetime | None:
    return None


def _unmarked() -> RecoveryMarked | None:
    return None


def all_sources(
    connections: Connections,
    cutover: Callable[[], datetime | None] = _never,
    marked: Callable[[], RecoveryMarked | None] = _unmarked,
) -> list[Source]:
    """The sources that the settings configure.

    `cutover` says since when failed tasks count, `marked` from which recovery point a rollback's loss is counted; None
    for not yet.
    """
    settings = connections.settings
    sources: list[Source] = [
        PodsSource(connections),
        DatabaseSource(connections),
        TasksSource(connections, cutover),
        HealthSource(connections),
        CostSource(connections, marked),
    ]
    if settings.rds is not None:
        sources.append(StorageSource(connections, settings.rds.instance))
    if settings.grafana is not None:
        sources.append(MetricsSource(connections))
    return [*sources, CredentialsSource(connections)]
