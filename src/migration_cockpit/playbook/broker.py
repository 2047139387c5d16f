"""What waits in the Celery broker, where the release runs its own Redis."""

from __future__ import annotations

import asyncio

from migration_cockpit.actions import cluster
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError

EXEC_SECONDS = 10.0
"""It is evidence for a question: an exec that does not even connect must not keep it from being asked."""
# Celery keeps a queue as a list of its name; a list of another name would be no queue.
_SCRIPT = (
    'export REDISCLI_AUTH="$REDIS_PASSWORD"; '
    'redis-cli --scan --type list | while read -r name; do echo "$name $(redis-cli llen "$name")"; done'
)


async def queues(site: Site) -> dict[str, int]:
    """Messages by queue; empty without a Redis of the release, or where it cannot be asked: it is shown, not gated."""
    try:
        found = [pod for pod in await cluster.pods(site) if pod.component == "redis" and pod.ready]
        if not found:
            return {}
        async with asyncio.timeout(EXEC_SECONDS):
            executed = await site.live.kube.exec(
                found[0].name, ["sh", "-c", _SCRIPT], container="redis", timeout=EXEC_SECONDS
            )
    except (WorldError, TimeoutError):
        return {}
    pairs = [line.rsplit(" ", 1) for line in executed.out.splitlines() if " " in line]
    return {name: int(count) for name, count in pairs if count.isdigit()}
