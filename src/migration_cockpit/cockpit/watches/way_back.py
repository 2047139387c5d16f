"""How long the way back would take as the session stands, recorded when it changes, so that a replay shows it too."""

from __future__ import annotations

from contextlib import suppress

from migration_cockpit.advice.rollback_cost import upgraded, usable
from migration_cockpit.config import Settings
from migration_cockpit.playbook.rollback import ways
from migration_cockpit.playbook.rollback.plan import ABORT, DUMP, HELM, RESTORE
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import State
from migration_cockpit.session.words import long

EVERY = 5.0


class WayBackWatch:
    """Works on State and the settings; reads nothing of the world."""

    def __init__(self, recorder: Recorder, clock: Clock, settings: Settings) -> None:
        self._recorder, self._clock, self._settings = recorder, clock, settings

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            with suppress(JournalError):  # the recorder's write_error says it
                self.look()
            await self._clock.sleep(EVERY)

    def look(self) -> None:
        """Record the expectation where it changed. Raises JournalError."""
        state = self._recorder.state
        helm = state.steps.get("helm")
        back = state.rollback
        if helm is None or helm.started is None or (back is not None and back.outcome != "failed"):
            return  # one that goes on says itself how far it is
        found = expected(state, self._settings)
        if found != state.way_back.expected:
            self._recorder.record(found)


def likely(state: State) -> str:
    """The way back that fits what was done in this session; the dialog looks at the world itself."""
    if "migrate/migration-job" in state.operations:
        points = usable(state)
        return DUMP if points and points[0].method == "dump" else RESTORE
    return HELM if upgraded(state) else ABORT


def expected(state: State, settings: Settings) -> ev.WayBackExpected:
    """How long it would take: each stage as it was seen in this session, else as configured or known."""
    way = likely(state)
    back = state.rollback
    seen = {
        each.id: (each.ended - each.started).total_seconds()
        for each in (back.stages if back is not None else ())
        if each.outcome == "verified" and each.started is not None and each.ended is not None
    }
    stages = ways.stages(settings, way, stopped=True)
    seconds = sum(seen.get(stage.id, stage.expected(settings)) for stage in stages)
    restores = [stage.id for stage in stages if stage.id in seen and stage.id.startswith("restore")]
    basis = "as configured, no restore seen yet" if way in {RESTORE, DUMP} else "no restore"
    if restores:
        basis = f"the restore took {long(seen[restores[0]])} before"
    return ev.WayBackExpected(way=way, seconds=round(seconds), basis=basis)
