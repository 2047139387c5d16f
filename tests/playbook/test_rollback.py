"""The way back: its stages in an order that works, and what becomes of a stage that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration_cockpit.actions import instances, own_connection
from migration_cockpit.actions.operation import Operation, OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.advice.going_back import NOT_LEFT, left
from migration_cockpit.config import Settings, load
from migration_cockpit.playbook.rollback import flying, prospect, ways
from migration_cockpit.playbook.rollback.fingerprint import Fingerprint, Table
from migration_cockpit.playbook.rollback.plan import DOWNGRADE, HELM, RESTORE, WAYS, Prospect, Seen, Way
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.playbook.runner import Refused
from migration_cockpit.session import events as ev
from migration_cockpit.session.events import Check
from tests.pace import PATIENCE
from tests.playbook.test_runner import Bench
from tests.steps import AppendLine

SETTINGS = load(Path(__file__).parents[2] / "config.example.toml")
PLANS = {plan.way.id: plan for plan in ways.on_paper(SETTINGS, "<session>")}


def order(way: str) -> list[str]:
    return [stage.id for stage in PLANS[way].stages]


def test_there_is_a_plan_for_every_way_and_every_stage_says_what_it_leaves() -> None:
    assert set(PLANS) == set(WAYS)
    for plan in PLANS.values():
        assert all(stage.purpose and stage.leaves for stage in plan.stages)
        assert len({stage.id for stage in plan.stages}) == len(plan.stages)


@pytest.mark.parametrize("repoint", ["swap", "secret"])
def test_every_stage_says_how_everything_stands_while_it_fails(repoint: str) -> None:
    back = msgspec.structs.replace(SETTINGS.rollback, repoint=repoint)
    settings = msgspec.structs.replace(SETTINGS, rollback=back)
    said = {each.id: each.stands for way in WAYS for each in ways.stages(settings, way, job=True, stopped=True)}
    assert all(said.values())
    assert not any(words.endswith(".") for words in said.values()), "a sentence follows"
    database = "Nothing of Airflow runs; the old database is untouched"
    assert said["restore"].startswith((database, database.replace("database", "instance")))
    assert "the restored one is untouched" in said.get("connection", "the restored one is untouched")


def test_nothing_starts_before_what_was_restored_is_proved() -> None:
    assert order(RESTORE)[4:9] == ["restore", "compare", "probe", "helm", "swap"]
    assert order(RESTORE).index("stop") < order(RESTORE).index("restore")
    assert order(DOWNGRADE).index("downgrade") < order(DOWNGRADE).index("helm"), "2.x does not know the revisions"
    assert "restore" not in order(HELM)
    for way in (HELM, RESTORE, DOWNGRADE):
        assert order(way)[-1] == "give-back"
        assert order(way).index("verify") < order(way).index("unpause")


def test_helm_neither_waits_nor_runs_hooks() -> None:
    command = next(stage for stage in PLANS[RESTORE].stages if stage.id == "helm").commands[-1].text
    assert "--no-hooks" in command
    assert "--wait" not in command


def test_the_secret_is_changed_after_helm_has_written_it_back() -> None:
    settings = msgspec.structs.replace(SETTINGS, rollback=msgspec.structs.replace(SETTINGS.rollback, repoint="secret"))
    stages = [stage.id for stage in ways.stages(settings, RESTORE)]
    assert stages.index("helm") + 1 == stages.index("connection")
    assert "swap" not in stages


# -- instances and connections

OLD: dict[str, Any] = {
    "DBInstanceIdentifier": "airflow-prod",
    "DBInstanceClass": "db.m6g.large",
    "MultiAZ": True,
    "DBSubnetGroup": {"DBSubnetGroupName": "private"},
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-2"}, {"VpcSecurityGroupId": "sg-1"}],
    "DBParameterGroups": [{"DBParameterGroupName": "tuned", "ParameterApplyStatus": "in-sync"}],
    "OptionGroupMemberships": [{"OptionGroupName": "default:postgres-16"}],
    "MaxAllocatedStorage": 500,
}


def test_a_restore_asks_for_every_setting_of_the_old_instance() -> None:
    site = Site(SETTINGS, "airflow-prod-20260516-090000")
    text = instances.RestoreInstance(site, snapshot="point", old=OLD).describe()[0].text
    for part in (
        "--db-subnet-group-name private",
        "--vpc-security-group-ids sg-1 sg-2",
        "--db-parameter-group-name tuned",
        "--db-instance-class db.m6g.large",
        "--multi-az",
        "--no-publicly-accessible",
        "--no-deletion-protection",
    ):
        assert part in text
    assert "option-group" not in text, "the engine's own default may not be named"
    assert len(instances.restored_name(site, 2)) <= instances.LONGEST
    assert instances.restored_name(site) != instances.restored_name(site, 2)


def test_a_setting_that_is_not_as_before_is_named() -> None:
    new = {**OLD, "MultiAZ": False, "DBSubnetGroup": {"DBSubnetGroupName": "default"}}
    assert instances.differences(OLD, OLD) == []
    assert instances.differences(OLD, new) == ["subnet group is default, was private", "Multi-AZ is False, was True"]


def test_a_moment_is_restored_from_the_old_instance() -> None:
    site = Site(SETTINGS, "s")
    moment = datetime(2026, 5, 16, 10, 14, tzinfo=UTC)
    text = instances.RestoreInstance(site, moment=moment, old=OLD).describe()[0].text
    assert "restore-db-instance-to-point-in-time --source-db-instance-identifier airflow-prod" in text
    assert "--restore-time 2026-05-16T10:14:00Z" in text


def test_a_connection_leads_elsewhere_with_the_same_account() -> None:
    dsn = "postgresql://airflow:p%40ss@old.example:5432/airflow?sslmode=require"
    moved = own_connection.moved(dsn, "new.example", 5433)
    assert moved == "postgresql://airflow:p%40ss@new.example:5433/airflow?sslmode=require"
    assert own_connection.place_of(moved) == ("new.example", 5433)


def test_fingerprints_tell_a_table_that_is_not_as_before() -> None:
    before = Fingerprint(
        tables={"public.dag": Table(3, "7"), "public.xcom": Table(9, "1"), "public.log": Table(1, "1")}
    )
    after = Fingerprint(tables={"public.dag": Table(3, "8"), "public.xcom": Table(8, "1"), "public.new": Table(1, "1")})
    assert before.differences(before) == []
    assert before.differences(after) == [
        "public.dag has 3 rows as before, and other values",
        "public.log is missing",
        "public.new is new",
        "public.xcom has 8 rows, had 9",
    ]


# -- flying


@dataclass
class FileStage:
    """A stage that appends a line to a file, and fails as long as it is told to."""

    id: str
    path: Path
    fails: bool = False
    title: str = "test stage"
    purpose: str = "write a line"
    leaves: str = "the line is there"
    stands: str = "The line is not there"
    flown: list[str] = field(default_factory=list)

    def expected(self, settings: Settings) -> float:
        return 1.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        return (AppendLine(self.path, self.id, name=f"write-{self.id}"),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        if self.fails:
            raise OperationError("the disk is full")
        for operation in self.operations(trip):
            await trip.do(operation)
        return (Check(name="line", holds=True, found="written"),)


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, FileStage]:
    made = {name: FileStage(name, tmp_path / "lines") for name in ("one", "two", "three")}
    monkeypatch.setattr(ways, "stages", lambda *_, **__: tuple(made.values()))

    async def look(_: object) -> Prospect:
        way = Way(id="helm", title="t", what="w")
        return Prospect(seen=Seen(at=datetime.now(UTC), upgraded=True), ways=(way,))

    monkeypatch.setattr(prospect, "look", look)
    return made


async def until(bench: Bench, condition: str) -> None:
    """Wait until a decision is asked for, or the way back has ended."""
    async with asyncio.timeout(PATIENCE):
        while True:
            state = bench.flight.state
            back = state.rollback
            if (condition == "asked" and state.decision) or (condition == "ended" and back and not back.active):
                return
            await asyncio.sleep(0.01)


async def failing_in_two(directory: Path, stages: dict[str, FileStage]) -> Bench:
    """A way back whose second stage has failed, so that it is asked what to do."""
    bench = Bench(directory)
    stages["two"].fails = True
    await bench.runner.roll_back("helm", "", "op", "it must be")
    await until(bench, "asked")
    return bench


def answer(bench: Bench, answer: str, reason: str = "") -> None:
    decision = bench.flight.state.decision
    assert decision is not None
    asked = decision.event.decision
    bench.flight.record(ev.DecisionMade(step=ev.ROLLBACK, decision=asked, answer=answer, operator="op", reason=reason))


async def test_a_stage_that_fails_says_how_everything_stands_and_goes_on_when_it_is_tried_again(
    tmp_path: Path, stages: dict[str, FileStage]
) -> None:
    bench = await failing_in_two(tmp_path, stages)
    back = bench.flight.state.rollback
    assert back is not None
    assert back.stage is not None
    assert back.stage.why.startswith("the disk is full. The line is not there. Mend it and try the stage again")
    assert "the way back has begun" in bench.runner.refusal("announce")
    stages["two"].fails = False
    answer(bench, flying.RETRY)
    await until(bench, "ended")
    ended = bench.flight.state.rollback
    assert ended is not None
    assert ended.outcome == "rolled back"
    assert [stage.attempt for stage in ended.stages] == [1, 2, 1]
    assert (tmp_path / "lines").read_text().split() == ["one", "two", "three"]
    with pytest.raises(Refused, match="this session was rolled back: it is over"):
        await bench.runner.roll_back("helm", "", "op", "again")


async def test_a_stage_is_left_out_for_a_typed_reason_or_the_way_back_is_left_as_it_stands(
    tmp_path: Path, stages: dict[str, FileStage]
) -> None:
    bench = Bench(tmp_path)
    stages["one"].fails = stages["three"].fails = True
    await bench.runner.roll_back("helm", "", "op", "it must be")
    await until(bench, "asked")
    answer(bench, flying.SKIP, "was done by hand")
    async with asyncio.timeout(PATIENCE):
        while not (bench.flight.state.decision and "three" in bench.flight.state.decision.event.decision):
            await asyncio.sleep(0.01)
    answer(bench, flying.LEAVE)
    await until(bench, "ended")
    back = bench.flight.state.rollback
    assert back is not None
    assert (back.stages[0].outcome, back.stages[0].why) == ("skipped", "was done by hand")
    assert back.outcome == "failed"
    assert bench.runner.refusal("announce") == "", "what was left as it stands may be mended by flying on"
    shown = next(gate for gate in (await bench.runner.sheet("announce", "op")).gates if gate.name == NOT_LEFT)
    assert not shown.holds
    assert "left at the stage test stage: the disk is full" in shown.found
    with pytest.raises(Refused, match=NOT_LEFT):
        await bench.runner.start("announce", "op")
    await bench.runner.start("announce", "op", "nothing was undone yet")
    assert not left(bench.flight.state), "who has said why is not asked at every step"


async def test_a_way_back_needs_a_reason_and_a_way_that_the_world_allows(
    tmp_path: Path, stages: dict[str, FileStage]
) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(Refused, match="needs a reason"):
        await bench.runner.roll_back("helm", "", "op", "  ")
    with pytest.raises(Refused, match="there is no restore to go back by"):
        await bench.runner.roll_back("restore", "", "op", "why")
    with pytest.raises(Refused, match="wait or end"):
        await bench.runner.roll_back("helm", "", "op", "why", job="kill")
    assert bench.flight.state.rollback is None


async def test_a_cockpit_that_was_killed_goes_on_with_the_stage_that_ran(
    tmp_path: Path, stages: dict[str, FileStage]
) -> None:
    bench = await failing_in_two(tmp_path, stages)
    await bench.runner.close()
    bench.kill()
    stages["two"].fails = False
    bench.open()
    bench.runner.resume()
    answer(bench, flying.RETRY)
    await until(bench, "ended")
    assert (tmp_path / "lines").read_text().split() == ["one", "two", "three"], "nothing twice"


async def test_nothing_else_begins_while_the_step_that_runs_is_let_go_of(
    tmp_path: Path, stages: dict[str, FileStage], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    letting_go, gone = asyncio.Event(), asyncio.Event()

    async def waits(_: object) -> Sequence[Check]:
        try:
            await asyncio.Event().wait()
        finally:
            letting_go.set()
            await gone.wait()
        return ()

    monkeypatch.setattr(bench.steps["drain"], "fly", waits)
    await bench.runner.start("drain", "op", "the ones before were done by hand")
    await asyncio.sleep(0)  # it begins
    postponing = asyncio.create_task(bench.runner.postpone("op", "a storm"))
    await letting_go.wait()
    with pytest.raises(Refused, match="the migration is being postponed"):
        await bench.runner.roll_back("helm", "", "op", "it must be")
    with pytest.raises(Refused, match="the migration is being postponed"):
        await bench.runner.postpone("op", "twice")
    gone.set()
    await asyncio.wait({bench.runner._task} if bench.runner._task else ())
    bench.runner.resume()
    await postponing
    await asyncio.wait_for(bench.runner._task or asyncio.Future(), 5)
    postponed = bench.flight.state.postponement
    assert postponed is not None
    assert postponed.outcome == "verified"
    assert bench.flight.state.step("drain").outcome == "aborted"
    assert "rollback.started" not in bench.kinds()


async def test_a_stage_that_this_version_does_not_know_fails_and_asks(
    tmp_path: Path, stages: dict[str, FileStage]
) -> None:
    bench = await failing_in_two(tmp_path, stages)
    await bench.runner.close()
    bench.kill()
    del stages["two"]
    bench.open()
    bench.runner.resume()
    answer(bench, flying.RETRY)
    async with asyncio.timeout(10):
        while not (bench.flight.state.decision and bench.flight.state.decision.event.decision == "two-2"):
            await asyncio.sleep(0.01)
    assert "the cockpit itself failed: KeyError" in bench.flight.state.decision.event.evidence[0]
    answer(bench, flying.LEAVE)
    await until(bench, "ended")
