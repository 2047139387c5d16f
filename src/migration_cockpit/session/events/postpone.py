"""Events of a postponement: the migration is called off before anything was upgraded."""

from __future__ import annotations

from typing import ClassVar

from migration_cockpit.session.events.base import Check, Event

POSTPONE = "postpone"
"""Stands where a step's id stands in the events of its operation and its verification."""


class PostponeStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator postponed the migration, or tries again to bring the DAGs back."""

    kind: ClassVar[str] = "postpone.started"
    operator: str
    reason: str


class PostponeEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a postponement. `outcome`: verified or failed."""

    kind: ClassVar[str] = "postpone.ended"
    outcome: str
    why: str = ""
    """For `failed` what to do."""
    checks: tuple[Check, ...] = ()
    starts_from: tuple[str, ...] = ()
    """What the next session starts from, a sentence each."""
