"""8 a rollback was flown; 9 who has flown a rehearsal: told by the sessions kept here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.prepare.shape import HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.recording import opening

_KINDS = frozenset(each.kind for each in (ev.SessionOpened, ev.DriverChanged, ev.SessionClosed, ev.RollbackEnded))
"""What tells it: a handful of the hundred thousand events of a day."""


@dataclass(frozen=True)
class Past:
    """A session that was flown: whose, which versions, how it ended."""

    name: str
    rehearsal: bool
    versions: tuple[str, str]
    operators: frozenset[str]
    outcome: str
    at: datetime


def past(sessions: Path) -> list[Past]:
    """Every session that can be read, packed or not; one that is damaged proves nothing."""
    found: list[Past] = []
    for directory in sorted({each.parent for each in sessions.glob(f"*/{journal.FILE}*")}):
        try:
            found += _one(directory)
        except (journal.JournalError, OSError):
            continue
    return found


def _one(directory: Path) -> Iterator[Past]:
    opened: ev.SessionOpened | None = None
    operators: set[str] = set()
    outcome, at = "", datetime.min.replace(tzinfo=UTC)
    for entry in opening.read(directory, _KINDS):
        event, at = entry.event, entry.t
        if isinstance(event, ev.SessionOpened):
            opened = event
        elif isinstance(event, ev.DriverChanged):
            operators.add(event.operator)
        outcome = (
            getattr(event, "outcome", "") if event.kind in {ev.SessionClosed.kind, ev.RollbackEnded.kind} else outcome
        )
    if opened is not None:
        versions = (opened.source_version, opened.target_version)
        yield Past(directory.name, opened.rehearsal, versions, frozenset(operators), outcome, at)


async def rollback(where: Where) -> Seen:
    """A session that was rolled back and verified, on the same versions."""
    deployment = where.settings.deployment
    wanted = (deployment.source_version, deployment.target_version)
    flown = [each for each in await in_thread(past, where.sessions) if each.outcome == "rolled back"]
    same = [each for each in flown if each.versions == wanted]
    mend = "fly one on staging or in a rehearsal: the key R in a session of these versions"
    if not same:
        others = f"; {len(flown)} on other versions" if flown else ""
        return Seen(UNKNOWN, (f"no session was rolled back from {wanted[1]} to {wanted[0]}{others}",), mend)
    newest = max(same, key=lambda each: each.at)
    return Seen(HOLDS, (f"{newest.name} was rolled back on {newest.at:%Y-%m-%d}",), at=newest.at)


async def team(where: Where) -> Seen:
    """Everybody of prepare.team has flown a rehearsal to its end."""
    names = where.settings.prepare.team
    if not names:
        return Seen(UNKNOWN, ("who flies is not named",), "name them: prepare.team, as --operator will name them")
    ended = [each for each in await in_thread(past, where.sessions) if each.rehearsal and each.outcome]
    flown = {name: max((each.at for each in ended if name in each.operators), default=None) for name in names}
    missing = [name for name, at in flown.items() if at is None]
    done = [f"{name} on {at:%Y-%m-%d}" for name, at in flown.items() if at is not None]
    if missing:
        found = (f"no finished rehearsal of {', '.join(missing)} is kept here", *([", ".join(done)] if done else []))
        return Seen(UNKNOWN, found, "migration-cockpit rehearse --operator NAME; or sign where it was flown elsewhere")
    return Seen(HOLDS, (f"rehearsed: {', '.join(done)}",), at=min(at for at in flown.values() if at is not None))
