"""Events of the database migration itself."""

from __future__ import annotations

from typing import ClassVar

from migration_cockpit.session.events.base import Event
from migration_cockpit.session.migration import Chains, Measured


class MigrationMeasured(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Sizes of the tables that the migration rewrites, taken before its Job began."""

    kind: ClassVar[str] = "migration.measured"
    measured: Measured


class ChainTold(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The revisions of a target version that is not shipped, told by its image before the migration's Job was made."""

    kind: ClassVar[str] = "migration.chain"
    version: str
    """The target's."""
    chains: Chains
