"""What must be seen without reading: each comes when it is time, stands as long as it holds, and rings once."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from migration_cockpit.advice.alerts import alerts
from migration_cockpit.app.alarm import Alarm
from migration_cockpit.app.panes import advice
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.session import events as ev
from migration_cockpit.session.state import State
from tests.app.fixtures import at, sample_state

HOUR = timedelta(hours=1)


def said(state: State, now: datetime) -> list[str]:
    return [each.text for each in alerts(state, now)]


def quiet() -> tuple[State, datetime]:
    """The migration at work for a while, with nothing that must be seen."""
    state, now = sample_state("migrating")
    assert state.verdict_since is not None
    return msgspec.structs.replace(state, verdict_since=now - HOUR, credentials={}), now


def test_nothing_is_told_while_nothing_must_be_seen() -> None:
    state, now = quiet()
    assert alerts(state, now) == []
    assert alerts(State(), now) == []


def test_a_change_of_verdict_is_told_for_two_minutes_and_a_grave_one_while_it_stands() -> None:
    state, now = quiet()
    fresh = msgspec.structs.replace(state, verdict_since=now - timedelta(seconds=30))
    assert said(fresh, now) == ["VERDICT WORKING for 30 s"]
    assert said(fresh, now + timedelta(seconds=91)) == []
    blocked, later = sample_state("blocked")
    long_since = msgspec.structs.replace(blocked, verdict_since=later - HOUR, credentials={})
    assert said(long_since, later) == ["VERDICT BLOCKED for 1 h"]
    assert alerts(long_since, later)[0].tone == "bad"


def test_a_quiet_that_asks_for_the_decision_stands_and_its_warning_does_not() -> None:
    state, now = sample_state("migrating")
    for subject, told in (("long", ["VERDICT QUIET for 1 h"]), ("warning", [])):
        word = ev.VerdictChanged(verdict="QUIET", subject=subject, evidence="nothing of its own moves")
        silent = msgspec.structs.replace(state, verdict=word, verdict_since=now - HOUR, credentials={})
        assert said(silent, now) == told


def test_a_step_that_is_due_is_told_until_it_begins() -> None:
    state, _ = sample_state("before")
    step = state.next_step
    assert step is not None
    assert [each for each in said(state, step.planned - timedelta(seconds=1)) if "DUE" in each] == []
    assert [each for each in said(state, step.planned) if "DUE" in each] == ["STEP DUE: announce"]
    late = alerts(state, step.planned + timedelta(minutes=7))
    assert [(each.text, each.tone) for each in late if "DUE" in each.text] == [
        ("STEP DUE for 7 min: announce", "careful")
    ]
    running = msgspec.structs.replace(
        state, steps={**state.steps, step.id: msgspec.structs.replace(step, started=step.planned)}
    )
    assert [each for each in said(running, step.planned) if "DUE" in each] == []


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (timedelta(minutes=16), []),
        (timedelta(minutes=12), ["DECISION POINT in 12 min"]),
        (timedelta(minutes=-5), ["DECISION POINT passed 5 min ago"]),
    ],
)
def test_a_decision_point_is_told_a_quarter_of_an_hour_before(before: timedelta, told: list[str]) -> None:
    state, _ = quiet()
    started = state.steps["migrate"].started
    assert started is not None
    point = started + timedelta(hours=2)
    assert [each for each in said(state, point - before) if "DECISION" in each] == told


def test_the_windows_end_is_told_an_hour_before() -> None:
    state, _ = quiet()
    end = state.window_end
    assert end is not None
    assert [each for each in said(state, end - timedelta(minutes=61)) if "WINDOW" in each] == []
    assert "WINDOW closes in 42 min" in said(state, end - timedelta(minutes=42))
    assert "WINDOW closed 3 min ago" in said(state, end + timedelta(minutes=3))


@pytest.mark.parametrize("name", ["AWS session", "kube", "grafana"])
def test_credentials_are_told_an_hour_before_they_end(name: str) -> None:
    state, now = quiet()
    ends = msgspec.structs.replace(state, credentials={name: now + timedelta(minutes=50)})
    assert said(ends, now) == [f"CREDENTIALS of {name} end in 50 min"]
    assert said(ends, now + HOUR) == [f"CREDENTIALS of {name} expired"]
    later = msgspec.structs.replace(state, credentials={name: now + 2 * HOUR})
    assert said(later, now) == []


def test_the_banner_stands_first_in_reverse_and_counts_what_has_no_room() -> None:
    state, now = quiet()
    many = msgspec.structs.replace(
        state,
        window_end=now + timedelta(minutes=20),
        credentials={"aws": now + timedelta(minutes=10), "kube": now - HOUR},
    )
    for width in (76, 156):
        first = advice.view(many, now, width, 3, Rules()).lines[0]
        text = "".join(part for part, _ in first)
        assert len(text) == width
        assert {tone for _, tone in first} == {"badge-bad"}
        assert text.startswith(" ✖ ")
        assert "CREDENTIALS of kube expired" in text
    assert "more" in "".join(part for part, _ in advice.view(many, now, 60, 3, Rules()).lines[0])


def test_each_rings_once() -> None:
    state, now = quiet()
    alarm, rules = Alarm(), Rules()
    assert not alarm.rings(state, now, rules), "what stood when one came does not ring"
    soon = msgspec.structs.replace(state, credentials={"aws": now + timedelta(minutes=50)})
    assert alarm.rings(soon, now, rules)
    assert not alarm.rings(soon, now + timedelta(seconds=1), rules)
    assert alarm.rings(soon, now + HOUR, rules), "that it has expired is another thing"
    assert at("10:00") < now
