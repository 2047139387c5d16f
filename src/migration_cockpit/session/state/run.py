"""What a step of the flight and a stage of the way back have in common, as State holds it."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.session import events as ev
from migration_cockpit.session.state.base import Value


class RunState(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is flown, and flown again where it failed: how its newest attempt goes, or went."""

    id: str
    started: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""
    """Empty: not begun or still running; else verified or failed, or a word that only its own kind has."""
    operator: str = ""
    why: str = ""
    checks: tuple[ev.Check, ...] = ()
    progress: str = ""
    done: int = 0
    total: int = 0
    attempt: int = 0

    @property
    def running(self) -> bool:
        """Started and not ended."""
        return self.started is not None and self.ended is None
