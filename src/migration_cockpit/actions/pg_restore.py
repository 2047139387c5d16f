"""pg_restore, as the way back and the backup's test run it: without extensions, which are a superuser's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from migration_cockpit.actions.dump import execute
from migration_cockpit.actions.operation import OperationError, Report
from migration_cockpit.session.events import Command

LIST_SECONDS = 600.0


@dataclass(frozen=True)
class Restore:
    """A dump that is restored into a database that is there and empty."""

    program: str
    dump: Path
    database: str
    listing: Path
    """Where the dump's list without its extensions goes."""
    jobs: int
    """pg_restore's workers."""
    role: str = ""
    """Who shall own what is restored; "" for the one who connects."""

    @property
    def words(self) -> list[str]:
        """The command line."""
        as_role = [f"--role={self.role}"] if self.role else []
        options = ["--no-owner", "--no-acl", "--exit-on-error", *as_role, f"--jobs={self.jobs}"]
        return [self.program, *options, f"--use-list={self.listing}", f"--dbname={self.database}", str(self.dump)]

    def describe(self, what: str) -> tuple[Command, ...]:
        """List, restore."""
        return (
            Command(text=f"{self.program} --list {self.dump} | grep -v EXTENSION > {self.listing}"),
            Command(text=" ".join(self.words), what=what),
        )

    async def run(self, environment: Mapping[str, str], timeout: float, report: Report) -> None:
        """Bring it about; `environment` leads to the server. Raises OperationError."""
        out, errors, code = await execute([self.program, "--list", str(self.dump)], {}, LIST_SECONDS)
        if code != 0:
            raise OperationError(f"the dump cannot be listed: {last_line(errors)}")
        self.listing.touch(mode=0o600)
        self.listing.write_text("\n".join(line for line in out.splitlines() if " EXTENSION " not in line), "utf-8")
        task = asyncio.ensure_future(execute(self.words, environment, timeout))
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=1.0)
                report.progress(f"pg_restore into {self.database}")
        finally:
            task.cancel()  # a restore that nobody waits for is worth nothing
        _, errors, code = task.result()
        if code != 0:
            raise OperationError(f"pg_restore ended with {code}: {last_line(errors)}")


def last_line(errors: str) -> str:
    """What a program said last, in one line."""
    lines = [line.strip() for line in errors.strip().splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
