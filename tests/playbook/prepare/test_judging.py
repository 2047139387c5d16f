"""How evidence and a person's word count: evidence first, both grow old, nothing holds because nobody looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from migration_cockpit.playbook.prepare import PREREQUISITES, by_id, signoffs
from migration_cockpit.playbook.prepare.printed import as_data, as_table
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, SIGNED, STALE, UNKNOWN, Seen, judge, together
from migration_cockpit.playbook.prepare.signoffs import SignOff, SignOffError

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
DAYS = timedelta(days=14)


def signed(days: float) -> SignOff:
    return SignOff("window", "ada", NOW - timedelta(days=days), "approved in CAB 4711")


@pytest.mark.parametrize(
    ("which", "status", "evidence_days", "signed_days", "expected"),
    [
        ("window", HOLDS, None, None, HOLDS),
        ("window", HOLDS, 15, None, STALE),
        ("window", UNKNOWN, None, None, UNKNOWN),
        ("window", UNKNOWN, None, 1, SIGNED),
        ("window", UNKNOWN, None, 15, STALE),
        ("window", FAILS, None, None, FAILS),
        ("window", FAILS, None, 1, FAILS),
        ("consumers", FAILS, None, 1, SIGNED),
        ("consumers", FAILS, None, 15, FAILS),
    ],
)
def test_what_counts(
    which: str, status: str, evidence_days: float | None, signed_days: float | None, expected: str
) -> None:
    asked = by_id(which)
    assert asked is not None
    at = None if evidence_days is None else NOW - timedelta(days=evidence_days)
    word = None if signed_days is None else signed(signed_days)
    assert judge(asked, Seen(status, ("x",), at=at), word, NOW, DAYS).status == expected


def test_several_looks_fail_with_one_and_hold_only_together() -> None:
    old, new = NOW - DAYS, NOW
    holds = Seen(HOLDS, ("a",), at=new)
    assert together([holds, Seen(HOLDS, ("b",), at=old)]) == Seen(HOLDS, ("a", "b"), "", old)
    assert together([holds, Seen(UNKNOWN, ("b",), "look")]).status == UNKNOWN
    seen = together([Seen(UNKNOWN, ("b",), "look"), Seen(FAILS, ("c",), "mend it"), holds])
    assert (seen.status, seen.mend) == (FAILS, "mend it")


def test_the_newest_word_counts_and_the_earlier_ones_stay(tmp_path: Path) -> None:
    file = signoffs.path(tmp_path / "sessions", "airflow-prod")
    assert signoffs.read(file) == {}
    signoffs.add(file, signed(3))
    signoffs.add(file, SignOff("window", "grace", NOW, "moved by an hour"))
    assert signoffs.read(file)["window"].name == "grace"
    assert "CAB 4711" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("[{")
    with pytest.raises(SignOffError, match="is damaged"):
        signoffs.add(file, signed(0))
    assert file.read_text() == "[{", "what is damaged is not written over"


def test_the_table_says_who_signed_what_is_missing_and_how_to_sign() -> None:
    first, second = PREREQUISITES[9:11]
    results = [
        judge(first, Seen(UNKNOWN, ("they go to #migration",), "show them"), None, NOW, DAYS),
        judge(second, Seen(UNKNOWN, ("Sat",)), signed(1), NOW, DAYS),
    ]
    table = as_table(results, width=100)
    assert "? unknown 10 messages" in table
    assert "→ show them; or sign that they were read and approved" in table
    assert "✔ signed  11 window" in table
    assert "signed by ada on 2026-05-09: approved in CAB 4711" in table
    assert "1 of 2 ready; 1 unknown" in table
    assert as_data(results[1])["signed"] == {
        "name": "ada",
        "at": "2026-05-09T12:00:00+00:00",
        "note": "approved in CAB 4711",
    }


def test_there_are_fifteen_and_each_is_found_by_id_and_number() -> None:
    assert [each.number for each in PREREQUISITES] == list(range(1, 16))
    assert len({each.id for each in PREREQUISITES}) == 15
    assert by_id("7") is by_id("backup")
    assert by_id("") is None
