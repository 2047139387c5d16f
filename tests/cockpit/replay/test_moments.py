"""Moments of a recording as people type them."""

from __future__ import annotations

from datetime import datetime

import pytest

from migration_cockpit.cockpit.replay.moments import NoMoment, moment
from tests.app.fixtures import at

BEGIN, END, HERE = at("09:00"), at("15:00"), at("10:00")
STEPS = {"announce": at("09:01"), "migrate": at("10:21")}


def named(text: str) -> datetime:
    return moment(text, begin=BEGIN, end=END, here=HERE, steps=STEPS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10:32", at("10:32")),
        (f"{at('10:32').date()}T10:32:00Z", at("10:32")),
        (f"{at('10:32').date()}T12:32:00+02:00", at("10:32")),
        ("+5m", at("10:05")),
        ("-1h", at("09:00")),
        ("+1h30m", at("11:30")),
        ("+60", at("10:01")),
        ("step:5", at("10:21")),
        ("step:migrate", at("10:21")),
        ("start", BEGIN),
        (" end ", END),
    ],
)
def test_what_it_takes(text: str, found: datetime) -> None:
    assert named(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing names no moment"),
        ("soon", "soon names no moment"),
        ("25:00", "25:00 names no moment"),
        ("16:00", "outside the recording"),
        ("-2h", "outside the recording"),
        ("step:12", "no step: there are 1 to 11"),
        ("step:½", "no step"),
        ("step:soak", "was not flown"),
    ],
)
def test_what_it_refuses(text: str, said: str) -> None:
    with pytest.raises(NoMoment, match=said):
        named(text)
