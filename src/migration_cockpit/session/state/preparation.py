"""Prerequisites and guided pages, as State holds them."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.session import events as ev
from migration_cockpit.session.state.base import Value


class PrerequisiteState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A prerequisite of migration day as it was seen last."""

    at: datetime
    event: ev.PrerequisiteSeen


class PrepareState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The prerequisites, as this session looked at them last."""

    started: datetime
    operator: str
    looks: int = 1
    """How often they were looked at."""
    ended: datetime | None = None
    why: str = ""
    """Why they could not be looked at."""
    seen: dict[str, PrerequisiteState] = {}


class GuideState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A guided page: what was gathered when it was opened last."""

    started: datetime
    title: str
    operator: str
    ended: datetime | None = None
    found: tuple[ev.GuideFound, ...] = ()
