"""Which session a start goes on with."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from migration_cockpit.cli import main
from migration_cockpit.launch import choose_session, unfinished
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor

CONFIG = Path(__file__).parents[1] / "config.example.toml"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sessions of this test only."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "migration-cockpit" / "sessions"


def _session(directory: Path, outcome: str = "") -> Path:
    recorder = Recorder(directory, SystemClock(), Redactor())
    recorder.record(ev.SessionClosed(reason="detached", outcome=outcome))
    recorder.close()
    return directory


def test_the_newest_unfinished_session_is_gone_on_with(home: Path) -> None:
    assert unfinished("airflow") is None
    _session(home / "airflow-20260515-090000")
    newest = _session(home / "airflow-20260516-090000")
    assert unfinished("airflow") == newest
    _session(home / "airflow-20260517-090000", outcome="verified")
    assert unfinished("airflow") is None


def test_a_deployment_with_a_longer_name_is_another_one(home: Path) -> None:
    _session(home / "airflow-prod-20260516-090000")
    own = _session(home / "airflow-20260515-090000")
    assert unfinished("airflow") == own
    assert unfinished("airflow-p") is None


def test_a_damaged_journal_is_one_sentence_and_new_goes_past_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = _session(home / "airflow-20260516-090000")
    path = damaged / journal.FILE
    path.write_bytes(b"{garbage\n" + path.read_bytes())
    with pytest.raises(JournalError, match="line 1: "):
        choose_session("airflow", None, new=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{damaged.name}\n"))
    chosen = choose_session("airflow", None, new=True)
    assert chosen is not None
    assert chosen != damaged
    damaged.rename(home / "airflow-prod-20260516-090000")
    capsys.readouterr()
    assert main(["run", "--config", str(CONFIG)]) == 1
    assert "line 1: " in capsys.readouterr().err


def test_a_session_that_wrote_no_whole_line_is_gone_on_with(home: Path) -> None:
    begun = home / "airflow-20260516-090000"
    begun.mkdir(parents=True)
    for content in (b"", b'{"v":1,"seq":1'):
        (begun / journal.FILE).write_bytes(content)
        assert unfinished("airflow") == begun
