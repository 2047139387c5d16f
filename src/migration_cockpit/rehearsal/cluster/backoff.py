"""How long restarts wait: a rehearsal shortens it without touching any clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Back-off of container restarts and image pulls: `initial` s, doubling to `maximum`, forgotten after `reset` s up.

    The defaults are kubelet's. `job` is the Job controller's own first delay between pods that failed.
    """

    initial: float = 10.0
    maximum: float = 300.0
    reset: float = 600.0
    job: float = 10.0

    def delay(self, failures: int) -> float:
        """Seconds to wait before the run after `failures` failures in a row: the first restart is at once."""
        return 0.0 if failures <= 1 else float(min(self.initial * 2.0 ** (failures - 2), self.maximum))


def spoken(seconds: float) -> str:
    """A duration as Go prints it: `10s`, `1m20s`, `5m0s`, `500ms`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    shown = f"{rest:g}s"
    return f"{int(minutes)}m{shown}" if minutes else shown
