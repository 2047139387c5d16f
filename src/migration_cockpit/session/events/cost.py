"""Events of what a way back costs: marks at a recovery point, what came since, and how long it would take."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from migration_cockpit.session.cost import CostReading, Marks
from migration_cockpit.session.events.base import Event


class RecoveryMarked(Event, frozen=True, kw_only=True, omit_defaults=True):
    """How far the tables were at a recovery point: highest keys, counts, and hashes of connections and variables."""

    kind: ClassVar[str] = "recovery.marked"
    point: str
    at: datetime
    marks: Marks


class CostRead(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Reading of the cost source."""

    kind: ClassVar[str] = "read.cost"
    durable: ClassVar[bool] = False
    reading: CostReading


class CostCounted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What came since a recovery point that was chosen in the dialog and is not the one counted all the time."""

    kind: ClassVar[str] = "rollback.counted"
    durable: ClassVar[bool] = False
    reading: CostReading


class WayBackExpected(Event, frozen=True, kw_only=True, omit_defaults=True):
    """How long the way back would take now, when that changed."""

    kind: ClassVar[str] = "rollback.expected"
    durable: ClassVar[bool] = False
    way: str
    seconds: float
    basis: str
    """What it rests on, in words."""


class SecondPersonAsked(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A rollback waits for a second person: the code is shown to those who watch, and typed by the one who flies."""

    kind: ClassVar[str] = "rollback.second_person"
    operator: str
    code: str
