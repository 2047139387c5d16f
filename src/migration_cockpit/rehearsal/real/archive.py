"""Dumps of a prepared metadata database, put back in parts so that bulk history goes in before the indexes exist."""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.binaries import find_binaries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class ArchiveError(RuntimeError):
    """pg_dump or pg_restore failed; the message has its words."""


async def dump(dsn: str, path: Path) -> None:
    """Dump the schema `public` of the database at `dsn` into `path`, which appears only when it is whole."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        await _run("pg_dump", "-Fc", "-Z", "1", "--no-owner", "--no-acl", "-n", "public", "-f", str(part), "-d", dsn)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Archive:
    """One dump file and the database it goes into."""

    def __init__(self, path: Path, dsn: str) -> None:
        self._path = path
        self._dsn = dsn

    async def tables(self) -> None:
        """Create the tables, without constraints and indexes."""
        await self._restore("--section=pre-data", keep=lambda line: " SCHEMA - public" not in line)

    async def rows(self, *, only: Sequence[str] = (), without: Sequence[str] = ()) -> None:
        """Fill tables: `only` these, or all but `without` (then with the positions of all sequences)."""

        def keep(line: str) -> bool:
            if only:
                return any(_is_data_of(line, table) for table in only)
            return not any(_is_data_of(line, table) for table in without)

        await self._restore("--section=data", keep=keep)

    async def constraints(self) -> None:
        """Build indexes and constraints over what is there."""
        await self._restore("--section=post-data", "-j", "2", keep=lambda _line: True)

    async def _restore(self, *options: str, keep: Callable[[str], bool]) -> None:
        contents = await _run("pg_restore", "-l", str(self._path))
        wanted = [line for line in contents.splitlines() if line and not line.startswith(";") and keep(line)]
        with tempfile.NamedTemporaryFile("w", suffix=".list") as listing:
            listing.write("\n".join(wanted) + "\n")
            listing.flush()
            await _run(
                "pg_restore", "--no-owner", "--no-acl", "--exit-on-error", *options, "-L", listing.name,
                "-d", self._dsn, str(self._path),
            )  # fmt: skip


def _is_data_of(line: str, table: str) -> bool:
    return f" TABLE DATA public {table} " in line


async def _run(program: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        str(find_binaries() / program),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise ArchiveError(f"{program} failed: {errors.decode(errors='replace').strip()[-500:]}")
    return output.decode(errors="replace")
