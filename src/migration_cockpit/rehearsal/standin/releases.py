"""What one Airflow release knows of itself: its heads, the way it writes its log, and its sentences."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE_HEAD = "5f2621c13b39"
"""The schema head of every release from 2.10.3 to 2.11.2."""

UNRELEASED = (3, 9, 0)
"""A release that does not exist: what one looks like that a cockpit knows nothing of. It is the newest recorded one
with the revisions of migrate/unreleased.py behind it."""
UNRELEASED_HEAD = "c0c4b17e0902"

# Lowest release of each head, newest first. 3.3 is not here: its revisions are not recorded in schema/.
_HEADS: tuple[tuple[tuple[int, int, int], str], ...] = (
    (UNRELEASED, UNRELEASED_HEAD),
    ((3, 2, 0), "1d6611b6ab7c"),
    ((3, 1, 8), "509b94a1042d"),
    ((3, 1, 0), "cc92b33c6709"),
    ((3, 0, 3), "fe199e1abd77"),
    ((3, 0, 0), "29ce7909c52b"),
    ((2, 10, 3), SOURCE_HEAD),
)
FAB_BASE = "6709f7a774b9"
FAB_FIXED = "02ca36b0235b"


class UnknownReleaseError(ValueError):
    """The stand-in has no recorded behaviour for this release."""


@dataclass(frozen=True, slots=True)
class Release:
    """One Airflow release. `fab_head` is None where the FAB tables have no chain of their own (2.x)."""

    version: str
    number: tuple[int, int, int]
    head: str
    fab_head: str | None

    @property
    def is3(self) -> bool:
        """Whether this is an Airflow 3.x."""
        return self.number[0] >= 3

    @property
    def structured_log(self) -> bool:
        """Whether log lines are structlog's (3.1 and later) or the older bracketed ones."""
        return self.number >= (3, 1, 0)

    @property
    def done(self) -> str:
        """The last line of a successful `airflow db migrate`."""
        return "Database migration done!" if self.structured_log else "Database migrating done!"


def release(version: str) -> Release:
    """The release called `version`, e.g. "3.2.2"; raises UnknownReleaseError for one that is not recorded."""
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise UnknownReleaseError(f"{version!r} is not a release of the form 3.2.2")
    number = (int(parts[0]), int(parts[1]), int(parts[2]))
    head = head_of(number)
    if head is None or (number >= (3, 3, 0) and number != UNRELEASED):
        raise UnknownReleaseError(f"the stand-in knows Airflow 2.10.3 to 3.2.x, not {version}")
    fab = None if number < (3, 0, 0) else FAB_FIXED if number >= (3, 2, 0) else FAB_BASE
    return Release(version, number, head, fab)


def head_of(number: tuple[int, int, int]) -> str | None:
    """The schema head of the newest listed release not above `number`: Airflow's own way to read `--to-version`."""
    return next((head for lowest, head in _HEADS if number >= lowest), None)


def lowest(revision: str) -> str:
    """The first release that has a revision, as the newest of the recorded heads before it tells; empty for none."""
    from migration_cockpit.rehearsal.standin.migrate import schema

    path = [step.after for step in schema.upgrades(SOURCE_HEAD, UNRELEASED_HEAD)]
    if revision not in path:
        return ".".join(str(part) for part in _HEADS[-1][0])
    ends = [(path.index(head), number) for number, head in _HEADS if head in path]
    return ".".join(str(part) for part in min(each for each in ends if path.index(revision) <= each[0])[1])
