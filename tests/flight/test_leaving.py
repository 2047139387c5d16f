"""Leaving the cockpit: a signal ends it cleanly, stops nothing in the cluster, and another one can go on."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from migration_cockpit.config import load
from migration_cockpit.rehearsal import life
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal
from tests.pace import PATIENCE


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with rehearsal.world(tmp_path_factory.mktemp("leaving") / "world") as directory:
        yield directory


def start(world: Path, session: Path) -> subprocess.Popen[str]:
    """A headless flight in its own process whose lines can be read as they come; in a world that is up."""
    airflow = load(world / "config.toml").airflow
    assert airflow is not None
    deadline = time.monotonic() + PATIENCE
    while httpx.get(f"{airflow.url}/health", timeout=PATIENCE).status_code != 200:
        assert time.monotonic() < deadline, "the API does not answer"
        time.sleep(0.1)
    program = rehearsal.killable(world, session)
    program.insert(1, "-u")
    return subprocess.Popen(
        program,
        cwd=rehearsal.ROOT,
        env=rehearsal.environment(world),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(flight: subprocess.Popen[str], text: str) -> None:
    assert flight.stdout is not None
    seen = []
    for line in flight.stdout:
        seen.append(line)
        if text in line:
            return
    raise AssertionError(f"{text!r} never came: {''.join(seen)[-2000:]}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_its_code_and_a_complete_journal(
    number: signal.Signals, world: Path, tmp_path: Path
) -> None:
    flight = start(world, tmp_path)
    read_until(flight, "step announce")
    flight.send_signal(number)
    output, _ = flight.communicate(timeout=PATIENCE)
    assert flight.returncode == 128 + number, output
    assert "Traceback" not in output
    last = list(journal.read(tmp_path / journal.FILE))[-1].event
    assert isinstance(last, ev.SessionClosed)
    assert last.reason == f"signal {number.name}"
    assert rehearsal.chain_is_whole(tmp_path)
    assert life.attach(world) is not None, "the cluster runs on"


def test_a_second_cockpit_on_the_same_session_is_refused(world: Path, tmp_path: Path) -> None:
    first = start(world, tmp_path)
    read_until(first, "step announce")
    second = rehearsal.fly_once(world, tmp_path, timeout=PATIENCE)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert "this session is flown by test on" in second.stderr
    assert "Traceback" not in second.stderr


def test_while_the_disk_takes_nothing_no_step_runs_and_it_goes_on_when_there_is_room(
    world: Path, tmp_path: Path
) -> None:
    flight = start(world, tmp_path)
    read_until(flight, "step announce by")
    kept = resource.prlimit(flight.pid, resource.RLIMIT_FSIZE)
    size = (tmp_path / journal.FILE).stat().st_size
    # The kernel refuses every further byte, in the middle of a line too, as it does on a disk that is full.
    resource.prlimit(flight.pid, resource.RLIMIT_FSIZE, (size, kept[1]))
    size, done = (tmp_path / journal.FILE).stat().st_size, rehearsal.steps_of(tmp_path)
    read_until(flight, "the journal cannot be written, no step runs: ")
    assert (tmp_path / journal.FILE).stat().st_size <= size
    assert rehearsal.steps_of(tmp_path) == done
    resource.prlimit(flight.pid, resource.RLIMIT_FSIZE, kept)
    read_until(flight, "the journal can be written again")
    read_until(flight, "step pause: verified")
    flight.send_signal(signal.SIGTERM)
    output, _ = flight.communicate(timeout=PATIENCE)
    assert flight.returncode == 128 + signal.SIGTERM, output
    done = [("announce", "started"), ("announce", "verified"), ("pause", "started"), ("pause", "verified")]
    assert rehearsal.steps_of(tmp_path)[:4] == done
    assert rehearsal.chain_is_whole(tmp_path)


def test_a_second_rehearsal_on_the_same_session_leaves_the_first_its_world(tmp_path: Path) -> None:
    session = tmp_path / "session"
    command = [sys.executable, "-u", "-m", "migration_cockpit", "rehearse", "--headless", "--autopilot"]
    first = subprocess.Popen(
        [*command, "--session", str(session)],
        cwd=rehearsal.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    read_until(first, "step announce")
    second = rehearsal.rehearse("--session", str(session), timeout=PATIENCE)
    owner = life.owner_of(session / "world")
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert f"process {first.pid}; one cockpit at a time" in second.stderr
    assert owner == first.pid
    assert not (session / "world").exists(), "the first has tidied up after itself"


def test_a_rehearsal_that_cannot_write_its_session_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = rehearsal.rehearse("--session", str(tmp_path / "file" / "s"), timeout=PATIENCE)
    assert refused.returncode == 1
    assert "the session's directory cannot be made: Not a directory" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_killed_rehearsal_is_swept_at_the_next_start(tmp_path: Path) -> None:
    session = tmp_path / "session"
    command = [sys.executable, "-u", "-m", "migration_cockpit", "rehearse", "--headless", "--autopilot"]
    flight = subprocess.Popen(
        [*command, "--session", str(session)],
        cwd=rehearsal.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    read_until(flight, "step announce")
    flight.kill()
    flight.communicate(timeout=PATIENCE)
    pid = life.attach(session / "world")
    assert pid is not None, "it waits for a flight that is started again"
    (session / "world" / life.OWNER).write_text(str(flight.pid))
    assert session / "world" in life.sweep()
    assert rehearsal.wait_until_gone(pid)
    assert not (session / "world").exists()


def test_a_home_that_cannot_be_written_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with pytest.raises(life.WorldError, match="cannot be made: Not a directory; point XDG_STATE_HOME at"):
        life.begin(tmp_path / "world", [], lambda _: None)
    assert not (tmp_path / "world").exists()
