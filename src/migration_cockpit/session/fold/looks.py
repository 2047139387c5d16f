"""How what is read on demand, and a step that is tried again, change State."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.common import Folds
from migration_cockpit.session.state import PAST_ATTEMPTS, PODS_LOOKED_AT, AttemptState, PodLook, State


def _kept(state: State, pod: str, look: PodLook) -> dict[str, Any]:
    """The looks with this one as the newest; the oldest go, the journal keeps them all."""
    others = [(name, each) for name, each in state.looks.items() if name != pod]
    return {"looks": dict([*others[-(PODS_LOOKED_AT - 1) :], (pod, look)])}


def _asked(state: State, event: ev.PodLookAsked, t: datetime) -> dict[str, Any]:
    before = state.looks.get(event.pod, PodLook())
    return _kept(state, event.pod, msgspec.structs.replace(before, asked=t))


def _looked(state: State, event: ev.PodLooked, t: datetime) -> dict[str, Any]:
    return _kept(state, event.pod, PodLook(read=t, event=event))


def _started(state: State, event: ev.StepStarted, _: datetime) -> dict[str, Any]:
    """What the attempt before came to, before the step's state is that of the new one."""
    before = state.steps.get(event.step)
    if before is None or before.started is None:
        return {}
    operations = tuple(
        msgspec.structs.replace(each, commands=())  # the journal has them; State is written whole into keyframes
        for each in state.operations.values()
        if each.step == event.step and each.attempt == before.attempt
    )
    attempt = AttemptState(
        number=before.attempt,
        operator=before.operator,
        started=before.started,
        ended=before.ended,
        outcome=before.outcome,
        why=before.why,
        operations=operations,
    )
    past = (*state.attempts.get(event.step, ()), attempt)[-PAST_ATTEMPTS:]
    return {"attempts": {**state.attempts, event.step: past}}


FOLDS: Folds = {ev.PodLookAsked: _asked, ev.PodLooked: _looked, ev.StepStarted: _started}
"""How each event of this part changes State."""
