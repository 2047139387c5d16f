"""The chain of schema revisions from 2.10.3 to the newest version known, and the head that each version has.

A target that is newer than what is shipped tells its own chain (`Chains`); it then stands for the shipped one.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from migration_cockpit.config import version_tuple
from migration_cockpit.session.migration import Chains, Revision


class Chain(msgspec.Struct, frozen=True):
    """Revisions in order, and the head by version."""

    revisions: tuple[Revision, ...]
    heads: dict[str, str]


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(files(__package__).joinpath("revisions.json").read_bytes())
    return found


@cache
def core() -> Chain:
    """Airflow's own chain."""
    return msgspec.convert(_data()["core"], Chain)


@cache
def fab() -> Chain:
    """The FAB provider's chain; its heads are by the provider's version."""
    return msgspec.convert(_data()["fab"], Chain)


def _nearest(heads: dict[str, str], version: str) -> str | None:
    """The head of the newest known patch release of the same minor version that is not newer."""
    wanted = version_tuple(version)
    known = [each for each in heads if version_tuple(each)[:2] == wanted[:2] and version_tuple(each) <= wanted]
    return heads[max(known, key=version_tuple)] if known else None


@lru_cache(64)
def head(version: str) -> str | None:
    """The schema head of an Airflow version; None for a minor version that is not known."""
    return _nearest(core().heads, version)


def newest() -> str:
    """The newest Airflow version whose head is shipped."""
    return max(core().heads, key=version_tuple)


def version_of(revision: str, told: Chains | None = None) -> str | None:
    """The first Airflow version whose head is this revision or comes after it; None for an unknown revision."""
    known = (*core().revisions, *(told.core if told else ()))
    return next((each.version for each in known if each.revision == revision and each.version), None)


def place(revision: str, source: str, target: str, told: Chains | None = None) -> tuple[int, int] | None:
    """How many of how many revisions between two versions are applied at a revision; None when it is not on the way."""
    ahead = [each.revision for each in way(source, target, told)]
    if revision == head(source) and ahead:
        return 0, len(ahead)
    return (ahead.index(revision) + 1, len(ahead)) if revision in ahead else None


def way(source: str, target: str, told: Chains | None = None) -> tuple[Revision, ...]:
    """The core revisions that lead from one version's head to another's, in order; empty when one is not known.

    `told` is what the target's image says of itself; it counts before what is shipped.
    """
    known = told.core if told is not None else core().revisions
    names = [each.revision for each in known]
    first, last = head(source), names[-1] if told is not None and names else head(target)
    if first not in names or last not in names:
        return ()
    return known[names.index(first) + 1 : names.index(last) + 1]


def of_fab(told: Chains) -> tuple[Revision, ...]:
    """The FAB revisions that an image brings after the base with which a database of 2.x is stamped."""
    return tuple(each for each in told.fab if each.down_revision is not None)


def is_shipped(revision: str) -> bool:
    """Whether a core revision is one that this cockpit was built with."""
    return any(each.revision == revision for each in core().revisions)
