"""Following a log: no gap and no duplicate when the stream breaks and when the cockpit starts again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from migration_cockpit.actions.log_follow import LogFollower, instant, level, split
from migration_cockpit.connections import KubeError


@dataclass
class Heard:
    """What a report would write down."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def line(self, source: str, text: str, *, level: str = "info", at: str = "") -> None:
        assert level
        if source == "job":
            self.lines.append((text, at))

    def progress(self, text: str, done: int = 0, total: int = 0) -> None:
        raise AssertionError("a follower has no progress")


class Server:
    """A log server: takes sinceTime to the second, breaks off after so many lines."""

    def __init__(self, stamped: list[str], breaks: list[int]) -> None:
        self.stamped = stamped
        self.breaks = breaks

    async def log(self, pod: str, *, since_time: str | None = None, **_: Any) -> AsyncIterator[str]:
        stop = self.breaks.pop(0) if self.breaks else None
        lines = [line for line in self.stamped if since_time is None or line[:19] + "Z" >= since_time]
        for number, line in enumerate(lines):
            if number == stop:
                raise KubeError(0, "Quiet")
            yield line


STAMPED = [
    "2026-05-16T10:21:00.1Z a",
    "2026-05-16T10:21:00.100000001Z b",
    "2026-05-16T10:21:00.2Z same",
    "2026-05-16T10:21:00.2Z same",
    "2026-05-16T10:21:00.2Z same",
    "2026-05-16T10:21:01Z c",
    "2026-05-16T10:21:01.000001Z d",
]
TEXTS = ["a", "b", "same", "same", "same", "c", "d"]


async def test_every_break_in_every_place(monkeypatch: Any) -> None:
    monkeypatch.setattr("migration_cockpit.actions.log_follow.POLL", 0.0)
    for first in range(len(STAMPED)):
        for second in range(len(STAMPED)):
            heard = Heard()
            server = Server(STAMPED, [first, second])
            follower = LogFollower(server, heard, source="job")  # type: ignore[arg-type]  # the one method it uses
            for _ in range(3):
                await follower.follow("pod", "container")
            assert [text for text, _ in heard.lines] == TEXTS, (first, second)


async def test_a_new_cockpit_goes_on_where_the_journal_ends() -> None:
    for had in range(len(STAMPED) + 1):
        before, after = Heard(), Heard()
        await LogFollower(Server(STAMPED[:had], []), before, source="job").follow("p", "c")  # type: ignore[arg-type]  # as above
        position = before.lines[-1][1] if before.lines else ""
        follower = LogFollower(Server(STAMPED, []), after, source="job", position=position)  # type: ignore[arg-type]  # as above
        await follower.follow("p", "c")
        assert [text for text, _ in before.lines + after.lines] == TEXTS


def test_stamps_sort_whatever_zeros_the_server_dropped() -> None:
    assert (
        instant("2026-05-16T10:21:00.1Z") < instant("2026-05-16T10:21:00.100000001Z") < instant("2026-05-16T10:21:01Z")
    )


def test_position_round_trip() -> None:
    assert split("2026Z#2") == ("2026Z", 2)
    assert split("2026Z") == ("2026Z", 0)
    assert split("") == ("", 0)


def test_levels() -> None:
    assert level("sqlalchemy.exc.OperationalError: (psycopg2...)") == "bad"
    assert level("could not convert dag run conf for 3 records. batch=1") == "careful"
    assert level("Running upgrade a -> b, Add error column.") == "info"
