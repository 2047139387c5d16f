"""The journal: what was acknowledged survives, damage is told, one cockpit writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Raw

from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.events import LogLine, Note, StepFact
from migration_cockpit.session.journal import JournalError, SessionLock, line_hash
from migration_cockpit.session.keyframes import keyframe, last_keyframe
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import MASK, Redactor
from migration_cockpit.session.state import State


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path, SystemClock(), Redactor())
    yield recorder
    recorder.close()


def lines(directory: Path) -> list[bytes]:
    return (directory / journal.FILE).read_bytes().splitlines()


def test_each_line_names_the_hash_of_the_line_before(recorder: Recorder, tmp_path: Path) -> None:
    for text in "abc":
        recorder.record(Note(operator="sre", text=text))
    envelopes = [json.loads(line) for line in lines(tmp_path)]
    assert [envelope["seq"] for envelope in envelopes] == [1, 2, 3]
    assert envelopes[0]["prev"] == journal.GENESIS
    assert envelopes[2]["prev"] == line_hash(lines(tmp_path)[1])
    assert set(envelopes[0]) == {"v", "seq", "t", "kind", "prev", "data"}


def test_files_are_for_their_owner_only(recorder: Recorder, tmp_path: Path) -> None:
    recorder.record(Note(operator="sre", text="x"))
    artifact = recorder.write_artifact("ledger.json", b"{}")
    assert (tmp_path / journal.FILE).stat().st_mode & 0o077 == 0
    assert artifact.stat().st_mode & 0o077 == 0


def test_a_torn_last_line_is_cut_off_and_the_chain_goes_on(tmp_path: Path) -> None:
    first = Recorder(tmp_path, SystemClock(), Redactor())
    first.record(Note(operator="sre", text="kept"))
    first.close()
    path = tmp_path / journal.FILE
    path.write_bytes(path.read_bytes() + b'{"v":1,"seq":2,"t":"2026')
    second = Recorder(tmp_path, SystemClock(), Redactor())
    second.record(Note(operator="sre", text="after"))
    second.close()
    texts = [entry.event.text for entry in journal.read(path) if isinstance(entry.event, Note)]
    assert texts == ["kept", "after"]
    assert json.loads(lines(tmp_path)[1])["prev"] == line_hash(lines(tmp_path)[0])
    assert path.with_suffix(".torn").read_bytes().startswith(b'{"v":1,"seq":2')
    assert path.with_suffix(".torn").stat().st_mode & 0o777 == 0o600, "as every file of a session"


def test_damage_in_the_middle_is_told_with_its_place(recorder: Recorder, tmp_path: Path) -> None:
    for text in "abc":
        recorder.record(Note(operator="sre", text=text))
    path = tmp_path / journal.FILE
    content = lines(tmp_path)
    path.write_bytes(b"\n".join([content[0], b"{garbage", content[2], b""]))
    with pytest.raises(JournalError, match="line 2 is not an event"):
        list(journal.read(path))
    with pytest.raises(JournalError, match="damaged after event 1"):
        Recorder(tmp_path, SystemClock(), Redactor())


def test_an_unknown_kind_is_passed_over(recorder: Recorder, tmp_path: Path) -> None:
    recorder.record(Note(operator="sre", text="x"))
    path = tmp_path / journal.FILE
    future = {"v": 1, "seq": 2, "t": "2026-05-16T09:00:00Z", "kind": "moon.phase", "prev": "0", "data": {"full": True}}
    path.write_bytes(path.read_bytes() + json.dumps(future).encode() + b"\n")
    assert len(list(journal.read(path))) == 1


def test_a_newer_version_is_refused_in_a_sentence(recorder: Recorder, tmp_path: Path) -> None:
    recorder.record(Note(operator="sre", text="x"))
    path = tmp_path / journal.FILE
    path.write_bytes(path.read_bytes().replace(b'{"v":1', b'{"v":2'))
    with pytest.raises(JournalError, match="written by a newer cockpit"):
        list(journal.read(path))


def test_a_second_cockpit_is_refused_and_told_who_flies(tmp_path: Path) -> None:
    first, second = SessionLock(tmp_path), SessionLock(tmp_path)
    first.take("sre-1 on host, process 7")
    with pytest.raises(JournalError, match="flown by sre-1 on host, process 7"):
        second.take("sre-2")
    first.release()
    second.take("sre-2")
    second.release()


def test_a_session_that_cannot_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(JournalError, match="file/artifacts: the session's directory cannot be made: Not a directory"):
        Recorder(file, SystemClock(), Redactor())
    with pytest.raises(JournalError, match="lock: cannot be opened for writing: Not a directory"):
        SessionLock(file).take("sre-1")


@pytest.mark.parametrize(
    "text",
    ["p@ss w/rd", "postgresql://airflow:p%40ss%20w%2Frd@db/airflow", "cEBzcyB3L3Jk", 'a "quoted" p@ss w/rd'],
)
def test_a_registered_secret_never_reaches_the_journal(text: str, tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.register("p@ss w/rd")
    recorder = Recorder(tmp_path, SystemClock(), redactor)
    recorder.record(LogLine(source="helm", text=f"error near {text}!"))
    recorder.close()
    content = (tmp_path / journal.FILE).read_text()
    for form in ("p@ss w/rd", "p%40ss%20w%2Frd", "cEBzcyB3L3Jk"):
        assert form not in content
        assert form not in recorder.state.log[-1].text
    assert MASK in recorder.state.log[-1].text


def test_the_password_inside_a_registered_url_is_masked_alone_too(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.register("postgresql://airflow:hunter22@db:5432/airflow")
    assert redactor.clean("password is hunter22, really") == f"password is {MASK}, really"


def test_a_password_that_is_an_ordinary_word_or_number_destroys_no_name_and_no_line(tmp_path: Path) -> None:
    redactor = Redactor(["airflow-prod", "prod-eu"])
    for password in ("airflow", "prod", "helm", "2026", "1000"):
        redactor.register(f"postgresql://cockpit:{password}@db/metadata")
    clock = SteppingClock()
    recorder = Recorder(tmp_path, clock, redactor)
    recorder.record(StepFact(step="helm", name="job", value=Raw(b'{"name":"airflow-db-migrate-prod","size":21000}')))
    recorder.record(LogLine(source="helm", text="postgresql://cockpit:airflow@db/metadata, in 2026"))
    before = recorder.state
    recorder.close()
    assert before.fact("helm", "job") == {"name": "airflow-db-migrate-prod", "size": 21000}
    assert before.log[-1].text == f"{MASK}, in {MASK}"
    again = Recorder(tmp_path, clock, Redactor())
    again.close()
    assert again.state == before


class SteppingClock(SystemClock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 5, 16, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


def test_a_session_opened_again_folds_to_the_same_state(tmp_path: Path) -> None:
    first = Recorder(tmp_path, SystemClock(), Redactor())
    for number in range(5):
        first.record(LogLine(source="job", text=f"line {number}", at=str(number)))
    before = first.state
    first.close()
    second = Recorder(tmp_path, SystemClock(), Redactor())
    second.close()
    assert second.state == before


def test_a_long_session_goes_on_from_its_last_keyframe_and_the_chain_goes_on_too(tmp_path: Path) -> None:
    first = Recorder(tmp_path, SystemClock(), Redactor())
    while b'"kind":"keyframe"' not in (tmp_path / journal.FILE).read_bytes():
        for number in range(200):
            first.record(LogLine(source="job", text=f"line {number} " + "x" * 400, at=str(number)))
    first.record(Note(operator="sre", text="after it"))
    before = first.state
    first.close()
    path = tmp_path / journal.FILE
    data = bytearray(path.read_bytes())
    at = data.index(b"xxxx")
    data[at] = ord("y")  # what lies before the keyframe is not read again, so this goes unnoticed until `verify`
    path.write_bytes(data)
    second = Recorder(tmp_path, SystemClock(), Redactor())
    assert second.state == before
    second.record(Note(operator="sre", text="on it goes"))
    second.close()
    told = [json.loads(line) for line in lines(tmp_path)[-2:]]
    assert told[1]["prev"] == line_hash(lines(tmp_path)[-2])
    assert told[1]["seq"] == told[0]["seq"] + 1


def test_a_keyframe_of_another_version_is_not_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Recorder(tmp_path, SystemClock(), Redactor())
    first.record(Note(operator="sre", text="once"))
    monkeypatch.setattr("migration_cockpit.session.keyframes.written_by", lambda: "0.0.1 of old")
    first.record(keyframe(first.state))
    first.close()
    monkeypatch.undo()
    assert last_keyframe(tmp_path / journal.FILE) == (0, 0, State())
    again = Recorder(tmp_path, SystemClock(), Redactor())
    again.close()
    assert again.state == first.state


def test_a_full_disk_refuses_what_must_be_durable_and_keeps_drawing(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("migration_cockpit.session.journal.os.write", full)
    recorder.record(LogLine(source="job", text="still drawn"))
    assert recorder.state.log[-1].text == "still drawn"
    assert "No space left" in recorder.write_error
    with pytest.raises(JournalError, match="No space left"):
        recorder.record(Note(operator="sre", text="must not be lost"))
    monkeypatch.undo()
    recorder.record(Note(operator="sre", text="again"))
    assert recorder.write_error == ""


def test_a_password_inside_a_word_of_the_server_leaves_what_went_wrong_legible() -> None:
    redactor = Redactor()
    redactor.register("admin")
    words = "terminating connection due to administrator command"
    assert redactor.clean(f"{words}, user admin:admin") == f"{words}, user {MASK}:{MASK}"


def test_lines_that_the_disk_did_not_take_are_told_in_the_journal(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    recorder.record(LogLine(source="job", text="batch 1"))
    with monkeypatch.context() as disk:
        disk.setattr("migration_cockpit.session.journal.os.fdatasync", failing)
        recorder.sync()
    assert "Input/output error" in recorder.write_error
    recorder.record(LogLine(source="job", text="batch 2"))
    assert recorder.write_error == "", "a disk tells it once"
    assert [line.text for line in recorder.state.log] == [
        "batch 1",
        "batch 2",
        "the disk did not take what was written before (Input/output error): verify the journal",
    ]
