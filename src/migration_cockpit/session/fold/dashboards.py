"""How annotations change State: those that cannot be written are said once for each reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds, logged
from migration_cockpit.session.state import AnnotationState, LogEntry, State


def _tried(state: State, event: ev.AnnotationTried, t: datetime) -> dict[str, Any]:
    before = state.annotations.get(event.annotation, AnnotationState())
    after = msgspec.structs.replace(before, made=t if event.made else None, tries=before.tries + 1, detail=event.detail)
    said = any(each.detail == event.detail for each in state.annotations.values())
    change: dict[str, Any] = {"annotations": {**state.annotations, event.annotation: after}}
    if event.made or said:
        return change
    text = f"Grafana has no annotation of this step: {event.detail}"
    return change | logged(state, LogEntry(t=t, source="cockpit", text=text, level="careful"))


FOLDS: Folds = {ev.AnnotationTried: _tried}
"""How each event of this part changes State."""
