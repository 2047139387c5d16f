"""Events of the guided pages: what was gathered for one of the families of failures."""

from __future__ import annotations

from typing import ClassVar

from migration_cockpit.session.events.base import Event


class GuideStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody opened a guided page, and the evidence is being gathered."""

    kind: ClassVar[str] = "guide.started"
    durable: ClassVar[bool] = False
    family: str
    title: str
    operator: str


class GuideFound(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What one look of a guided page found."""

    kind: ClassVar[str] = "guide.found"
    durable: ClassVar[bool] = False
    family: str
    look: str
    status: str
    """`holds`, `fails` or `unknown`."""
    found: tuple[str, ...] = ()
    mend: str = ""


class GuideEnded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """All that belongs to the page was looked at."""

    kind: ClassVar[str] = "guide.ended"
    durable: ClassVar[bool] = False
    family: str
