"""Following a container's log into the journal, without gap or duplicate across reconnects and restarts."""

from __future__ import annotations

import asyncio
import re

from migration_cockpit.actions.operation import Report
from migration_cockpit.connections import Kube, KubeError

_BAD = re.compile(r"\b(ERROR|CRITICAL|Traceback|FATAL)\b|^\S*(Error|Exception)\b")
_CAREFUL = re.compile(r"\bWARN(ING)?\b|could not convert", re.IGNORECASE)
POLL = 1.0


def level(text: str) -> str:
    """How a line of Airflow's log is shown."""
    if _BAD.search(text):
        return "bad"
    return "careful" if _CAREFUL.search(text) else "info"


def split(position: str) -> tuple[str, int]:
    """A position `<timestamp>#<n>` as timestamp and number; lines of one instant are numbered from 0."""
    stamp, _, number = position.partition("#")
    return stamp, int(number) if number.isdigit() else 0


def instant(stamp: str) -> str:
    """An RFC 3339 stamp in UTC in a form that sorts as text: the server drops trailing zeros of the fraction."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"


class LogFollower:
    """Follows one log; remembers where it is.

    The server takes `sinceTime` to the second only, so what was had is dropped by its own time stamp; lines that carry
    the same stamp are counted.
    """

    def __init__(self, kube: Kube, report: Report, *, source: str, position: str = "") -> None:
        """`position` as the journal has it of the last line."""
        self._kube = kube
        self._report = report
        self._source = source
        self._stamp, self._number = split(position)

    async def follow(self, pod: str, container: str) -> None:
        """Follow until the container ends or the stream breaks; the caller looks and calls again."""
        since = f"{self._stamp[:19]}Z" if self._stamp else None
        known, had = self._stamp, self._number
        same, last = -1, ""
        try:
            async for line in self._kube.log(pod, container=container, follow=True, since_time=since, timestamps=True):
                stamp, _, text = line.partition(" ")
                same = same + 1 if stamp == last else 0
                last = stamp
                if known and (instant(stamp), same) <= (instant(known), had):
                    continue
                self._stamp, self._number = stamp, same
                at = f"{stamp}#{same}" if same else stamp
                self._report.line(self._source, text, level=level(text), at=at)
        except KubeError as error:
            if error.status != 0:
                self._report.line("cockpit", f"log of {pod}: {error}", level="careful")
            await asyncio.sleep(POLL)
