"""What a way back would lose: the marks taken at a recovery point, and what has come since. Names and hashes only."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the values here."""


class Marks(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How far the tables were at a recovery point, while nobody wrote: what is beyond it came later."""

    dag_run: int = 0
    """Highest key of dag_run."""
    log: int = 0
    """Highest key of log."""
    open_runs: tuple[int, ...] = ()
    """Keys of the runs that were not finished: their rows may still become more."""
    open_tasks: int = 0
    """Task instances of these runs."""
    open_xcoms: int = 0
    """XComs of these runs."""
    connections: dict[str, str] = {}
    """A salted hash of each connection by its name; never a value."""
    variables: dict[str, str] = {}
    """A salted hash of each variable by its name."""


class Change(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A connection or variable that is not as it was."""

    name: str
    how: str
    """`changed`, `added` or `removed`."""


class NewRun(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A DAG run that a way back loses."""

    dag_id: str
    run_id: str
    state: str
    at: datetime | None = None


class CostReading(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Rows since a recovery point."""

    point: str = ""
    """The recovery point that it is counted from; empty: there is none with marks."""
    dag_runs: int = 0
    task_instances: int = 0
    xcoms: int = 0
    logs: int = 0
    went_on: int = 0
    """Tasks of earlier runs that ended since: they are as at the point again, and run once more."""
    connections: tuple[Change, ...] = ()
    variables: tuple[Change, ...] = ()
    newest: tuple[NewRun, ...] = ()
    """The newest of the DAG runs."""
    unknown: str = ""
    """Why it cannot be counted now; the counts are of `as_of` then."""
    as_of: datetime | None = None
    """When it was counted last, where it cannot be counted now; None: never."""

    @property
    def nothing(self) -> bool:
        """Whether nothing but log rows would be lost."""
        counted = self.dag_runs + self.task_instances + self.xcoms + self.went_on
        return not (counted or self.connections or self.variables)


def changes(before: dict[str, str], now: dict[str, str]) -> tuple[Change, ...]:
    """What differs between two sets of hashes, by name."""
    found = []
    for name in sorted({*before, *now}):
        if name not in before:
            found.append(Change(name=name, how="added"))
        elif name not in now:
            found.append(Change(name=name, how="removed"))
        elif before[name] != now[name]:
            found.append(Change(name=name, how="changed"))
    return tuple(found)
