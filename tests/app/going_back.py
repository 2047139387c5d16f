"""A way back for the screen's tests: what the world showed is made up, the plans are the real ones."""

from __future__ import annotations

import msgspec

from migration_cockpit.config import Rds, Settings
from migration_cockpit.playbook.rollback import ways
from migration_cockpit.playbook.rollback.plan import WAIT, Plan, Point, Prospect, Seen, Way
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session import events as ev
from migration_cockpit.session.cost import Change, CostReading, NewRun
from migration_cockpit.session.state import State
from tests.app.fixtures import Fold, at

JOB = "airflow-db-migrate-0516"
POINT = "airflow-pre-3x-0516-0946"
LOST = CostReading(
    point=POINT,
    dag_runs=38,
    task_instances=412,
    xcoms=260,
    logs=1904,
    went_on=7,
    connections=(Change(name="warehouse", how="changed"), Change(name="s3_exports", how="added")),
    variables=(Change(name="batch_size", how="changed"),),
    newest=tuple(
        NewRun(dag_id=dag, run_id=f"scheduled__2026-05-16T{hour}", state="success", at=at(hour))
        for dag, hour in (("etl_orders", "13:00"), ("fraud_detection", "12:45"), ("billing_daily", "12:30"))
    ),
)


class PaperRunner:
    """Lays out real plans over a made-up look at the world; what would be flown is only written down."""

    def __init__(self, settings: Settings, *, job: str = "", helm_only: bool = False) -> None:
        self.settings = msgspec.structs.replace(settings, rds=Rds(instance="airflow-prod", region="eu-central-1"))
        self.flown: list[tuple[str, str, str, str]] = []
        self.job = job
        self.moved = not helm_only

    async def prospect(self) -> Prospect:
        """As the world would stand after the migration, or before it."""
        seen = Seen(
            at=at("12:30"),
            revision="8 deployed",
            recorded=7,
            upgraded=True,
            heads=("1d6611b6ab7c",) if self.moved else ("5f2621c13b39",),
            moved=self.moved,
            pods="1 api-server 3.2.2 ready, 1 dag-processor 3.2.2 ready, 2 scheduler 3.2.2 ready, 4 worker 3.2.2 ready",
            stopped=True,
            ledger=212,
            job=self.job,
        )
        head = "5f2621c13b39"
        points = (
            Point("airflow-pre-3x-0516-1019", "snapshot", "migrate", head, at("10:19"), "available"),
            Point(POINT, "snapshot", "helm", head, at("09:46"), "available"),
            Point("2026-05-16T10:21:07+00:00", "time", "migrate", head, at("10:21"), "restorable up to 12:29:12 UTC"),
            Point(
                "half-way-0516-1040", "snapshot", "migrate", "05234396c6fc", at("10:40"), "available", "it is half done"
            ),
        )
        return Prospect(seen=seen, ways=tuple(self._way(way, points) for way in ways.TITLES))

    def _way(self, way: str, points: tuple[Point, ...]) -> Way:
        title, what = ways.TITLES[way]
        refused = {
            "abort": "the release was upgraded",
            "helm": "the schema is not at the source's head: 2.x would wait in Init for ever" if self.moved else "",
            "dump": "no dump of this session can be gone back to",
        }.get(way, "" if self.moved else "the schema is at the source's head: no data has to go back")
        loses = ("2000 pickled xcoms, dropped with their archive",) if way == "downgrade" else ()
        return Way(way, title, what, loses, points if way == "restore" else (), refused)

    def plan_back(self, seen: Prospect, way: str, point: str = "", job: str = WAIT) -> Plan:
        """The real stages with their commands."""
        found = seen.way(way)
        assert found is not None
        if found.refused:
            raise Refused(f"{found.title}: {found.refused}")
        usable = [each for each in found.points if not each.refused]
        to = next((each for each in usable if each.name == point), usable[0] if usable else None)
        trip = Trip(self.settings, "airflow-prod-20260516", way, to.name if to else "", to.method if to else "", job)
        return ways.lay_out(trip, found, to, job=bool(seen.seen.job), stopped=True)

    async def roll_back(self, way: str, point: str, operator: str, reason: str, *, job: str = WAIT) -> None:
        """Written down."""
        self.flown.append((way, point, reason, job))


def costing(state: State, reading: CostReading = LOST, seconds: float = 1620.0) -> State:
    """A state in which the cost is known."""
    fold = Fold()
    fold.state = state
    helm = ev.OperationIntended(step="helm", operation="helm-upgrade", key="k", commands=())
    expected = ev.WayBackExpected(way="restore", seconds=seconds, basis="as configured, no restore seen yet")
    fold.add(state.t or at("13:00"), helm, ev.CostRead(reading=reading), expected)
    return fold.state


def under_way(state: State, *, failed: bool = False) -> State:
    """A way back at its restore; or that has failed and asks."""
    fold = Fold()
    fold.state = costing(state)
    stages = tuple(
        ev.RollbackStage(stage=stage.id, title=stage.title, expected=1200.0 if stage.id == "restore" else 60.0)
        for stage in ways.stages(_WITH_RDS, "restore")
    )
    fold.add(
        "12:31",
        ev.RollbackStarted(
            way="restore", operator="sre-1", reason="tasks fail", stages=stages, point=POINT, method="snapshot"
        ),
    )
    for minute, stage in enumerate(stages):
        fold.add(f"12:{32 + minute}", ev.RollbackStageStarted(stage=stage.stage, operator="sre-1"))
        if stage.stage == "restore":
            break
        fold.add(f"12:{32 + minute}:40", ev.RollbackStageEnded(stage=stage.stage, outcome="verified", operator="sre-1"))
    progress = ev.StepProgress(step=ev.ROLLBACK, text="airflow-prod-rb-0516 is creating", done=40, total=100)
    fold.add("12:40", progress)
    if failed:
        why = (
            "the restore failed: InstanceQuotaExceeded. The old database stands untouched, everything of 3.x is "
            "stopped. Mend it and try the stage again: what is done is found"
        )
        ended = ev.RollbackStageEnded(stage="restore", outcome="failed", operator="sre-1", why=why)
        fold.add("12:41", ended)
        asked = ev.DecisionAsked(
            step=ev.ROLLBACK,
            decision="restore-1",
            question="the stage restore the recovery point failed",
            choices={"retry": "try again", "skip": "go on without it; needs a reason", "leave": "end it here"},
            evidence=(why,),
            reasoned=("skip",),
        )
        fold.add("12:41", asked)
    return fold.state


def _with_rds() -> Settings:
    from tests.app.light import settings

    return msgspec.structs.replace(settings(), rds=Rds(instance="airflow-prod", region="eu-central-1"))


_WITH_RDS = _with_rds()
