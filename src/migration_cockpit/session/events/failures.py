"""Events of known failures: one shows in what was read, and shows no more."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from migration_cockpit.session.events.base import Event


class FailureShown(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A known failure was recognised in something that was read."""

    kind: ClassVar[str] = "failure.shown"
    durable: ClassVar[bool] = False
    failure: str
    """Its id in the catalogue."""
    title: str
    """As the catalogue called it then: a journal outlives the catalogue."""
    severity: str
    """At the step of then: `expected`, `careful` or `bad`."""
    found: str
    """In what kind of thing: log, event, pod, import, source, operation, check or state."""
    where: str
    evidence: str
    values: dict[str, str] = msgspec.field(default_factory=dict)
    """What was found for the mend, such as the blocker's pid."""
    step: str = ""
    attempt: int = 0
    """Of the step, for a failure that a log showed: it is over when the step passes or is tried again."""


class FailureGone(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A known failure shows no more."""

    kind: ClassVar[str] = "failure.gone"
    durable: ClassVar[bool] = False
    failure: str
    why: str
