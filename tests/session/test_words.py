"""One spelling for lengths of time and for changes, wherever they are said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import migration_cockpit
from migration_cockpit.session.words import age, coarse, difference, long, minutes, percent


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(42.9, "42 s"), (372, "6 min"), (3900, "1 h 05 min"), (7140, "1 h 59 min"), (7200, "2 h"), (-1, "0 s")],
)
def test_a_length_of_time_in_a_sentence(seconds: float, said: str) -> None:
    assert long(seconds) == said


def test_days_are_said_as_days() -> None:
    assert (long(3 * 86400 + 4 * 3600), long(3 * 86400)) == ("3 days 4 h", "3 days")


@pytest.mark.parametrize(("seconds", "said"), [(7, "7s"), (372, "6m12s"), (7500, "2h05m"), (273_600, "3d4h")])
def test_what_ticks_is_spelled_as_kubectl_does(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_an_age_of_which_seconds_say_nothing() -> None:
    assert (coarse(59), coarse(7199), coarse(7200), coarse(172_800)) == ("0m", "119m", "2h", "2d")


def test_changes_have_their_sign_and_nothing_is_plus_nothing() -> None:
    minus = "\N{MINUS SIGN}"
    assert (minutes(360), minutes(-20), minutes(-120)) == ("+6", "+0", f"{minus}2")
    assert (percent(34.2), percent(-0.3), percent(-60)) == ("+34 %", "+0 %", f"{minus}60 %")
    assert (difference(118), difference(-0.42, "s"), difference(0.0)) == ("+118", f"{minus}0.42 s", "+0")


def test_no_other_module_spells_lengths_of_time() -> None:
    home = Path(migration_cockpit.__file__).parent
    spells = re.compile(r"// ?(60|3600|86400)\b.*(\}|\") ?(m|h|d|min)\b")
    found = [
        str(path.relative_to(home))
        for path in home.rglob("*.py")
        if "rehearsal" not in path.parts and spells.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["session/words.py"]
