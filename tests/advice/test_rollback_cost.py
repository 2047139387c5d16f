"""What is said of a rollback's cost: in one line that always fits, and by the playbook's ages."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from migration_cockpit.advice.now import advise
from migration_cockpit.advice.rollback_cost import UNSEEN, cost, cost_to, marked, usable
from migration_cockpit.session import events as ev
from migration_cockpit.session.cost import Change, CostReading, Marks, NewRun
from migration_cockpit.session.state import SourceState, State
from tests.app.fixtures import Fold, after, at, before, upgraded

POINT = "airflow-pre-3x-0516-0946"


def with_cost(state: State, reading: CostReading, seconds: float = 1500.0) -> State:
    fold = Fold()
    fold.state = state
    expected = ev.WayBackExpected(way="restore", seconds=seconds, basis="as configured")
    helm = ev.OperationIntended(step="helm", operation="helm-upgrade", key="k", commands=())
    fold.add(state.t or at("13:00"), helm, ev.CostRead(reading=reading), expected)
    return fold.state


LOST = CostReading(
    point=POINT,
    dag_runs=3,
    task_instances=41,
    xcoms=12,
    logs=96,
    connections=(Change(name="warehouse", how="changed"),),
    newest=(NewRun(dag_id="orders", run_id="scheduled__1", state="success"),),
)


def test_nothing_is_said_before_step_4() -> None:
    state, now = before()
    assert cost(state, now) is None


def test_the_line_says_what_how_long_and_until_when() -> None:
    found = cost(with_cost(after().state, LOST), at("12:45"))
    assert found is not None
    assert found.line == "Rollback loses 3 runs, 41 tasks, 1 setting · ~25 min, until 15:35"
    assert "warehouse changed" in " ".join(found.loss)
    assert "Newest runs: orders." in " ".join(found.loss)


@pytest.mark.parametrize("big", [0, 1, 99_999_999])
@pytest.mark.parametrize("unknown", ["", "unknown while tables are locked", UNSEEN])
def test_the_line_fits_the_smallest_screen(big: int, unknown: str) -> None:
    reading = msgspec.structs.replace(LOST, dag_runs=big, task_instances=big, unknown=unknown)
    for seconds, when in ((30.0, "12:00"), (20_000.0, "15:59")):
        found = cost(with_cost(after().state, reading, seconds), at(when))
        assert found is not None
        assert len(found.line) <= 76, found.line


def test_locked_tables_are_said_not_taken_for_nothing() -> None:
    reading = CostReading(point=POINT, unknown="unknown while tables are locked")
    found = cost(with_cost(upgraded().state, reading), at("10:30"))
    assert found is not None
    assert "unknown while tables are locked" in found.line
    found = cost(with_cost(after().state, reading), at("12:45"))
    assert found is not None
    assert found.tone == "careful"


def test_what_was_counted_before_the_database_was_out_of_sight_is_not_told_as_of_now() -> None:
    state = with_cost(after().state, CostReading(point=POINT, logs=4))
    gone = SourceState(read=at("12:45"), failing_since=at("12:46"), why="no route")
    found = cost(msgspec.structs.replace(state, sources={**state.sources, "cost": gone}), at("14:00"))
    assert found is not None
    assert "loses: unknown, the database is not seen" in found.line
    assert "counted last at 12:45" in found.loss[0]
    assert found.tone == "careful"


def test_past_the_last_moment_it_is_bad() -> None:
    found = cost(with_cost(after().state, LOST), at("15:36"))
    assert found is not None
    assert found.over
    assert found.tone == "bad"
    assert found.line.endswith("too late")


@pytest.mark.parametrize(
    ("hours", "word", "late"),
    [(0.5, "least is lost", False), (3, "until", False), (5, "fixing forward", False), (25, "past 24 hours", True)],
)
def test_the_playbooks_ages(hours: float, word: str, late: bool) -> None:
    state = with_cost(after().state, LOST)
    ended = state.steps["migrate"].ended
    assert ended is not None
    found = cost(state, ended + timedelta(hours=hours))
    assert found is not None
    assert word in found.age
    assert found.late is late


def test_only_points_at_the_source_head_are_counted_from() -> None:
    fold = upgraded()
    half = ev.RecoveryPoint(name="half", method="dump", step="migrate", head="05234396c6fc", taken=at("10:30"))
    for name in (POINT, "half"):
        fold.add("10:31", ev.RecoveryMarked(point=name, at=at("10:31"), marks=Marks(dag_run=7)))
    fold.add("10:31", half)
    assert [point.name for point in usable(fold.state)] == [POINT]
    found = marked(fold.state)
    assert found is not None
    assert found.point == POINT


def test_the_advice_says_it_too() -> None:
    state = with_cost(after().state, LOST)
    said = " ".join(advise(state, at("12:45")).details)
    assert POINT in said
    assert "2 to 4 hours" in said


OLDER = "airflow-pre-3x-0516-0901"


def counted(point: str, reading: CostReading | None = None) -> str:
    """What is said of the loss of a way back to this point."""
    fold = Fold()
    fold.state = with_cost(after().state, LOST)
    if reading is not None:
        fold.add("12:44", ev.CostCounted(reading=reading))
    found = cost_to(fold.state, at("12:45"), point, "time" if point.endswith("Z") else "snapshot")
    assert found is not None
    return " ".join(found.loss)


def test_the_loss_is_of_the_point_that_is_chosen() -> None:
    assert f"loses 3 DAG runs, 41 task instances, 12 xcoms, 96 log rows since {POINT}." in counted(POINT)
    since = msgspec.structs.replace(LOST, point=OLDER, dag_runs=1, task_instances=5, as_of=at("12:44"))
    said = counted(OLDER, since)
    assert f"loses 1 DAG run, 5 task instances, 12 xcoms, 96 log rows since {OLDER} (counted at 12:44" in said
    assert POINT not in said


def test_a_point_that_was_not_counted_says_so_and_says_what_is_known() -> None:
    said = counted(OLDER)
    assert said.startswith(f"What came since {OLDER} cannot be counted, only since {POINT}.")
    assert f"3 DAG runs, 41 task instances, 12 xcoms, 96 log rows since {POINT}" in said
    locked = CostReading(point=OLDER, unknown="unknown while tables are locked")
    assert counted(OLDER, locked) == "Unknown while tables are locked; not counted yet."


def test_a_moment_loses_what_came_since_the_standstill() -> None:
    assert f"since {POINT}; nothing wrote between that and 2026-05-16T10:21:07Z." in counted("2026-05-16T10:21:07Z")


def test_one_of_anything_is_one() -> None:
    one = CostReading(point=POINT, dag_runs=1, task_instances=1, xcoms=1, logs=1, went_on=1)
    found = cost(with_cost(after().state, one), at("12:45"))
    assert found is not None
    assert found.line.startswith("Rollback loses 1 run, 1 task · ")
    assert found.loss[0] == f"A restore loses 1 DAG run, 1 task instance, 1 xcom, 1 log row since {POINT}."


def test_the_last_look_has_the_counts_whatever_is_gone_back_to() -> None:
    state = with_cost(after().state, LOST)
    for point in (POINT, OLDER):
        found = cost_to(state, at("12:45"), point, "snapshot")
        assert found is not None
        assert "3 DAG runs, 41 task instances" in " ".join(found.rows)
