"""The app on a real terminal (a pty): signals, a lost connection, colours that are not wanted, and what it costs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from benchmarks.screen import steady

from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.pace import PATIENCE
from tests.report.sample import write_day

ROOT = Path(__file__).resolve().parents[2]
WAIT = PATIENCE


class Terminal:
    """A process on a pty."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.master = master
        self.seen = b""

    def read(self, seconds: float) -> bool:
        """Read what comes within `seconds`; False when the terminal is closed."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            self.seen += os.read(self.master, 1 << 16)
        except OSError:  # Linux says EIO when the last writer has closed the pty
            return False
        return True

    def until(self, *marks: bytes) -> None:
        """Read until all marks have come."""
        end = time.monotonic() + WAIT
        while not all(mark in self.seen for mark in marks):
            assert time.monotonic() < end, self.seen[-2000:]
            assert self.read(0.5), self.seen[-2000:]

    def exit_code(self) -> int:
        """Read to the end."""
        end = time.monotonic() + WAIT
        while self.process.poll() is None and time.monotonic() < end:
            if not self.read(0.1):
                break
        return self.process.wait(timeout=WAIT)


@contextmanager
def terminal(directory: Path, **env: str) -> Iterator[Terminal]:
    """The app on a pty of 160x48."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLORTERM", "TMUX"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.app.on_pty", str(directory)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env=kept | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)} | env,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        with suppress(OSError):  # a test has closed it to play a lost connection
            os.close(master)


def closed(directory: Path) -> str:
    """The reason in the journal's last event."""
    last = list(journal.read(directory / journal.FILE))[-1].event
    assert isinstance(last, ev.SessionClosed)
    return last.reason


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_app_with_the_journal_complete(tmp_path: Path, number: signal.Signals) -> None:
    with terminal(tmp_path) as there:
        there.until(b"timeline", b"detach", b"airflow-prod")
        there.process.send_signal(number)
        assert there.exit_code() == 128 + number
    assert closed(tmp_path) == number.name
    assert b"Traceback" not in there.seen


def test_a_lost_connection_ends_the_app_with_the_journal_complete(tmp_path: Path) -> None:
    """The terminal goes away first, then SIGHUP comes: there is nothing to write to any more."""
    with terminal(tmp_path) as there:
        there.until(b"timeline", b"detach", b"airflow-prod")
        os.close(there.master)
        there.process.send_signal(signal.SIGHUP)
        assert there.process.wait(timeout=WAIT) == 128 + signal.SIGHUP
    assert closed(tmp_path) == "SIGHUP"


def test_control_c_is_a_key_that_leaves(tmp_path: Path) -> None:
    with terminal(tmp_path) as there:
        there.until(b"timeline", b"detach", b"airflow-prod")
        os.write(there.master, b"\x03")
        assert there.exit_code() == 130
    assert closed(tmp_path) == "Ctrl-C"


COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38;[25]|48;[25])[0-9;]*m")

WEIGHT = re.compile(rb"\x1b\[(?:[0-9;]*;)?1(?:;[0-9;]*)?m")


@pytest.mark.parametrize(("env", "coloured"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_no_color_means_none(tmp_path: Path, env: dict[str, str], coloured: bool) -> None:
    with terminal(tmp_path, **env) as there:
        there.until(b"timeline", b"detach", b"airflow-prod", b"announce")
        assert bool(COLOUR.search(there.seen)) == coloured, COLOUR.findall(there.seen)[:5]
        assert WEIGHT.search(there.seen), "what is bold must remain so"
        there.process.terminate()
        there.exit_code()


def test_the_mouse_is_left_to_the_terminal(tmp_path: Path) -> None:
    with terminal(tmp_path) as there:
        there.until(b"timeline", b"detach", b"airflow-prod")
        for mode in (b"9", b"1000", b"1002", b"1003", b"1005", b"1006", b"1015", b"1016"):
            assert b"\x1b[?" + mode + b"h" not in there.seen
        there.process.terminate()
        there.exit_code()


def test_a_screen_into_a_file_is_refused_where_a_person_sees_it(tmp_path: Path) -> None:
    """Textual draws on stderr: sent into a file it would leave the terminal blank."""
    master, slave = pty.openpty()
    write_day(tmp_path)
    with (tmp_path / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "migration_cockpit", "replay", str(tmp_path)],
            stdin=slave,
            stdout=slave,
            stderr=errors,
            env=os.environ | {"TERM": "xterm-256color"},
            start_new_session=True,
        )
    os.close(slave)
    there = Terminal(process, master)
    assert there.exit_code() == 2
    while there.read(0.2) and b"leave out the 2>" not in there.seen:
        assert process.poll() is not None
    os.close(master)
    assert b"stderr is no terminal, and the screen is drawn there" in there.seen
    assert (tmp_path / "errors").read_bytes() == b""


def test_a_dumb_terminal_is_refused_before_anything_is_begun(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "migration_cockpit", "rehearse", "--session", str(tmp_path / "session")],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"TERM": "dumb"},
        start_new_session=True,
    )
    os.close(slave)
    there = Terminal(process, master)
    assert there.exit_code() == 2
    assert b"TERM=dumb cannot draw a screen" in there.seen
    assert not (tmp_path / "session").exists()
    os.close(master)


def test_everything_changing_each_second_costs_little(tmp_path: Path) -> None:
    """The budget of the screen at 160x48: under 4 kB/s; CPU has a wide margin here, for machines that do other work."""
    written, cpu = steady(str(tmp_path / "session"), 8.0, warm=4.0)
    assert 200 < written < 4000
    assert cpu < 20
