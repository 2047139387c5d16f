"""A real PostgreSQL server on loopback, owned by the process that started it.

The server dies with its owner: on Linux by a parent-death signal, everywhere by ``stop``. A parent-death signal goes
off when the *thread* that started the child ends, so ``start`` must run on an event loop in the main thread; it never
starts the server from a worker thread.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from migration_cockpit.rehearsal.binaries import (
    NOBODY,
    Account,
    PostgresError,
    choose_account,
    copy_within_reach,
    find_binaries,
    within_reach,
)

SUPERUSER = "postgres"
ROLES = ("airflow", "cockpit")
DATABASE = "airflow"
START_SECONDS = 60.0
PLACE_PREFIX = "migration-cockpit-postgres-"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Handle:
    """What another process needs in order to work with a running server: plain values, fit for JSON."""

    place: str
    binaries: str
    port: int
    passwords: dict[str, str] = field(repr=False)

    def dsn(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """Return a connection URI straight to the server."""
        return f"postgresql://{user}:{self.passwords[user]}@127.0.0.1:{self.port}/{database}"

    def server_pid(self) -> int | None:
        """Return the postmaster's process id at this moment, None while it does not run."""
        with suppress(OSError, ValueError, IndexError):
            return int((Path(self.place) / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        return None


class EmbeddedPostgres:
    """One PostgreSQL server: its data below ``directory``, on 127.0.0.1:``port`` (0: a free one is found).

    A data directory that is there already (a copy of another server's) is used as it is; its roles then have the
    ``passwords`` they had there. ``settings`` are further server settings by name. ``binaries`` are programs that are
    known to be within reach of the server's account; they are found when not given.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        *,
        settings: dict[str, str] | None = None,
        passwords: dict[str, str] | None = None,
        account: Account | None = None,
        binaries: Path | None = None,
    ) -> None:
        self.directory = directory
        self.port = port
        self.settings = dict(settings or {})
        self.passwords = passwords or {name: secrets.token_urlsafe(12) for name in (SUPERUSER, *ROLES)}
        self._account = account
        self._place: Path | None = None
        self._binaries = binaries
        self._process: asyncio.subprocess.Process | None = None

    # -- where things are

    @property
    def account(self) -> Account:
        """As whom the server runs (found out once)."""
        if self._account is None:
            self._account = choose_account()
        return self._account

    @property
    def place(self) -> Path:
        """The directory that holds ``data``, ``archive`` and ``postgres.log``.

        It is ``directory``, or for an account that cannot reach it one below the temporary directory, which
        ``directory/place`` names so that a sweep can find it.
        """
        if self._place is None:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._place = self._own_place() if self.account.uid is not None else self.directory
            (self._place / "archive").mkdir(exist_ok=True)
            self._give(self._place / "archive")
        return self._place

    def _own_place(self) -> Path:
        note = self.directory / "place"
        if note.exists():
            return Path(note.read_text(encoding="utf-8"))
        place = Path(tempfile.mkdtemp(prefix=PLACE_PREFIX))
        note.write_text(str(place), encoding="utf-8")
        self._give(place)
        return place

    def _give(self, path: Path) -> None:
        """Make the server's account the owner of ``path``."""
        if self.account.uid is not None:
            os.chown(path, NOBODY, NOBODY)

    @property
    def data(self) -> Path:
        """The data directory (PGDATA)."""
        return self.place / "data"

    @property
    def archive(self) -> Path:
        """Where the server puts finished WAL segments; what point-in-time recovery reads."""
        return self.place / "archive"

    @property
    def log(self) -> Path:
        """What the server wrote on stderr."""
        return self.place / "postgres.log"

    @property
    def binaries(self) -> Path:
        """The directory of the PostgreSQL programs, within reach of the server's account."""
        if self._binaries is None:
            found = find_binaries()
            if self.account.uid is not None and not within_reach(found):
                found = copy_within_reach(found, self.place)
            self._binaries = found
        return self._binaries

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.returncode is None

    def dsn(self, database: str = DATABASE, user: str = "airflow") -> str:
        """Return a connection URI straight to this server."""
        return self.handle().dsn(database, user)

    def handle(self) -> Handle:
        """Return the plain values that let another process use this server."""
        return Handle(str(self.place), str(self.binaries), self.port, dict(self.passwords))

    # -- life

    async def start(self) -> None:
        """Create the data directory when there is none, start the server and return once it takes connections."""
        if self.running:
            return
        if not (self.data / "PG_VERSION").exists():
            await self._initialise()
        wanted = self.port
        for _ in range(5):
            self.port = wanted or free_port()
            if await self._launch():
                return
            if wanted:
                break
        raise PostgresError(f"PostgreSQL did not start on port {self.port}: {self._last_words()}")

    async def stop(self) -> None:
        """Shut down fast: sessions are ended, what was committed is kept."""
        await self._end(signal.SIGINT)

    async def restart(self) -> None:
        """Stop and start on the same port."""
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        """End the server as a crash would; the next start recovers from the WAL."""
        await self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Delete everything this server has on disk. It must be stopped."""
        place = self.place
        for path in {place, self.directory}:
            shutil.rmtree(path, ignore_errors=True)

    async def create_roles(self) -> None:
        """Create database ``airflow`` with its owner ``airflow``, and ``cockpit``, which may look but not touch."""
        async with await psycopg.AsyncConnection.connect(self.dsn("postgres", SUPERUSER), autocommit=True) as admin:
            for role in ROLES:
                statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                await admin.execute(statement.format(sql.Identifier(role), sql.Literal(self.passwords[role])))
            # Airflow's own role may restore a dump beside its database and swap the two.
            await admin.execute("ALTER ROLE airflow CREATEDB")
            await admin.execute("GRANT pg_monitor, pg_read_all_data, pg_signal_backend TO cockpit")
            await admin.execute("CREATE DATABASE airflow OWNER airflow")
        if self._preloads_statements():
            async with await psycopg.AsyncConnection.connect(self.dsn(DATABASE, SUPERUSER), autocommit=True) as admin:
                await admin.execute("CREATE EXTENSION pg_stat_statements")

    # -- how

    async def run(self, program: str, *arguments: str, password: str | None = None) -> None:
        """Run one of PostgreSQL's programs as the server's account; PostgresError with its words when it fails."""
        await self.execute(str(self.binaries / program), *arguments, password=password)

    async def execute(self, *command: str, password: str | None = None) -> None:
        """Run any program as the server's account, ``password`` in PGPASSWORD; PostgresError when it fails."""
        process = await asyncio.create_subprocess_exec(
            *self.account.prefix,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self.place,
            env=os.environ | ({"PGPASSWORD": password} if password else {}),
            user=self.account.uid,
            group=self.account.uid,
            extra_groups=None if self.account.uid is None else [],
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            words = output.decode(errors="replace").strip()[-500:]
            raise PostgresError(f"{Path(command[0]).name} failed ({process.returncode}): {words}")

    async def _initialise(self) -> None:
        password_file = self.place / "superuser-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords[SUPERUSER], encoding="utf-8")
        self._give(password_file)
        try:
            await self.run(
                "initdb", "-D", str(self.data), "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password_file}",
                "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions", "--set", "scram_iterations=1",
            )  # fmt: skip
        finally:
            password_file.unlink()

    def _arguments(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # A rehearsal's data need not survive a power cut, and nobody waits for the disk. Crash recovery works.
            "fsync": "off",
            "wal_level": "logical",
            "archive_mode": "on",
            "archive_command": f"cp %p '{self.archive}/%f'",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "track_io_timing": "on",
            "log_lock_waits": "on",
            "log_timezone": "UTC",
            "timezone": "UTC",
            # Password hashing for loopback only: the default 4096 rounds cost every short-lived program 5 ms.
            "scram_iterations": "1",
        }
        if self._preloads_statements():
            settings["shared_preload_libraries"] = "pg_stat_statements"
        settings.update(self.settings)
        pairs = [f"{name}={value}" for name, value in settings.items()]
        return ["-D", str(self.data), *(word for pair in pairs for word in ("-c", pair))]

    def _preloads_statements(self) -> bool:
        root = self.binaries.parent
        return any(next(root.glob(f"lib/{depth}pg_stat_statements.*"), None) for depth in ("", "postgresql/"))

    async def _launch(self) -> bool:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.account.prefix,
                str(self.binaries / "postgres"),
                *self._arguments(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.place,
                preexec_fn=die_with_parent,
                user=self.account.uid,
                group=self.account.uid,
                extra_groups=None if self.account.uid is None else [],
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.returncode is not None:
                return False
            if self._ready():
                return True
            await asyncio.sleep(0.02)
        await self.kill()
        return False

    def _ready(self) -> bool:
        """The postmaster writes ``ready`` into the last line of its pid file once it takes connections."""
        with suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            return len(lines) >= 8 and lines[7].strip() == "ready"
        return False

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), START_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _last_words(self) -> str:
        try:
            return self.log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
        except OSError as error:
            return str(error)


def sweep(world: Path) -> None:
    """End what servers a killed world left running, and delete the data they had to have elsewhere.

    Linux ends them by itself; elsewhere they live on. A server is ended only when the process in its pid file is
    still the one that serves this very directory. Called before the world's directory is deleted.
    """
    places = [Path(note.read_text(encoding="utf-8")) for note in world.rglob("place")]
    for root in (world, *places):
        for pid_file in root.rglob("data/postmaster.pid"):
            with suppress(OSError, ValueError, IndexError):
                _end_leftover(int(pid_file.read_text(encoding="utf-8").splitlines()[0]), pid_file.parent)
    for place in places:
        if place.name.startswith(PLACE_PREFIX):
            shutil.rmtree(place, ignore_errors=True)


def _end_leftover(pid: int, data: Path) -> None:
    command = Path(f"/proc/{pid}/cmdline")
    if command.parent.parent.joinpath("self").exists():
        words = command.read_bytes().replace(b"\0", b" ").decode(errors="replace") if command.exists() else ""
    else:
        asked = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
        words = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    if f"-D {data} " in words:
        os.kill(pid, signal.SIGQUIT)


def die_with_parent() -> None:
    """Ask Linux to end this process (PostgreSQL: a fast shutdown) when the thread that started it ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
