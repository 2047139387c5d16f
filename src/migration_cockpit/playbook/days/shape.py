"""The shape of a day before or after the migration: what is looked at then, and what every look has at hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migration_cockpit.config import Settings
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.days.flown import Flown
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.prepare.shape import Seen
from migration_cockpit.session.events import DayState
from migration_cockpit.session.state import State


@dataclass(frozen=True)
class Ground:
    """What every look gets."""

    day: str
    flight: Flight
    """Production, and the journal of the days."""
    staging: Connections | None
    """Staging's systems, as far as the config names them."""
    flown: Flown | None
    """The newest session that flew these versions here."""
    send: bool = False
    """Whether messages go out, or are only prepared."""
    copied: bool = False
    """Whether the operator says that they went out by hand."""

    @property
    def settings(self) -> Settings:
        """The config."""
        return self.flight.settings

    @property
    def state(self) -> State:
        """What the journal of the days tells."""
        return self.flight.state

    @property
    def artifacts(self) -> Path:
        """Where what is kept goes."""
        return self.flight.recorder.artifacts

    @property
    def now(self) -> datetime:
        """This moment."""
        return self.flight.clock.now()

    @property
    def here(self) -> DayState:
        """The day itself."""
        return self.state.days[self.day]


Look = Callable[[Ground], Awaitable[Seen]]


@dataclass(frozen=True)
class Day:
    """A day, by the name that the playbook gives it."""

    id: str
    title: str
    looks: tuple[tuple[str, Look], ...]
    """In their order, each by its name."""
