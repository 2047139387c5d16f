"""Events of the sources: what they read, and why they could not."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from migration_cockpit.session.events.base import Event
from migration_cockpit.session.readings import (
    DatabaseReading,
    HealthReading,
    MetricsReading,
    PodsReading,
    StorageReading,
    TasksReading,
)


class PodsRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the pods source."""

    kind: ClassVar[str] = "read.pods"
    durable: ClassVar[bool] = False
    reading: PodsReading


class TasksRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the tasks source."""

    kind: ClassVar[str] = "read.tasks"
    durable: ClassVar[bool] = False
    reading: TasksReading


class DatabaseRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the database source."""

    kind: ClassVar[str] = "read.database"
    durable: ClassVar[bool] = False
    reading: DatabaseReading


class StorageRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the storage source."""

    kind: ClassVar[str] = "read.storage"
    durable: ClassVar[bool] = False
    reading: StorageReading


class MetricsRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the metrics source."""

    kind: ClassVar[str] = "read.metrics"
    durable: ClassVar[bool] = False
    reading: MetricsReading


class HealthRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the health source."""

    kind: ClassVar[str] = "read.health"
    durable: ClassVar[bool] = False
    reading: HealthReading


class SourceBeat(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The source read again and found no change: "no change" and "no data" differ."""

    kind: ClassVar[str] = "source.beat"
    durable: ClassVar[bool] = False
    source: str


class SourceFailed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A source could not be read. Written when it begins to fail and when the reason changes."""

    kind: ClassVar[str] = "source.failed"
    durable: ClassVar[bool] = False
    source: str
    why: str


class SourceRecovered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A source that failed reads again."""

    kind: ClassVar[str] = "source.recovered"
    durable: ClassVar[bool] = False
    source: str


class CredentialsExpire(Event, frozen=True, kw_only=True, omit_defaults=True):
    """When a credential that the flight needs ends."""

    kind: ClassVar[str] = "credentials.expire"
    durable: ClassVar[bool] = False
    name: str
    at: datetime


class Keyframe(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A whole State, so that seeking need not fold from the beginning."""

    kind: ClassVar[str] = "keyframe"
    durable: ClassVar[bool] = False
    by: str = ""
    """Which version wrote it and the shape of its State: only the same one goes on from it."""
    state: msgspec.Raw
