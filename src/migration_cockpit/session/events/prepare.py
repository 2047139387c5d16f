"""Events of the preparation: the prerequisites of migration day, as they were looked at."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from migration_cockpit.session.events.base import Event

PREPARE = "prepare"
"""Stands where a step's id stands in the events of the backup's test."""
BACKUP_TEST = "restore-in-scratch"
"""The name of that operation."""


class PrepareStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody began to look at the prerequisites."""

    kind: ClassVar[str] = "prepare.started"
    durable: ClassVar[bool] = False
    operator: str


class PrerequisiteSeen(Event, frozen=True, kw_only=True, omit_defaults=True):
    """How a prerequisite stands: what was found, and who answers for it."""

    kind: ClassVar[str] = "prepare.seen"
    durable: ClassVar[bool] = False
    id: str
    number: int
    title: str
    status: str
    """`holds`, `signed`, `fails`, `unknown` or `stale`."""
    evidence: str
    """What evidence alone says: `holds`, `fails` or `unknown`."""
    found: tuple[str, ...] = ()
    mend: str = ""
    evidence_at: datetime | None = None
    """When the evidence was made; absent where it was made by this look."""
    sign: str = ""
    """What a person who signs it says by that."""
    signable: bool = False
    """Whether a person's word would count as it stands."""
    signed_by: str = ""
    signed_at: datetime | None = None
    note: str = ""


class PrepareEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The prerequisites were looked at; `why` where they could not be."""

    kind: ClassVar[str] = "prepare.ended"
    durable: ClassVar[bool] = False
    ready: int
    total: int
    why: str = ""
    gave_way: bool = False
    """Whether it was broken off on purpose, for something that must not wait: no fault of anybody's."""
