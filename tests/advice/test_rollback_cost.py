"""What is said of a rollback's cost: in one line that always fits, and by the playbook's ages."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from migration_cockpit.advice.now import advise
from migration_cockpit.advice.rollback_cost import cost, marked, usable
from migration_cockpit.session import events as ev
from migration_cockpit.session.cost import Change, CostReading, Marks, NewRun
from migration_cockpit.session.state import State
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
@pytest.mark.parametrize("unknown", ["", "unknown while tables are locked"])
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
