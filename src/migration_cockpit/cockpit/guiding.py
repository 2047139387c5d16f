"""The guided pages in a session: evidence is gathered beside everything else, each look an event."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from migration_cockpit.session import events as ev

if TYPE_CHECKING:
    from migration_cockpit.playbook.flight import Flight


class Guiding:
    """Gathers for one page at a time. Used from the event loop's thread."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether evidence is being gathered."""
        return self._task is not None and not self._task.done()

    def gather(self, family: str) -> bool:
        """Begin, in the background; False where another page is being gathered for."""
        if self.busy:
            return False
        self._task = asyncio.create_task(self._gather(family), name="guided page")
        return True

    async def close(self) -> None:
        """Stop gathering."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _gather(self, name: str) -> None:
        from migration_cockpit.playbook.guided import by_id, gather

        flight, family = self._flight, by_id(name)
        assert family is not None  # the desk offers no others
        flight.record(ev.GuideStarted(family=name, title=family.title, operator=flight.operator))
        try:
            await gather(family, flight.connections, flight.state, flight.recorder.artifacts, flight.record)
        except Exception as error:  # noqa: BLE001 - the boundary: a look's defect is told, and the flight goes on
            flight.say(f"the guided page {name} could not be filled: {type(error).__name__}: {error}", level="bad")
        flight.record(ev.GuideEnded(family=name))
