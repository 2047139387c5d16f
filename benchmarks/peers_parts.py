"""What the peers need beside their terminals: an environment with them, a MariaDB for dolphie, sessions to look at."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PG_ACTIVITY, DOLPHIE = "3.6.2", "6.18.0"
SESSIONS = 20
"""Sessions whose queries change all the time, in either database."""
PACKAGE = "mariadb-server-core"
LOAD = Path(__file__).with_name("peers_load.py")


class Missing(Exception):
    """A peer cannot be had here; the message says which, and what was tried."""


def cache() -> Path:
    """Where what is fetched once stays."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "migration-cockpit"


def environment() -> Path:
    """The programs of an environment that has both peers, made at the first use. Raises Missing."""
    place = cache() / f"peers-{PG_ACTIVITY}-{DOLPHIE}"
    programs, ready = place / "bin", place / "ready"
    if ready.exists():
        return programs
    shutil.rmtree(place, ignore_errors=True)
    print(f"… pg_activity {PG_ACTIVITY} and dolphie {DOLPHIE} are installed into {place}", flush=True)
    wanted = [f"pg_activity[psycopg]=={PG_ACTIVITY}", f"dolphie=={DOLPHIE}"]
    _must([sys.executable, "-m", "venv", str(place)], "an environment for the peers cannot be made")
    _must([str(programs / "python"), "-m", "pip", "install", "-q", *wanted], "the peers cannot be installed")
    ready.touch()
    return programs


def _must(command: Sequence[str], what: str, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    except OSError as error:
        raise Missing(f"{what}: {command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()[-1]
        raise Missing(f"{what}: {' '.join(command[:4])} … ended with {done.returncode}: {said}")


class MariaDb:
    """A MariaDB on loopback with nothing in it, in a directory of its own."""

    def __init__(self) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="migration-cockpit-peers-mariadb-"))
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def start(self) -> None:
        """Return once it answers. Raises Missing."""
        base = _server()
        data, log = self._place / "data", self._place / "log"
        data.mkdir()
        program = [
            str(base / "sbin" / "mariadbd"),
            "--no-defaults",
            f"--basedir={base}",
            f"--datadir={data}",
            f"--lc-messages-dir={base / 'share' / 'mysql'}",
            *(["--user=root"] if os.getuid() == 0 else []),
        ]
        made = subprocess.run([*program, "--bootstrap"], input=_tables(base), capture_output=True, check=False)
        if made.returncode:
            said = made.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Missing(f"MariaDB makes no database: {' '.join(said)}")
        place = [f"--socket={self._place / 'socket'}", "--bind-address=127.0.0.1", f"--port={self.port}"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*program, *place, "--performance-schema=ON"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + 60.0
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.2)
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise Missing(f"MariaDB does not start: {' '.join(last)}")

    def stop(self) -> None:
        """End it and leave nothing."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20.0)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._place, ignore_errors=True)


def _tables(base: Path) -> bytes:
    """What mariadb-install-db does, which is in another package than the server: the system's tables, and a root that
    needs no password."""
    share = base / "share" / "mysql"
    files = ("mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data", "mysql_sys_schema")
    begin = b"create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n"
    return begin + b"".join((share / f"{name}.sql").read_bytes() for name in files)


def _server() -> Path:
    """The directory with sbin/mariadbd: the machine's own, or the package taken apart in the cache."""
    fetched = cache() / PACKAGE
    for base in (Path("/usr"), fetched / "usr"):
        if (base / "sbin" / "mariadbd").exists():
            return base
    print(f"… {PACKAGE} is fetched into {fetched}", flush=True)
    shutil.rmtree(fetched, ignore_errors=True)
    fetched.mkdir(parents=True)
    _must(["apt-get", "download", PACKAGE], "dolphie needs MySQL or MariaDB, which cannot be had", cwd=fetched)
    for package in fetched.glob("*.deb"):
        _must(["dpkg", "-x", str(package), str(fetched)], f"{package.name} cannot be taken apart")
    return fetched / "usr"


class Load:
    """Sessions that ask something else all the time, in a process of their own."""

    def __init__(self, python: Path, kind: str, address: str, report: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), str(LOAD), kind, address, str(SESSIONS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=report.open("wb"),
        )
        self._report = report

    def check(self) -> None:
        """Raises Missing where the sessions are not there any more."""
        if self._process.poll() is not None:
            said = self._report.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise Missing(f"the sessions to look at ended: {' '.join(said)}")

    def stop(self) -> None:
        """End them."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10.0)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
