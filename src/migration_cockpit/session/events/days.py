"""Events of the days before and after the migration: what was looked at, measured and found."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from migration_cockpit.session.events.base import Event


class DayStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody began with what belongs to a day, such as D-7."""

    kind: ClassVar[str] = "day.started"
    day: str
    operator: str
    attempt: int = 1


class DayMeasured(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Scheduler metrics of one Airflow, as means over some minutes, by the names of the config's queries."""

    kind: ClassVar[str] = "day.measured"
    day: str
    where: str
    """`production` or `staging`."""
    values: dict[str, float]
    minutes: float
    version: str = ""
    """Version of the Airflow that was measured; empty when it did not say."""


class DayFound(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What one look of a day found."""

    kind: ClassVar[str] = "day.found"
    day: str
    look: str
    status: str
    """`holds`, `fails` or `unknown`."""
    found: tuple[str, ...] = ()
    mend: str = ""


class DayEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """All that belongs to the day was looked at."""

    kind: ClassVar[str] = "day.ended"
    day: str
    outcome: str
    """The worst of what was found: `holds`, `unknown` or `fails`."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Scheduler metrics of one Airflow, as means over some minutes."""

    at: datetime
    values: dict[str, float]
    minutes: float
    version: str = ""


class DayState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A day before or after the migration: what was found when it was last gone through."""

    started: datetime
    operator: str
    attempt: int = 1
    ended: datetime | None = None
    outcome: str = ""
    """Empty while it is gone through; `holds`, `unknown` or `fails`."""
    found: tuple[DayFound, ...] = ()
    measured: dict[str, Measurement] = {}
    """By `production` and `staging`; the newest of each."""


class DaysRemembered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What the days' own journal told when a cockpit of the migration read it."""

    kind: ClassVar[str] = "days.remembered"
    days: dict[str, DayState]
