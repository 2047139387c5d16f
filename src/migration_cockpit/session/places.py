"""Where sessions and what belongs to them are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def sessions_home() -> Path:
    """Where sessions are kept unless `--session` says otherwise."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "migration-cockpit" / "sessions"


def days_of(sessions: Path, deployment: str, source: str, target: str) -> Path:
    """Where the days of one migration are kept, beside the sessions."""
    return sessions.parent / "days" / f"{deployment}-{source}-{target}"
