"""A journal read back: opened as it lies on disk, seen as it was at any moment, checked from end to end."""

from __future__ import annotations

from migration_cockpit.session.recording.opening import find_journal
from migration_cockpit.session.recording.recording import Damage, Place, Recording
from migration_cockpit.session.recording.survey import Landmark, Survey

__all__ = ["Damage", "Landmark", "Place", "Recording", "Survey", "find_journal"]
