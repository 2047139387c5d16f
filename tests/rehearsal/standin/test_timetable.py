"""When runs are due: cron arithmetic, and the quiet difference between 2.x and 3.x."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from migration_cockpit.rehearsal.standin.components.cron import BadCronError, cron
from migration_cockpit.rehearsal.standin.components.timetable import next_run


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "moment", "before", "after"),
    [
        ("*/10 * * * *", "2026-11-23T07:15", "2026-11-23T07:10", "2026-11-23T07:20"),
        ("0 3 * * *", "2026-11-23T03:00", "2026-11-23T03:00", "2026-11-24T03:00"),
        ("0 6 * * 1", "2026-11-22T12:00", "2026-11-16T06:00", "2026-11-23T06:00"),
        ("0 2 1 * *", "2026-11-23T00:00", "2026-11-01T02:00", "2026-12-01T02:00"),
        ("0 */6 * * *", "2026-12-31T23:00", "2026-12-31T18:00", "2027-01-01T00:00"),
        ("@daily", "2026-02-28T12:00", "2026-02-28T00:00", "2026-03-01T00:00"),
        ("5,35 8-9 * * *", "2026-11-23T08:10", "2026-11-23T08:05", "2026-11-23T08:35"),
    ],
)
def test_ticks(expression: str, moment: str, before: str, after: str) -> None:
    ticks = cron(expression)
    assert (ticks.until(at(moment)), ticks.after(at(moment))) == (at(before), at(after))


@pytest.mark.parametrize("text", ["", "* * * *", "x * * * *", "@sometimes"])
def test_what_is_not_cron_is_refused(text: str) -> None:
    with pytest.raises(BadCronError):
        cron(text)


def test_after_the_last_2x_run_3x_skips_a_logical_date() -> None:
    """A daily run of day 18 ran at 19T03: 2.x goes on with 19 (which runs at 20T03), 3.x with 20."""
    now, begin = at("2026-11-19T10:00"), at("2026-11-01T00:00")
    two = next_run("0 3 * * *", begin=begin, last=at("2026-11-18T03:00"), catchup=False, now=now, is3=False)
    three = next_run("0 3 * * *", begin=begin, last=at("2026-11-19T03:00"), catchup=False, now=now, is3=True)
    assert two is not None
    assert (two.logical, two.start, two.end, two.after) == (
        at("2026-11-19T03:00"),
        at("2026-11-19T03:00"),
        at("2026-11-20T03:00"),
        at("2026-11-20T03:00"),
    )
    assert three is not None
    assert {three.logical, three.start, three.end, three.after} == {at("2026-11-20T03:00")}


@pytest.mark.parametrize("is3", [False, True])
def test_catchup_makes_every_missed_run_and_no_catchup_only_the_newest(is3: bool) -> None:
    last = at("2026-11-20T03:00") if is3 else at("2026-11-19T03:00")
    begin, now = at("2026-11-01T00:00"), at("2026-11-23T10:00")
    due = next_run("0 3 * * *", begin=begin, last=last, catchup=True, now=now, is3=is3)
    newest = next_run("0 3 * * *", begin=begin, last=last, catchup=False, now=now, is3=is3)
    assert due is not None
    assert newest is not None
    assert due.after == at("2026-11-21T03:00")
    assert newest.after == at("2026-11-23T03:00")


def test_a_dag_without_a_schedule_has_no_next_run() -> None:
    moment = at("2026-11-23T10:00")
    assert next_run(None, begin=moment, last=None, catchup=True, now=moment, is3=True) is None
