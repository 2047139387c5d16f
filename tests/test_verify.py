"""`verify`: a whole journal, a changed one, an anchor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migration_cockpit.cli import main
from migration_cockpit.session import journal
from migration_cockpit.session.journal import line_hash
from tests.report.sample import write_day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a long day."""
    return write_day(tmp_path_factory.mktemp("day"))


def test_a_whole_journal_and_an_anchor_in_it(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = next(line for line in day.read_bytes().splitlines() if b'"step.ended"' in line)
    assert main(["verify", str(day.parent), "--anchor", line_hash(ended)[:12]]) == 0
    said = capsys.readouterr().out
    assert "everything up to it is untouched" in said
    assert f"head {line_hash(day.read_bytes().splitlines()[-1])}" in said


def test_a_journal_that_was_written_anew_is_told_from_the_anchored_one(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged, prev = [], journal.GENESIS
    for line in day.read_bytes().splitlines():
        told = json.loads(line) | {"prev": prev}
        if told["kind"] == "gate.overridden":
            told["data"]["reason"] = "never mind"
        forged.append(json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode())
        prev = line_hash(forged[-1])
    (tmp_path / journal.FILE).write_bytes(b"\n".join(forged) + b"\n")
    assert main(["verify", str(tmp_path)]) == 0
    last = next(line for line in reversed(day.read_bytes().splitlines()) if b'"step.ended"' in line)
    assert main(["verify", str(tmp_path), "--anchor", line_hash(last)]) == 1
    assert "no line has this hash" in capsys.readouterr().err


def test_a_line_that_was_taken_out_is_named_with_its_place(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = day.read_bytes().splitlines(keepends=True)
    del lines[30]
    (tmp_path / journal.FILE).write_bytes(b"".join(lines))
    assert main(["verify", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "damaged at line 31" in said
    assert "after event 30" in said
    assert said.count("\n") == 1
    for others in (["report", "-o", str(tmp_path / "r.md")], ["replay", "--headless", "--print-state", "json"]):
        assert main([*others, str(tmp_path)]) == 1, "nobody tells what lies behind it as if it were the whole"
        assert "does not follow from the line before" in capsys.readouterr().err


def test_what_is_no_anchor_is_a_usage_error(day: Path) -> None:
    assert main(["verify", str(day), "--anchor", "3f0c"]) == 2


def test_no_journal_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 1
    assert "there is no session.jsonl" in capsys.readouterr().err
