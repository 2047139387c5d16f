"""Waiting for an instance: a restore and a renaming take minutes, and go on by themselves."""

from __future__ import annotations

import asyncio
from typing import Any

from migration_cockpit.actions.aws_command import rds_command
from migration_cockpit.actions.instances.found import BROKEN, find
from migration_cockpit.actions.operation import OperationError, Report
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError

POLL = 5.0
"""Seconds between two looks at an instance; less where the time-out is short."""


async def pause(site: Site) -> None:
    """Wait until the next look is due."""
    await asyncio.sleep(min(POLL, max(0.2, site.settings.rollback.restore_timeout / 120)))


async def available(site: Site, report: Report, what: str, **by: str) -> dict[str, Any]:
    """Wait until the instance is available. Raises OperationError."""
    loop = asyncio.get_running_loop()
    timeout = site.settings.rollback.restore_timeout
    began = loop.time()
    while True:
        try:
            found = await find(site, **by)
            status = str(found["DBInstanceStatus"]) if found else "not there"
        except WorldError as error:
            found, status = None, f"not to be seen: {error}"
        if found is not None and status == "available":
            return found
        if status.startswith(BROKEN):
            raise OperationError(
                f"{what} is {status}; its events say why: {rds_command(site, 'describe-events')}. It cannot be mended: "
                "delete it when you have read them; trying again restores under another name"
            )
        waited = loop.time() - began
        if waited >= timeout:
            raise OperationError(
                f"{what} is still {status} after {waited:.0f} s (rollback.restore_timeout); it goes on by itself: "
                "try the stage again to wait on"
            )
        guess = site.settings.rollback.restore_expected
        percent = int(found.get("PercentProgress") or 0) if found else 0
        percent = percent or min(99, int(100 * waited / guess) if guess else 0)
        report.progress(f"{what} {status}", percent, 100)
        await pause(site)
