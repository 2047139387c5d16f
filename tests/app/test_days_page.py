"""The page of the days: each with what was found, the mend where it does not hold, and those not gone through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from cockpit_widgets.spans import Line, width
from migration_cockpit.app.dialogs.days import day_lines
from migration_cockpit.cockpit.opening import opening
from migration_cockpit.cockpit.watches.days import DaysWatch
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.places import days_of
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import State
from tests.app.fixtures import sample_state
from tests.app.light import still_app
from tests.connections.support import make_settings

WORSE = "WORSE scheduler loop duration: production 0.04 s, staging 0.064 s (+60 %)"


def gone_through() -> tuple[State, datetime]:
    """A sample with D-7 gone through twice."""
    state, now = sample_state("before")
    day = ev.DayState(
        started=now - timedelta(days=7),
        operator="ada",
        attempt=2,
        ended=now - timedelta(days=7),
        outcome="fails",
        found=(
            ev.DayFound(day="D-7", look="versions", status="holds", found=("production runs 2.11.2", "more")),
            ev.DayFound(day="D-7", look="metrics", status="fails", found=(WORSE, "the rest"), mend="find out why"),
            ev.DayFound(day="D-7", look="smoke", status="unknown", found=("no smoke script is named",)),
        ),
    )
    return msgspec.structs.replace(state, days={"D-7": day}), now


def texts(state: State, wide: int = 100) -> list[str]:
    return ["".join(part[0] for part in each) for each in day_lines(state, wide)]


def test_what_does_not_hold_is_told_in_full_with_its_mend() -> None:
    page = texts(gone_through()[0])
    assert page[0] == "✖ D-7 staging on the target version beside production"
    assert "FAILS, by ada on" in page[1]
    assert "2 times gone through" in page[1]
    assert page[2] == "  ✔ versions: production runs 2.11.2"
    assert page[3] == f"  ✖ metrics: {WORSE}"
    assert page[4:6] == ["    the rest", "    → find out why"]
    assert "? D-3 everybody is told: not gone through" in page
    assert [line[:5] for line in page if " D" in line[:3]] == ["✖ D-7", "? D-3", "? D-1", "? D+1", "? D+7"]


@pytest.mark.parametrize("wide", [36, 76, 116])
def test_nothing_is_wider_than_the_page(wide: int) -> None:
    lines: list[Line] = day_lines(gone_through()[0], wide)
    assert max(width(each) for each in lines) <= wide


async def test_d_opens_and_closes_it() -> None:
    app = still_app(*gone_through())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("D")
        await pilot.pause()
        assert app.page == "days"
        await pilot.press("D")
        await pilot.pause()
        assert app.page == ""


def test_a_session_remembers_what_the_days_journal_told_and_once_only(tmp_path: Path) -> None:
    settings, clock = make_settings(tmp_path), SystemClock()
    home = days_of(tmp_path / "sessions", "test", "2.11.2", "3.2.2")
    session = tmp_path / "sessions" / "s"
    for each in (home, session):
        each.mkdir(parents=True)
    days, flown = (Recorder(each, clock, Redactor()) for each in (home, session))
    watch = DaysWatch(flown, clock, settings, tmp_path / "sessions")
    watch.look()
    assert flown.head[0] == 0, "there is nothing to remember yet"
    days.record(opening(settings, "days"))
    days.record(ev.DayStarted(day="D-7", operator="ada"))
    values = {"loop_duration": 0.04}
    days.record(ev.DayMeasured(day="D-7", where="production", values=values, minutes=30, version="2.11.2"))
    days.record(ev.DayEnded(day="D-7", outcome="holds"))
    for _ in range(2):
        watch.look()
    assert flown.head[0] == 1
    assert flown.state.days["D-7"].measured["production"].values == values
    days.record(ev.DayStarted(day="D+1", operator="grace"))
    watch.look()
    assert flown.state.days["D+1"].operator == "grace"
    days.close()
    flown.close()
    assert Recorder(session, clock, Redactor()).state.days["D-7"].started.tzinfo == UTC
