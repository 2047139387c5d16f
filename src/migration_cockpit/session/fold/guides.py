"""How the guided pages change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds
from migration_cockpit.session.state import GuideState, State


def _started(state: State, event: ev.GuideStarted, t: datetime) -> dict[str, Any]:
    begun = GuideState(started=t, title=event.title, operator=event.operator)
    return {"guides": {**state.guides, event.family: begun}}


def _change(state: State, family: str, **changes: Any) -> dict[str, Any]:
    before = state.guides.get(family)
    if before is None:
        return {}
    return {"guides": {**state.guides, family: msgspec.structs.replace(before, **changes)}}


def _found(state: State, event: ev.GuideFound, _: datetime) -> dict[str, Any]:
    before = state.guides.get(event.family)
    return _change(state, event.family, found=(*before.found, event)) if before else {}


def _ended(state: State, event: ev.GuideEnded, t: datetime) -> dict[str, Any]:
    return _change(state, event.family, ended=t)


FOLDS: Folds = {ev.GuideStarted: _started, ev.GuideFound: _found, ev.GuideEnded: _ended}
"""How each event of this part changes State."""
