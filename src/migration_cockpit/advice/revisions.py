"""The chain of schema revisions from 2.10.3 to the newest version known, and the head that each version has."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from migration_cockpit.config import version_tuple


class Revision(msgspec.Struct, frozen=True):
    """One revision: what it follows, the version that brought it, and its message."""

    revision: str
    down_revision: str | None
    version: str
    message: str


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


def head(version: str) -> str | None:
    """The schema head of an Airflow version; None for a minor version that is not known."""
    return _nearest(core().heads, version)


def version_of(revision: str) -> str | None:
    """The first Airflow version whose head is this revision or comes after it; None for an unknown revision."""
    return next((each.version for each in core().revisions if each.revision == revision), None)


def place(revision: str, source: str, target: str) -> tuple[int, int] | None:
    """How many of how many revisions between two versions are applied at a revision; None when it is not on the way."""
    names = [each.revision for each in core().revisions]
    first, last = head(source), head(target)
    if first not in names or last not in names or revision not in names:
        return None
    start, end, here = names.index(first), names.index(last), names.index(revision)
    return (here - start, end - start) if start <= here <= end else None


def way(source: str, target: str) -> tuple[Revision, ...]:
    """The core revisions that lead from one version's head to another's, in order; empty when one is not known."""
    names = [each.revision for each in core().revisions]
    first, last = head(source), head(target)
    if first not in names or last not in names:
        return ()
    return core().revisions[names.index(first) + 1 : names.index(last) + 1]
