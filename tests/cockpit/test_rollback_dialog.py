"""The rollback at the desk: impossible by accident, quick on purpose, and every attempt in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from migration_cockpit.cockpit.desk import DEAF
from migration_cockpit.cockpit.dialogs import RollbackCountdown, RollbackDialog
from migration_cockpit.cockpit.replay.controls import WatchDesk
from migration_cockpit.connections import Unreachable
from migration_cockpit.playbook.rollback.plan import END, WAIT, Plan, PlannedStage, Point, Prospect, Seen, Way
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.cost import CostReading, Marks
from tests.cockpit.monkey import fly_to
from tests.cockpit.test_desk import Seat
from tests.pace import PATIENCE

if TYPE_CHECKING:
    from migration_cockpit.cockpit.shown import Shown

NOW = datetime(2026, 5, 16, 11, 0, tzinfo=UTC)
OLD = Point("airflow-pre-3x-0515-helm", "snapshot", "helm", "5f2621c13b39", NOW, "available")
NEW = Point("airflow-pre-3x-0516-migrate", "snapshot", "migrate", "5f2621c13b39", NOW, "available")
GONE = Point("airflow-pre-3x-0514", "snapshot", "helm", "", NOW, "deleted", refused="it is gone")
RESTORE = Way("restore", "restore a snapshot", "What was written since is lost.", points=(NEW, OLD, GONE))
DOWNGRADE = Way("downgrade", "downgrade in place", "It keeps what ran since.", loses=("3 pickled xcoms",))
HELM = Way("helm", "manifests back", "No data is touched.", refused="the schema has moved")


class Backwards:
    """In the place of the runner's way back: what was asked for is kept, nothing is flown."""

    def __init__(self, job: str = "") -> None:
        self.prospects = Prospect(seen=Seen(at=NOW, job=job), ways=(RESTORE, HELM, DOWNGRADE))
        self.flown: list[tuple[str, str, str, str]] = []
        self.refuses = ""

    async def prospect(self) -> Prospect:
        """As the world stands."""
        return self.prospects

    def plan_back(self, seen: Prospect, way: str, point: str = "", job: str = WAIT) -> Plan:
        """Laid out."""
        found = seen.way(way)
        assert found is not None
        if found.refused:
            raise Refused(f"{found.title}: {found.refused}")
        at = next((each for each in found.points if each.name == point), found.points[0] if found.points else None)
        return Plan(found, at, job, (PlannedStage("stop", "stop 3.x", "…", (), 60.0, "stopped"),))

    async def roll_back(self, way: str, point: str, operator: str, reason: str, *, job: str = WAIT) -> None:
        """Begun."""
        if self.refuses:
            raise Refused(self.refuses)
        self.flown.append((way, point, reason, job))


class BackSeat(Seat):
    """A desk whose runner looks back as it is told."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.back = Backwards()

    def lead(self, back: Backwards, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the runner answer so."""
        self.back = back
        for name in ("prospect", "plan_back", "roll_back"):
            monkeypatch.setattr(self.cockpit.runner, name, getattr(back, name))

    def type(self, text: str) -> None:
        """Type once the dialog hears."""
        self.clock.seconds += DEAF
        self.desk.type(text)

    async def armed(self) -> None:
        """As far as the countdown, by the best snapshot."""
        for key, text in (("R", ""), ("1", ""), ("enter", "tasks fail"), ("enter", "airflow igrate"), ("enter", "")):
            await self.press(key)
            self.type(text)

    def acts(self) -> list[str]:
        """What the journal says of the attempts."""
        entries = journal.read(self.cockpit.recorder.directory / journal.FILE)
        return [entry.event.act for entry in entries if isinstance(entry.event, ev.RollbackConsidered)]


@pytest.fixture
async def seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BackSeat]:
    monkeypatch.setattr("migration_cockpit.cockpit.dialogs.rollback.COUNTDOWN", 0.3)
    seat = BackSeat(tmp_path)
    seat.lead(Backwards(), monkeypatch)
    yield seat
    await seat.cockpit.stop("test over")


async def counted_down(seat: BackSeat) -> None:
    """The countdown's own sleep is on the machine's clock: wait until it is through."""
    async with asyncio.timeout(PATIENCE):
        while seat.desk.where == "rollback-countdown":
            await asyncio.sleep(0.05)


async def test_the_whole_way_with_reason_phrase_and_countdown(seat: BackSeat) -> None:
    await seat.armed()
    assert isinstance(seat.desk.dialog, RollbackCountdown)
    assert seat.back.flown == []
    await counted_down(seat)
    assert seat.back.flown == [("restore", NEW.name, "tasks fail", WAIT)]
    assert seat.acts() == ["opened", "armed", "fired"]
    assert seat.desk.notice == "the way back has begun"


async def test_esc_in_the_countdown_cancels_and_nothing_follows(seat: BackSeat) -> None:
    await seat.armed()
    task = seat.desk.dialog._task  # type: ignore[union-attr]
    await seat.press("escape")
    await asyncio.wait_for(task, 15)
    assert seat.back.flown == []
    assert seat.acts() == ["opened", "armed", "cancelled"]


async def test_enter_alone_never_goes_further_than_the_first_dialog(seat: BackSeat) -> None:
    await seat.press("R")
    for _ in range(20):
        await seat.press("enter")
    assert isinstance(seat.desk.dialog, RollbackDialog)
    assert "nothing is chosen" in seat.desk.notice
    await seat.press("escape")
    assert seat.acts() == ["opened", "cancelled"]


async def test_the_right_phrase_in_the_wrong_field_does_nothing(seat: BackSeat) -> None:
    await seat.press("R")
    await seat.press("1")
    seat.type("airflow igrate")
    await seat.press("enter")
    assert seat.desk.where == "rollback-reason", "what was typed in the first dialog is not taken over"
    assert seat.desk.typed == ""
    await seat.press("enter")
    assert "type why" in seat.desk.notice
    seat.type("why not")
    await seat.press("enter")
    for wrong in ("", "airflow", "airflow 6-helm", "AIRFLOW igrate", "airflow  igrate"):
        seat.type(wrong)
        await seat.press("enter")
        assert seat.desk.where == "rollback-phrase", wrong
        assert seat.desk.notice == "type exactly: airflow igrate"
    assert seat.back.flown == []


async def test_what_is_pasted_as_a_dialog_opens_is_dropped(seat: BackSeat) -> None:
    await seat.press("R")
    await seat.press("1")
    await seat.press("enter")
    seat.desk.type("tasks fail")
    await seat.press("enter", after=0.0)
    assert (seat.desk.where, seat.desk.typed) == ("rollback-reason", "")


async def test_another_point_and_a_way_that_is_not_possible(seat: BackSeat) -> None:
    await seat.press("R")
    await seat.press("2")
    assert seat.desk.notice == "manifests back: the schema has moved"
    await seat.press("p")
    assert seat.desk.notice == "choose a way first"
    await seat.press("1")
    dialog = seat.desk.dialog
    assert isinstance(dialog, RollbackDialog)
    points = []
    for _ in range(3):
        assert dialog.plan is not None
        assert dialog.plan.point is not None
        points.append(dialog.plan.point.name)
        await seat.press("p")
    assert points == [NEW.name, OLD.name, NEW.name], "a point that is gone is never chosen"
    await seat.press("0")
    assert dialog.plan is None


async def test_a_migration_at_work_is_ended_only_by_its_name(seat: BackSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    seat.lead(Backwards(job="airflow-db-migrate-0516"), monkeypatch)
    await seat.press("R")
    await seat.press("1")
    await seat.press("enter")
    assert "t waits for its end, e ends it" in seat.desk.notice
    await seat.press("e")
    await seat.press("enter")
    seat.type("it is stuck")
    await seat.press("enter")
    assert seat.desk.where == "rollback-end-job"
    seat.type("airflow igrate")
    await seat.press("enter")
    assert seat.desk.where == "rollback-end-job"
    seat.type("airflow-db-migrate-0516")
    await seat.press("enter")
    seat.type("airflow igrate")
    await seat.press("enter")
    await counted_down(seat)
    assert seat.back.flown == [("restore", NEW.name, "it is stuck", END)]


async def test_what_the_world_refuses_at_the_last_moment_is_said_and_recorded(seat: BackSeat) -> None:
    seat.back.refuses = "restore a snapshot: the snapshot is gone"
    await seat.armed()
    await counted_down(seat)
    assert seat.desk.notice == "nothing was done: restore a snapshot: the snapshot is gone"
    assert seat.acts() == ["opened", "armed", "fired", "refused"]


async def test_while_a_way_back_is_under_way_no_second_one_opens(seat: BackSeat) -> None:
    stage = ev.RollbackStage(stage="stop", title="stop 3.x")
    seat.cockpit.recorder.record(ev.RollbackStarted(way="helm", operator="sre", reason="r", stages=(stage,)))
    await seat.press("R")
    assert seat.desk.where == "rollback-under-way"
    assert seat.acts() == [], "nothing new was considered"
    await seat.press("enter")
    assert seat.desk.where == "screen"


async def test_a_second_persons_code_is_asked_for_and_never_shown_to_the_one_who_flies(
    seat: BackSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = msgspec.structs.replace(seat.cockpit.settings.rollback, second_person=True)
    monkeypatch.setattr(seat.cockpit, "settings", msgspec.structs.replace(seat.cockpit.settings, rollback=asked))
    await seat.press("R")
    await seat.press("1")
    await seat.press("enter")
    seat.type("tasks fail")
    await seat.press("enter")
    assert seat.desk.where == "rollback-code"
    code = seat.cockpit.state.way_back.code
    assert len(code) == 6
    assert not any(code in entry.text for entry in seat.cockpit.state.log), "the log is on the flying screen"
    for wrong in ("", "0", f"{(int(code) + 1) % 1_000_000:06d}", f"{code}0"):
        seat.type(wrong)
        await seat.press("enter")
        assert seat.desk.where == "rollback-code"
        assert "not the code" in seat.desk.notice
    seat.type(code)
    await seat.press("enter")
    assert seat.desk.where == "rollback-phrase"
    await seat.press("escape")
    assert seat.cockpit.state.way_back.code == "", "a code is good for one attempt"
    assert seat.back.flown == []


async def test_only_who_watches_reads_the_code_and_cannot_open_the_dialog(seat: BackSeat) -> None:
    watching = WatchDesk(cast("Shown", seat.cockpit))
    assert watching.standing == ""
    seat.cockpit.recorder.record(ev.SecondPersonAsked(operator="sre", code="123456"))
    assert "123456" in watching.standing
    assert seat.desk.standing == ""
    await watching.press("R")
    assert watching.where == "screen"
    assert "rollback is off" in watching.notice


async def test_after_24_hours_three_ways_are_laid_out_and_none_is_run(
    seat: BackSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = seat.cockpit.recorder.record
    for step in ("helm", "migrate"):
        record(ev.StepStarted(step=step, operator="sre"))
        record(ev.StepEnded(step=step, outcome="verified", operator="sre"))
    now = seat.clock.now()
    monkeypatch.setattr(seat.clock, "now", lambda: now + timedelta(hours=25))
    await seat.press("R")
    await seat.press("1")
    await seat.press("enter")
    assert seat.desk.where == "rollback"
    assert "rollback.late = true" in seat.desk.notice
    allowed = msgspec.structs.replace(seat.cockpit.settings.rollback, late=True)
    monkeypatch.setattr(seat.cockpit, "settings", msgspec.structs.replace(seat.cockpit.settings, rollback=allowed))
    await seat.press("r")
    await seat.press("1")
    await seat.press("enter")
    assert seat.desk.where == "rollback-reason"


async def test_a_failed_stage_is_answered_from_where_it_is_seen(seat: BackSeat) -> None:
    record = seat.cockpit.recorder.record
    stage = ev.RollbackStage(stage="restore", title="restore")
    record(ev.RollbackStarted(way="restore", operator="sre", reason="r", stages=(stage,)))
    choices = {"retry": "try again", "skip": "go on without it", "leave": "end it here"}
    record(
        ev.DecisionAsked(
            step=ev.ROLLBACK, decision="restore-1", question="it failed", choices=choices, reasoned=("skip",)
        )
    )
    await seat.press("R")
    await seat.press("enter")
    assert seat.desk.where == "decision"
    await seat.press("2")
    await seat.press("enter")
    assert "skip needs a reason" in seat.desk.notice
    seat.type("compared by hand")
    await seat.press("enter")
    made = seat.cockpit.state.decisions
    assert [(each.answer, each.reason) for each in made.values()] == [("skip", "compared by hand")]


def test_the_events_hold_no_more_than_they_say() -> None:
    event = ev.RollbackConsidered(act="cancelled", operator="sre")
    assert msgspec.json.encode(event) == b'{"act":"cancelled","operator":"sre"}'


async def test_after_24_hours_no_way_is_gone_and_the_rows_are_still_listed(
    seat: BackSeat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fly_to(seat.cockpit.recorder, "rest", running=False)
    seat.cockpit.recorder.record(ev.RecoveryPoint(name=OLD.name, method="snapshot", step="helm", head="", taken=NOW))
    seat.cockpit.recorder.record(ev.RecoveryMarked(point=OLD.name, at=NOW, marks=Marks(dag_run=7)))
    monkeypatch.setattr(seat.clock, "now", lambda: datetime.now(UTC) + timedelta(hours=25))
    asked: list[str] = []

    async def export(_: object, marked: ev.RecoveryMarked) -> Path:
        asked.append(marked.point)
        if len(asked) > 1:
            raise Unreachable("Postgres", "the server is gone")
        return tmp_path / "rows-since.jsonl"

    monkeypatch.setattr("migration_cockpit.playbook.rollback.rows_since.export", export)
    await seat.press("R")
    dialog = seat.desk.dialog
    assert isinstance(dialog, RollbackDialog)
    assert dialog.too_late
    await seat.press("1")
    await seat.press("enter")
    assert "rollback.late = true allows it" in seat.desk.notice
    await seat.press("x")
    assert seat.desk.notice == f"written: {tmp_path / 'rows-since.jsonl'}"
    await seat.press("x")
    assert "the rows cannot be read" in seat.desk.notice
    assert "the server is gone" in seat.desk.notice
    assert asked == [OLD.name, OLD.name]
    assert seat.desk.where == "rollback", "it stays open"


async def test_another_point_is_counted_as_it_is_chosen(seat: BackSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    record = seat.cockpit.recorder.record
    for name in (NEW.name, OLD.name):
        record(ev.RecoveryMarked(point=name, at=NOW, marks=Marks(dag_run=7)))
    record(ev.CostRead(reading=CostReading(point=NEW.name, dag_runs=3)))

    async def since(_: object, marked: ev.RecoveryMarked) -> CostReading:
        return CostReading(point=marked.point, dag_runs=9)

    monkeypatch.setattr("migration_cockpit.sources.cost.read_since", since)
    await seat.press("R")
    await seat.press("1")
    assert seat.cockpit.state.way_back.counted == {}, "the newest is counted all the time"
    await seat.press("p")
    assert seat.cockpit.state.way_back.counted[OLD.name].dag_runs == 9
    assert seat.cockpit.state.cost is not None
    assert seat.cockpit.state.cost.dag_runs == 3


async def test_a_moment_is_typed_by_its_time_of_day(seat: BackSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = Point("2026-05-16T10:21:07+00:00", "time", "migrate", "", datetime(2026, 5, 16, 10, 21, 7, tzinfo=UTC), "")
    back = Backwards()
    back.prospects = Prospect(seen=Seen(at=NOW), ways=(replace(RESTORE, points=(moment,)),))
    seat.lead(back, monkeypatch)
    for key, text in (("R", ""), ("1", ""), ("enter", "tasks fail"), ("enter", "airflow +00:00")):
        await seat.press(key)
        seat.type(text)
    await seat.press("enter")
    assert seat.desk.notice == "type exactly: airflow 10:21:07"
    seat.type("airflow 10:21:07")
    await seat.press("enter")
    assert seat.desk.where == "rollback-countdown"
