"""Which stages each way back has, in the order that works, and a way laid out as a plan.

Stop, then the data, then the manifests: 2.x on a 3.x schema waits in Init for ever, and `airflow db downgrade` needs
the target's image. Nothing of Airflow starts before what was restored is proved.
"""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.config import Settings
from migration_cockpit.playbook.rollback.plan import (
    ABORT,
    DOWNGRADE,
    DUMP,
    HELM,
    RESTORE,
    Plan,
    PlannedStage,
    Point,
    Way,
)
from migration_cockpit.playbook.rollback.stages.back import GiveBack, Running, UnpauseLedger, Verified
from migration_cockpit.playbook.rollback.stages.downgraded import Downgrade
from migration_cockpit.playbook.rollback.stages.found import OldIsQuiet, PointConnection, SwapDatabases, SwapInstances
from migration_cockpit.playbook.rollback.stages.manifests import ManifestsBack, Unstick
from migration_cockpit.playbook.rollback.stages.quiet import DrainNew, JobEnds, PauseNew, StopNew
from migration_cockpit.playbook.rollback.stages.restored import Compare, Probe, RestoreFromDump, RestoreRds
from migration_cockpit.playbook.rollback.stages.told import Begun, Done
from migration_cockpit.playbook.rollback.trip import Stage, Trip
from migration_cockpit.session.events import Command, RollbackStage

TITLES = {
    ABORT: ("abort", "Nothing was upgraded: the DAGs of the ledger come back and 2.x goes on as before."),
    HELM: ("manifests back", "The schema is at the source's head: the manifests go back and no data is touched."),
    RESTORE: ("restore a snapshot", "The database is as at the recovery point; what was written since is lost."),
    DUMP: ("restore a dump", "The database is as at the dump, beside the old one; what was written since is lost."),
    DOWNGRADE: ("downgrade in place", "The schema goes back in place and keeps what ran since, as far as 2.x can."),
}
"""Title of each way and one sentence of what it does to the data."""


def stages(settings: Settings, way: str, *, job: bool = False, stopped: bool = True) -> tuple[Stage, ...]:
    """The stages of a way. `job`: a migration Job is at work; `stopped`: 2.x was brought to a standstill."""
    if way == ABORT:
        again: tuple[Stage, ...] = (Running(), GiveBack()) if stopped else ()
        return (*again, UnpauseLedger(), Done())
    rest: tuple[Stage, ...] = (*((JobEnds(),) if job else ()), PauseNew(), DrainNew(), Begun(), StopNew())
    data: dict[str, tuple[Stage, ...]] = {
        HELM: (),
        RESTORE: (RestoreRds(), Compare(), Probe()),
        DUMP: (RestoreFromDump(), Compare(), Probe()),
        DOWNGRADE: (Downgrade(),),
    }
    swap: Stage = SwapDatabases() if way == DUMP else SwapInstances()
    if way == RESTORE and settings.rollback.repoint == "secret":
        swap = PointConnection()  # after the manifests: they write the old connection back
    found: dict[str, tuple[Stage, ...]] = {RESTORE: (swap,), DUMP: (swap,)}
    old: tuple[Stage, ...] = (OldIsQuiet(),) if way in found else ()
    back: tuple[Stage, ...] = (Unstick(), Running(), Verified(), *old, UnpauseLedger(), Done(), GiveBack())
    return (*rest, *data[way], ManifestsBack(), *found.get(way, ()), *back)


def by_id(settings: Settings, way: str, ids: Sequence[str]) -> dict[str, Stage]:
    """The stages of a way by their ids, as a journal names them."""
    every = {stage.id: stage for stage in stages(settings, way, job=True, stopped=True)}
    return {each: every[each] for each in ids}


def lay_out(trip: Trip, way: Way, point: Point | None, *, job: bool, stopped: bool) -> Plan:
    """A way as a plan: every stage with its commands."""
    settings = trip.settings
    planned = tuple(_planned(trip, stage) for stage in stages(settings, way.id, job=job, stopped=stopped))
    return Plan(way=way, point=point, job=trip.job, stages=planned)


def _planned(trip: Trip, stage: Stage) -> PlannedStage:
    clean = trip.clean
    return PlannedStage(
        id=stage.id,
        title=stage.title,
        purpose=stage.purpose,
        commands=tuple(
            Command(text=clean(each.text), what=clean(each.what))
            for operation in stage.operations(trip)
            for each in operation.describe()
        ),
        expected=stage.expected(trip.settings),
        leaves=stage.leaves,
    )


def recorded(plan: Plan) -> tuple[RollbackStage, ...]:
    """The plan's stages as they go into the journal."""
    return tuple(RollbackStage(stage=each.id, title=each.title, expected=each.expected) for each in plan.stages)


def on_paper(settings: Settings, session: str) -> tuple[Plan, ...]:
    """Every way without any connection, for `plan`."""
    plans = []
    methods = {RESTORE: ("<snapshot>", "snapshot"), DUMP: ("<dump>", "dump")}
    for way_id, (title, what) in TITLES.items():
        if way_id == RESTORE and settings.rds is None:
            continue
        point, method = methods.get(way_id, ("", ""))
        trip = Trip(settings, session, way_id, point, method)
        way = Way(id=way_id, title=title, what=what)
        plans.append(lay_out(trip, way, None, job=False, stopped=True))
    return tuple(plans)
