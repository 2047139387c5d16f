"""Pods that somebody looks at: their events and log are read on demand, beside everything else."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from migration_cockpit.connections import Connections
from migration_cockpit.session import events as ev
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder


class Looks:
    """Reads what was asked for; a pod that is being read is not read twice."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def running(self) -> tuple[str, ...]:
        """The pods that are being read."""
        return tuple(self._running)

    def begin(self, pod: str, connections: Connections, recorder: Recorder) -> None:
        """Have a pod read; that it was asked for and what was read are recorded."""
        if pod in self._running:
            return
        with suppress(JournalError):
            recorder.record(ev.PodLookAsked(pod=pod))
        task = asyncio.create_task(_look(pod, connections, recorder), name=f"look at {pod}")
        self._running[pod] = task
        task.add_done_callback(lambda _: self._running.pop(pod, None))

    async def close(self) -> None:
        """Give up what is being read."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _look(pod: str, connections: Connections, recorder: Recorder) -> None:
    from migration_cockpit.sources.pod_logs import look

    looked = await look(connections, pod)
    with suppress(JournalError):
        recorder.record(looked)
