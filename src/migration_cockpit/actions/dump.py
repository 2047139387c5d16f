"""A pg_dump as a recovery point: written whole or not at all, with its checksum, and proved readable.

`-Fc` without `-j`: pg_dump refuses parallel dumps in the custom format and leaves an empty file behind.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from migration_cockpit.actions import database
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError, postgres
from migration_cockpit.session.events import Command

PROOF = "TABLE DATA public task_instance "
"""What the list of a dump that is worth something contains."""
SUM_SUFFIX = ".sha256"
APPLICATION = f"pg_dump of {postgres.APPLICATION}"
"""application_name of the dump's sessions. Not the cockpit's: one that outlived its cockpit still holds its locks, and
the migration would wait behind them."""
LIBPQ = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
"""libpq's variables by its parameters."""


def variables(info: Any) -> dict[str, str]:
    """Where a psycopg session leads, as the variables by which PostgreSQL's programs are led there too."""
    given = {**info.get_parameters(), "password": info.password, "port": str(info.port)}
    return {LIBPQ[key]: value for key, value in given.items() if key in LIBPQ and value}


class TakeDump:
    """Dump the metadata database into the session's artifacts and prove that the dump can be read."""

    name = "dump"

    def __init__(self, site: Site, step: str, directory: Path | None, generation: int = 1) -> None:
        """`directory` is the session's artifacts; None where that is not known yet."""
        self._site = site
        suffix = f"-{generation}" if generation > 1 else ""
        self.key = f"airflow-{site.slug}-{step}{suffix}.dump"
        self._directory = directory
        self._path = (directory or Path("<session>/artifacts")) / self.key

    def describe(self) -> tuple[Command, ...]:
        """Dump, sum, list. The connection is in PG* variables: a command line can be read by everyone on the host."""
        if not self._site.settings.dump.enabled:
            return ()
        dump = self._site.settings.dump
        return (
            Command(
                text=f"{dump.pg_dump} -Fc --no-owner --no-acl -f {self._path}", what="connection in $PG* variables"
            ),
            Command(text=f"sha256sum {self._path} > {self._path}{SUM_SUFFIX}"),
            Command(text=f"{dump.pg_restore} --list {self._path}", what=f"must list {PROOF.strip()}"),
        )

    @property
    def _sum(self) -> Path:
        return self._path.with_name(self._path.name + SUM_SUFFIX)

    async def run(self, report: Report) -> str:
        """Dump, check, then put in place. Raises OperationError."""
        settings = self._site.settings.dump
        try:
            environment = await self._environment()
        except WorldError as error:
            raise OperationError(str(error)) from error
        await self._versions(settings.pg_dump)
        part = self._path.with_name(self._path.name + ".part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        task = asyncio.ensure_future(
            execute([settings.pg_dump, "-Fc", "--no-owner", "--no-acl", "-f", str(part)], environment, settings.timeout)
        )
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=1.0)
                size = part.stat().st_size if part.exists() else 0
                report.progress(f"pg_dump {size / 1e6:.0f} MB")
        finally:
            task.cancel()  # a dump that nobody waits for is worth nothing
        _, errors, code = task.result()
        if code != 0:
            raise OperationError(f"pg_dump ended with {code}: {errors.strip().splitlines()[-1:] or ['no output']}")
        out, errors, code = await execute([settings.pg_restore, "--list", str(part)], {}, 600.0)
        if code != 0 or PROOF not in out:
            why = errors.strip() or "its list has no data of task_instance"
            raise OperationError(f"the dump cannot be trusted: {why}; look at role, pg_restore and disk space")
        digest = await asyncio.to_thread(sha256, part)
        self._sum.touch(mode=0o600)
        self._sum.write_text(f"{digest}  {self._path.name}\n", encoding="ascii")
        part.replace(self._path)
        return f"{self._path.name}, {self._path.stat().st_size / 1e6:.1f} MB, sha256 {digest}"

    async def _environment(self) -> Mapping[str, str]:
        """Where the cockpit's own session leads, for pg_dump. Raises Unreachable."""
        async with self._site.live.postgres() as connection:
            return variables(connection.info) | {"PGAPPNAME": APPLICATION}

    async def _versions(self, pg_dump: str) -> None:
        """pg_dump refuses a server newer than itself; better said before anything is stopped."""
        out, _, code = await execute([pg_dump, "--version"], {}, 30.0)
        server = (await database.rows(self._site, "show server_version_num"))[0][0]
        found = re.search(r"(\d+)\.\d", out)
        if code == 0 and found and int(found[1]) < int(server) // 10000:
            raise OperationError(
                f"pg_dump is {found[1]}, the server {int(server) // 10000}: dump.pg_dump must not name an older one"
            )

    async def observe(self) -> Observation:
        """Whether the dump is in place with the checksum written beside it."""
        if self._directory is None or not self._path.exists():
            return Observation(Status.NOT_STARTED, f"there is no {self._path.name}")
        try:
            written = self._sum.read_text(encoding="ascii").split()[0]
        except (OSError, IndexError):
            return Observation(Status.FAILED, f"{self._path.name} has no checksum")
        if await asyncio.to_thread(sha256, self._path) != written:
            return Observation(Status.FAILED, f"{self._path.name} does not have the checksum {written[:12]}…")
        return Observation(Status.DONE, f"{self._path.name}, sha256 {written}")


def written(path: Path) -> tuple[int, str]:
    """Size of a dump and the checksum written beside it; -1 and "" where it is gone. Cheap: it is not read."""
    try:
        digest = path.with_name(path.name + SUM_SUFFIX).read_text(encoding="ascii").split()[0]
        return path.stat().st_size, digest
    except (OSError, IndexError):
        return -1, ""


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def execute(
    words: list[str],
    environment: Mapping[str, str],
    timeout: float,
    *,
    named: str = "[dump] in the config",
    limit: str = "dump.timeout",
) -> tuple[str, str, int]:
    """Run a program to its end, in a process group of its own; `named` and `limit` say where the config names it and
    its time. Raises OperationError."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise OperationError(f"{words[0]} cannot be started: {error.strerror or error}; see {named}") from error
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate()
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        if isinstance(error, TimeoutError):
            raise OperationError(f"{words[0]} did not end within {timeout:g} s ({limit})") from error
        raise
    return out.decode(errors="replace"), err.decode(errors="replace"), process.returncode or 0
