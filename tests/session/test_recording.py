"""A journal read back: State at any moment, packed files, damage, what is no journal."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import zstandard

from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.fold import fold
from migration_cockpit.session.journal import JournalError, line_hash
from migration_cockpit.session.recording import Recording, find_journal
from migration_cockpit.session.state import State
from tests.report.sample import write_day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a long day."""
    return write_day(tmp_path_factory.mktemp("day"))


def folded(path: Path) -> list[State]:
    """State after each event, folded from the beginning."""
    states = [State()]
    for entry in journal.read(path):
        states.append(fold(states[-1], entry.event, entry.t, entry.seq))
    return states


def copy(day: Path, tmp_path: Path, change: bytes | None = None) -> Path:
    """A copy of the journal, or of what it became."""
    path = tmp_path / journal.FILE
    path.write_bytes(day.read_bytes() if change is None else change)
    return path


def test_state_at_any_event_is_what_folding_from_the_beginning_gives(day: Path) -> None:
    states = folded(day)
    recording = Recording(day)
    for state in states[1::37]:
        assert recording.state(recording.by_number(state.seq)) == state
    assert recording.last.seq == states[-1].seq


def test_a_moment_shows_everything_up_to_it_and_nothing_after(day: Path) -> None:
    states = folded(day)
    recording = Recording(day)
    for before, after in list(pairwise(states))[5::41]:
        assert before.t is not None
        assert after.t is not None
        moment = after.t - timedelta(microseconds=1)
        shown = recording.state(recording.by_time(moment))
        assert shown.t is not None
        assert shown.t <= moment
        assert shown.seq == (before.seq if before.t < after.t else shown.seq)
    assert recording.state(recording.by_time(recording.first.t - timedelta(days=1))) == State()


def test_a_keyframe_is_begun_from_and_gives_the_same_state(day: Path, tmp_path: Path) -> None:
    states = folded(day)
    half = len(states) // 2
    writer = journal.JournalWriter(tmp_path / journal.FILE)
    for entry in journal.read(day):
        writer.append(entry.event, entry.t, lambda text: text)
        if entry.seq == half:
            state = json.loads(msgspec.json.encode(states[half]))
            # A mark that only this keyframe has: what is folded from it shows that it was begun from.
            state["closed"] = "the keyframe"
            writer.append(ev.Keyframe(state=msgspec.Raw(json.dumps(state).encode())), entry.t, str)
    writer.close()
    recording = Recording(tmp_path / journal.FILE)
    assert recording.state(recording.by_number(half)) == states[half]
    assert recording.state(recording.by_number(half + 1)).closed == "the keyframe"
    later = recording.state(recording.by_number(half + 101))
    assert later.steps == states[half + 100].steps
    assert later.log == states[half + 100].log


@pytest.mark.parametrize("name", ["session.jsonl.gz", "session.jsonl.zst"])
def test_packed_files_open_as_they_are(day: Path, tmp_path: Path, name: str) -> None:
    pack = gzip.compress if name.endswith("gz") else zstandard.ZstdCompressor().compress
    (tmp_path / name).write_bytes(pack(day.read_bytes()))
    recording = Recording(find_journal(tmp_path))
    assert recording.state(recording.end) == folded(day)[-1]
    assert not recording.cut


@pytest.mark.parametrize("name", ["session.jsonl.gz", "session.jsonl.zst"])
def test_a_packed_file_that_was_cut_opens_up_to_there(day: Path, tmp_path: Path, name: str) -> None:
    pack = gzip.compress if name.endswith("gz") else zstandard.ZstdCompressor().compress
    packed = pack(day.read_bytes())
    (tmp_path / name).write_bytes(packed[: len(packed) * 2 // 3])
    recording = Recording(tmp_path / name)
    assert recording.last.seq > 10
    assert "packed file" in recording.cut


def test_a_torn_last_line_is_no_damage(day: Path, tmp_path: Path) -> None:
    whole = day.read_bytes()
    recording = Recording(copy(day, tmp_path, whole[:-40]))
    assert recording.last.seq == len(folded(day)) - 2
    assert recording.damage is None


def test_a_damaged_file_opens_up_to_the_damage_and_says_what_is_missing(day: Path, tmp_path: Path) -> None:
    lines = day.read_bytes().splitlines(keepends=True)
    lines[200] = b'{"v":1,"seq":201,"t":"20\n'
    recording = Recording(copy(day, tmp_path, b"".join(lines)))
    survey = recording.survey()
    for _ in survey.go_on():
        pass
    assert survey.damage is not None
    assert survey.damage.line == 201
    recording.stop_at(survey.damage)
    assert recording.last.seq == 200
    assert f"events 201 to {len(lines):,}" in recording.lost()
    assert recording.state(recording.by_time(recording.last.t + timedelta(days=1))).seq == 200


def test_damage_that_a_seek_meets_ends_the_recording_there(day: Path, tmp_path: Path) -> None:
    lines = day.read_bytes().splitlines(keepends=True)
    for n in range(50, len(lines) - 1):
        lines[n] = b"x" * (len(lines[n]) - 1) + b"\n"
    recording = Recording(copy(day, tmp_path, b"".join(lines)))
    assert recording.state(recording.by_number(len(lines))).seq == 50
    assert recording.damage is not None
    assert "line 51" in recording.damage.words()


def test_a_changed_value_is_found_although_the_line_still_reads(day: Path, tmp_path: Path) -> None:
    lines = day.read_bytes().splitlines(keepends=True)
    n = next(n for n, line in enumerate(lines) if b"step.started" in line and b"sre-1" in line)
    lines[n] = lines[n].replace(b"sre-1", b"sre-9")
    survey = Recording(copy(day, tmp_path, b"".join(lines))).survey()
    for _ in survey.go_on():
        pass
    assert survey.damage is not None
    assert survey.damage.line == n + 2
    assert "does not follow" in survey.damage.why


def test_unknown_kinds_of_a_newer_version_are_counted_and_passed_over(day: Path, tmp_path: Path) -> None:
    path = copy(day, tmp_path)
    last = path.read_bytes().splitlines()[-1]
    seq = json.loads(last)["seq"] + 1
    line = {
        "v": 1,
        "seq": seq,
        "t": json.loads(last)["t"],
        "kind": "weather.changed",
        "prev": line_hash(last),
        "data": {},
    }
    with path.open("ab") as file:
        file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    recording = Recording(path)
    survey = recording.survey()
    for _ in survey.go_on():
        pass
    assert survey.damage is None
    assert survey.unknown == {"weather.changed": 1}
    assert recording.state(recording.end) == folded(day)[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"# A read me\n", "line 1"),
        (b"no newline", "no whole line"),
        (b'{"v":2,"seq":1,"t":"2026-05-16T09:00:00Z","kind":"x","prev":"0","data":{}}\n', "newer cockpit"),
        (b"\x1f\x8bnot gzip", "not a journal"),
        (b"[" * 100_000 + b"\n", "line 1"),
    ],
)
def test_something_else_is_refused_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = copy(Path(), tmp_path, content)
    with pytest.raises(JournalError, match=said) as refused:
        Recording(path)
    assert "\n" not in str(refused.value)


def test_a_growing_file_is_followed(day: Path, tmp_path: Path) -> None:
    lines = day.read_bytes().splitlines(keepends=True)
    path = copy(day, tmp_path, b"".join(lines[:100]))
    recording = Recording(path)
    assert recording.last.seq == 100
    with path.open("ab") as file:
        file.write(lines[100] + lines[101][:20])
    assert recording.refresh()
    assert recording.last.seq == 101
    assert not recording.refresh()
    with path.open("ab") as file:
        file.write(lines[101][20:])
    assert recording.refresh()
    assert recording.state(recording.end) == folded(path)[-1]
