"""Ending the session that a migration waits for: cancelled first, terminated when that does not free the lock.

Whether it still is the blocker is asked in the very statement that signals it, so that neither a session that has let
go nor one that got the same pid is ever hit. The migration's own sessions are never signalled.
"""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.actions import database
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import Unreachable
from migration_cockpit.connections.postgres import APPLICATION, MIGRATION_APPLICATION
from migration_cockpit.session.clock import until
from migration_cockpit.session.events import Command

SECONDS = 3.0
"""How long a signal gets to free the lock."""
LOOK = 0.2
_BLOCKS = """
with recursive waits(pid) as (
    select pid from pg_stat_activity
    where application_name = %s and datname = current_database()
    union
    select unnest(pg_blocking_pids(pid)) from waits
)
select {what} from pg_stat_activity b join waits using (pid)
where b.pid = %s and b.backend_start = %s and b.backend_type = 'client backend' and b.pid <> pg_backend_pid()
  and b.application_name <> %s and b.application_name not like %s
  and cardinality(pg_blocking_pids(b.pid)) = 0
  and not exists (select 1 from pg_locks l where l.pid = b.pid and l.locktype = 'advisory' and l.classid = 0
                  and l.objid = 1 and l.granted)
"""
"""One row while it is at the root of the migration's wait; holders of the migrations' own lock are left out."""


class EndBlocker:
    """End one session, told by pid and start, that the migration waits for."""

    name = "end-blocker"

    def __init__(self, site: Site, pid: int, started: datetime, wait: datetime) -> None:
        """`started` is when the session began, `wait` when the migration began to wait for it."""
        self._site = site
        self._pid = pid
        self._started = started
        self.key = f"{pid}@{started:%H%M%S.%f}/{wait:%H%M%S}"

    def describe(self) -> tuple[Command, ...]:
        """Cancel, then terminate."""
        return (
            Command(text=f"select pg_cancel_backend({self._pid})", what="ends its statement, if it runs one"),
            Command(
                text=f"select pg_terminate_backend({self._pid})",
                what=f"if it still blocks after {SECONDS:.0f} s: ends the session and undoes its transaction",
            ),
        )

    async def run(self, report: Report) -> str:
        """Signal it until it blocks no more. Raises OperationError."""
        for signal, done in (("pg_cancel_backend", "cancelled"), ("pg_terminate_backend", "terminated")):
            if not await self._asked(f"{signal}(b.pid)"):
                if signal == "pg_cancel_backend":
                    return f"pid {self._pid} is not the blocker any more: nothing was done"
                return f"pid {self._pid} was cancelled and blocks no more"
            report.line("cockpit", f"pid {self._pid}: {done}", level="careful")
            if await until(self._site.live.clock, self._free, timeout=SECONDS, every=LOOK):
                return f"pid {self._pid} was {done} and blocks no more"
        raise OperationError(f"pid {self._pid} was terminated and still blocks: look at the server's log")

    async def _free(self) -> bool:
        return not await self._asked("b.pid")

    async def _asked(self, what: str) -> bool:
        """Whether it is the blocker; `what` is done to it in the same statement. Raises OperationError."""
        try:
            found = await database.rows(
                self._site,
                _BLOCKS.replace("{what}", what),
                *(MIGRATION_APPLICATION, self._pid, self._started, MIGRATION_APPLICATION, f"{APPLICATION}%"),
            )
        except Unreachable as error:
            mend = "; the cockpit's role needs pg_signal_backend" if "permission denied" in str(error) else ""
            raise OperationError(f"pid {self._pid} cannot be ended: {error}{mend}") from error
        return bool(found)

    async def observe(self) -> Observation:
        """Whether it still blocks."""
        if await self._asked("b.pid"):
            return Observation(Status.NOT_STARTED, f"pid {self._pid} blocks the migration")
        return Observation(Status.DONE, f"pid {self._pid} does not block the migration")
