"""What went out, and known failures, as State holds them."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.session import events as ev
from migration_cockpit.session.state.base import Value


class AnnotationState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """An annotation on Grafana's dashboards: written, or why it was not."""

    made: datetime | None = None
    tries: int = 0
    detail: str = ""


class MessageState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A message of the playbook: queued, sent, or failing and to be tried again."""

    step: str
    text: str
    queued: datetime
    sent: datetime | None = None
    tries: int = 0
    detail: str = ""


class Updates(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The updates for the channel: the one that is prepared, and when the last one went out."""

    number: int = 0
    """How many were prepared."""
    text: str = ""
    prepared: datetime | None = None
    """When the one that waits was prepared; None while none does."""
    queued: datetime | None = None
    """Since when it is on its way."""
    sent: datetime | None = None
    failed: str = ""
    """Why the last attempt was not taken."""


class FailureState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A known failure that shows, or has shown."""

    since: datetime
    event: ev.FailureShown
    ended: datetime | None = None
    why: str = ""
    """Why it is over."""
