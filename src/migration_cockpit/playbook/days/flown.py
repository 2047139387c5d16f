"""The session of the migration itself, as the days after it see it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from migration_cockpit.config import Settings
from migration_cockpit.session.journal import FILE, JournalError
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.recording.opening import find_journal
from migration_cockpit.session.state import State

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Flown:
    """A session that migrated the schema."""

    journal: Path
    state: State

    @property
    def name(self) -> str:
        """Its directory's name."""
        return self.journal.parent.name

    @property
    def cutover(self) -> datetime | None:
        """When the database was migrated; None where it was not, or was gone back from."""
        migrate = self.state.steps.get("migrate")
        back = self.state.rollback
        if migrate is None or not migrate.passed or (back is not None and back.outcome == "rolled back"):
            return None
        return migrate.ended


def newest(sessions: Path, settings: Settings) -> Flown | None:
    """The newest session of this deployment and these versions whose schema is the target's.

    One that is damaged tells nothing. Of each no more than what lies behind its last keyframe is read.
    """
    found: list[Flown] = []
    for directory in sorted(sessions.glob("*/")):
        try:
            found += _one(directory, settings)
        except (JournalError, OSError):
            continue
    return max(found, key=lambda each: each.cutover or _NEVER, default=None)


def _one(directory: Path, settings: Settings) -> list[Flown]:
    if not any(directory.glob(f"{FILE}*")):
        return []
    journal = find_journal(directory)
    with closing(Recording(journal)) as recording:
        state = recording.state(recording.end)
    flown, deployment = Flown(journal, state), settings.deployment
    opened = state.session
    wanted = (deployment.name, deployment.source_version, deployment.target_version)
    if opened is None or (opened.deployment, opened.source_version, opened.target_version) != wanted:
        return []
    return [flown] if flown.cutover is not None else []
