"""How the sources do and what they said, as State holds it."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.session import events as ev
from migration_cockpit.session.state.base import Value

LOG_LINES = 400
"""Lines of the log that State keeps; the journal keeps all."""
TREND_POINTS = 180
"""Points of each trend that State keeps."""
PODS_LOOKED_AT = 4
"""Pods whose events and log State keeps, the newest that were looked at."""


LEFT_ALONE = "a migration runs: its tables are left alone until it ends"
"""Why the tasks are not read meanwhile: the cockpit's own doing, to stay out of the migration's way."""


class SourceState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How a source does: when it last read, and since when and why it fails."""

    read: datetime | None = None
    failing_since: datetime | None = None
    why: str = ""


class LogEntry(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the log pane."""

    t: datetime
    source: str
    text: str
    level: str = "info"


class PodLook(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What was read of a pod on demand."""

    asked: datetime | None = None
    """Since when it is being read; None when it is not."""
    read: datetime | None = None
    event: ev.PodLooked | None = None


class Trends(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Recent courses for the small charts; one point a reading."""

    running: tuple[float, ...] = ()
    queued: tuple[float, ...] = ()
    wal: tuple[float, ...] = ()
    """Bytes per second."""
    blocks: tuple[float, ...] = ()
    """Blocks read and written per second."""
    iops: tuple[float, ...] = ()
