"""Moments as people type them, in notes of the past and for a later end of the window."""

from __future__ import annotations

from datetime import timedelta

import pytest

from migration_cockpit.session.moments import NoMoment, later_end, past_note
from tests.app.fixtures import at

NOW, OPENED, END = at("10:40:30"), at("08:55"), at("16:00")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "moment", "said"),
    [
        ("the DBA ended it", None, "the DBA ended it"),
        ("-5m the DBA ended it", at("10:35:30"), "the DBA ended it"),
        ("-1h30m we began to wonder", at("09:10:30"), "we began to wonder"),
        ("-90s now then", at("10:39:00"), "now then"),
        ("10:32 lock seen", at("10:32"), "lock seen"),
        ("9:05:07 paused", at("09:05:07"), "paused"),
        ("-5 degrees in here", None, "-5 degrees in here"),
        ("3 of 4 pods", None, "3 of 4 pods"),
        ("25:00 is no time of day", None, "25:00 is no time of day"),
        ("  spaced   out ", None, "spaced   out"),
    ],
)
def test_a_note_begins_with_its_moment_or_is_of_now(text: str, moment: object, said: str) -> None:
    assert past_note(text, NOW, OPENED) == (moment, said)


def test_shortly_after_midnight_the_evening_before_can_be_named() -> None:
    after, opened = at("00:20") + DAY, at("22:00")
    assert past_note("23:50 it was quiet", after, opened) == (at("23:50"), "it was quiet")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("11:00 not yet", "11:00 is still to come"),
        ("08:00 too early", "08:00 is before the session was opened at 08:55:00"),
        ("-3h too early", "-3h is before the session was opened"),
        ("-5m", "-5m is a moment without a note"),
        ("10:32   ", "10:32 is a moment without a note"),
    ],
)
def test_a_note_of_no_past_moment_says_why(text: str, why: str) -> None:
    with pytest.raises(NoMoment, match=why):
        past_note(text, NOW, OPENED)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("17:00 the block cost us half an hour", at("17:00")),
        ("+90m the block cost us half an hour", at("17:30")),
        ("+1h30m the block cost us half an hour", at("17:30")),
        ("02:00 the block cost us half an hour", at("02:00") + DAY),
        ("2026-05-16 17:00 the block cost us half an hour", at("17:00")),
        ("2026-05-16T17:00Z the block cost us half an hour", at("17:00")),
        ("2026-05-16T19:00+02:00 the block cost us half an hour", at("17:00")),
    ],
)
def test_a_later_end_and_why(text: str, end: object) -> None:
    assert later_end(text, NOW, END) == (end, "the block cost us half an hour")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "type the new end, then why"),
        ("17:00", "to 17:00: why"),
        ("soon please", "soon is no moment: it takes 17:00, "),
        ("16:00 the same", "16:00 is not later than 16:00, when the window ends now"),
        ("15:30 earlier", "15:30 is not later than 16:00"),
        ("2026-05-18 17:00 next week", "more than a day later"),
        ("+30h very long", "more than a day later"),
        ("2026-13-40 17:00 no such day", "is no moment"),
        ("99:99 no such time", "is no moment"),
    ],
)
def test_what_is_no_later_end_says_why(text: str, why: str) -> None:
    with pytest.raises(NoMoment, match=why):
        later_end(text, NOW, END)


def test_a_window_that_closed_is_reopened_only_to_a_moment_that_is_to_come() -> None:
    with pytest.raises(NoMoment, match="16:30 has passed; it is 17:00"):
        later_end("2026-05-16 16:30 too little", at("17:00"), END)
    assert later_end("+30m agreed with the lead", at("17:00"), END)[0] == at("17:30")
    assert later_end("18:00 agreed with the lead", at("17:00"), END)[0] == at("18:00")
