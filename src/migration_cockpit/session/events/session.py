"""Events of the session itself: opened, flown by whom, noted, closed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from migration_cockpit.session.events.base import Event


class SessionOpened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The first event: which migration this is."""

    kind: ClassVar[str] = "session.opened"
    session: str
    deployment: str
    production: bool
    source_version: str
    target_version: str
    context: str
    namespace: str
    release: str
    config: str
    """Digest of the config."""
    program: str
    """Version of the cockpit that wrote this."""
    planned: dict[str, datetime]
    """Planned start of each step by its id, and `window_end`."""
    rehearsal: bool = False


class DriverChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A cockpit process took the session: at its first start and at each resume."""

    kind: ClassVar[str] = "driver.changed"
    operator: str
    host: str
    pid: int
    resumed: bool = False
    torn: int = 0
    """Bytes of a half-written last line that were cut off; nothing rested on them."""


class RulesSet(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What of the config the screen draws by: written at the start, and where a cockpit goes on with another config."""

    kind: ClassVar[str] = "rules.set"
    limits: dict[str, float]
    """Seconds, by key of the config."""
    cadence: dict[str, float]
    """Seconds between two readings, by source."""
    regression_percent: float
    rates: msgspec.Raw | None = None
    """How long slow revisions take (JSON), where the config names a file of one's own."""


class ClockJumped(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The machine's clock was set, or the machine slept: times before and after do not follow from each other."""

    kind: ClassVar[str] = "clock.jumped"
    seconds: float
    """Below zero: back."""
    slept: bool = False


class LeaseChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The driver lost the lease, or holds it again."""

    kind: ClassVar[str] = "lease.changed"
    held: bool
    why: str = ""


class SessionClosed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A cockpit process left the session; `outcome` is set when the migration itself is over."""

    kind: ClassVar[str] = "session.closed"
    reason: str
    outcome: str = ""
    """`verified`, `overridden`, `failed`, `rolled back`, or empty while the migration goes on."""


class Note(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Something a person wrote down."""

    kind: ClassVar[str] = "note"
    operator: str
    text: str
    about: datetime | None = None


class WindowMoved(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The maintenance window's end was moved, with a reason."""

    kind: ClassVar[str] = "window.moved"
    operator: str
    end: datetime
    reason: str
    before: datetime | None = None
