"""The shape of a prerequisite: what is asked, what is seen of it, and how a person's word counts beside that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from migration_cockpit.config import Settings
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.playbook.prepare.signoffs import SignOff

HOLDS, FAILS, UNKNOWN, SIGNED, STALE = "holds", "fails", "unknown", "signed", "stale"
READY = frozenset({HOLDS, SIGNED})
"""What counts as ready. Nothing is so because nobody looked."""


@dataclass(frozen=True)
class Seen:
    """What evidence says: `holds`, `fails`, or `unknown` where it says nothing, or not enough without a person."""

    status: str
    found: tuple[str, ...]
    mend: str = ""
    at: datetime | None = None
    """When the evidence was made; None for now."""


@dataclass(frozen=True)
class Where:
    """What every look gets."""

    place: Place
    staging: Connections | None
    """Staging's database and cluster, where the config names them."""
    now: datetime

    @property
    def settings(self) -> Settings:
        """The config."""
        return self.place.settings

    @property
    def sessions(self) -> Path:
        """Where sessions are kept."""
        return self.place.sessions


Look = Callable[[Where], Awaitable[Seen]]


@dataclass(frozen=True)
class Prerequisite:
    """One of what must be so before migration day."""

    number: int
    id: str
    title: str
    look: Look
    sign: str
    """What a person who signs it off says by that."""
    acceptable: bool = False
    """Whether a person may accept what evidence says against it."""


@dataclass(frozen=True)
class Result:
    """A prerequisite as it stands now."""

    asked: Prerequisite
    status: str
    seen: Seen
    signed: SignOff | None = None

    @property
    def ready(self) -> bool:
        """Whether it stands in nobody's way."""
        return self.status in READY


def judge(asked: Prerequisite, seen: Seen, signed: SignOff | None, now: datetime, stale: timedelta) -> Result:
    """Evidence first; a person's word where evidence says nothing, or where it may be accepted; both grow old."""
    old_word = signed is not None and now - signed.at > stale
    if seen.status == HOLDS:
        old = seen.at is not None and now - seen.at > stale
        return Result(asked, STALE if old else HOLDS, seen, signed)
    if signed is None or not signable(asked, seen):
        return Result(asked, seen.status, seen, signed)
    if old_word:
        return Result(asked, FAILS if seen.status == FAILS else STALE, seen, signed)
    return Result(asked, SIGNED, seen, signed)


def signable(asked: Prerequisite, seen: Seen) -> bool:
    """Whether a person's word counts beside this evidence."""
    return seen.status == UNKNOWN or (seen.status == FAILS and asked.acceptable)


def together(parts: list[Seen]) -> Seen:
    """Several looks as one: it fails where one fails, and holds only where all do; as old as the oldest."""
    status = next((each for each in (FAILS, UNKNOWN) if any(part.status == each for part in parts)), HOLDS)
    # What decides stands first: on a row there is room for one sentence.
    found = tuple(text for part in sorted(parts, key=lambda one: one.status != status) for text in part.found)
    mend = next((part.mend for part in parts if part.status == status and part.mend), "")
    return Seen(status, found, mend, min((part.at for part in parts if part.at), default=None))
