"""What lies between a terminal's keys and the desk: only a deliberate Enter confirms."""

from __future__ import annotations

from migration_cockpit.session.clock import Clock

BURST = 0.15
"""Seconds. Terminals tell no release of a key: Enters closer than this are one that is held down."""


class FreshEnter:
    """Tells a pressed Enter from a held one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._last = float("-inf")

    def strike(self) -> bool:
        """Note an Enter; False when it follows another so closely that the key is being held."""
        now = self._clock.monotonic()
        gap, self._last = now - self._last, now
        self._count += 1
        return gap >= BURST

    async def alone(self) -> bool:
        """Wait a moment: False when more Enters came in it. The first repeat of a held key comes late enough (half a
        second) to pass for a press of its own; the ones after it give it away."""
        count = self._count
        await self._clock.sleep(BURST)
        return count == self._count
