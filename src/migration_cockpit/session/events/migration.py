"""Events of the database migration itself."""

from __future__ import annotations

from typing import ClassVar

from migration_cockpit.session.events.base import Event
from migration_cockpit.session.migration import Measured


class MigrationMeasured(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Sizes of the tables that the migration rewrites, taken before its Job began."""

    kind: ClassVar[str] = "migration.measured"
    measured: Measured
