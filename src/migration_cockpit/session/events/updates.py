"""Events of the updates for the channel: one was prepared because the last word was some time ago."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from migration_cockpit.session.events.base import Event

UPDATE = "update"
"""What stands in place of a step in the messages that are updates."""
LASTS = timedelta(minutes=5)
"""What an update says may not be true any more after that."""


class UpdatePrepared(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An update with what was true then; it goes out when an operator or the config says so."""

    kind: ClassVar[str] = "update.prepared"
    number: int
    text: str
