"""Whether a schema is what a fresh database of a version has: columns, constraints, indexes.

alembic_version alone proves nothing: a database whose version row was deleted is stamped with the newest version over
the old tables, and `airflow db check-migrations` is content with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec

from migration_cockpit.advice import revisions
from migration_cockpit.config import Settings, version_tuple

Shape = dict[tuple[str, str, str], str]
"""(kind, table, name) -> definition; kind is column, constraint or index, as sources/sql/schema.sql gives them."""
Row = tuple[str, str, str, str]
"""Kind, table, name, definition."""
_PLURAL = {"column": "columns", "constraint": "constraints", "index": "indexes"}


class KnownDifference(msgspec.Struct, frozen=True):
    """What Airflow's own migrations leave different from a fresh database, and why that is no finding."""

    kind: str
    table: str
    name: str
    fresh: str | None
    found: str | None
    why: str


class Table(msgspec.Struct, frozen=True):
    """A table by name and definition of its parts."""

    columns: dict[str, str]
    constraints: dict[str, str]
    indexes: dict[str, str]


class Reference(msgspec.Struct, frozen=True):
    """A fresh database of one version."""

    version: str
    head: str
    fab_head: str | None
    tables: dict[str, Table]
    known_differences: tuple[KnownDifference, ...] = ()

    @property
    def count(self) -> int:
        """How many columns it has."""
        return sum(len(table.columns) for table in self.tables.values())

    def shape(self) -> Shape:
        """Its parts, flat."""
        return {
            (kind, name, part): definition
            for name, table in self.tables.items()
            for kind, plural in _PLURAL.items()
            for part, definition in getattr(table, plural).items()
        }


@cache
def reference(version: str) -> Reference | None:
    """The reference of a version, or of a release of the same minor version with the same head, or None.

    A schema is made by its revisions: releases that share the head share the schema. `Reference.version` says which
    one it is.
    """
    if version in shipped_versions():
        return _shipped(version)
    head = revisions.head(version)
    of_minor = f"{version.rpartition('.')[0]}."
    alike = (_shipped(name) for name in shipped_versions() if name.startswith(of_minor))
    return next((each for each in alike if each is not None and head is not None and each.head == head), None)


def image_is_asked(settings: Settings) -> bool:
    """Whether the target is a version that this cockpit does not know, so that its own image tells the schema."""
    target = settings.deployment.target_version
    known = target in revisions.core().heads and reference(target) is not None
    return settings.postgres.reference_from_image and not known


def made(version: str, head: str, fab_head: str | None, rows: Iterable[Row]) -> Reference:
    """The reference of a version that is not shipped, from what its own image has made in an empty database.

    What Airflow's migrations are known to leave different is taken over where the fresh definition is still the same:
    for Airflow's tables from the shipped version before it, for FAB's from the newest one with the same FAB head.
    """
    tables: dict[str, dict[str, dict[str, str]]] = {}
    shape: Shape = {}
    for kind, table, name, definition in rows:
        shape[kind, table, name] = definition
        tables.setdefault(table, {plural: {} for plural in _PLURAL.values()})[_PLURAL[kind]][name] = definition
    shipped = sorted((each for each in map(_shipped, shipped_versions()) if each is not None), key=_order)
    before = [each for each in shipped if _order(each) <= version_tuple(version)] or shipped
    core, fab = before[-1:], [each for each in shipped if each.fab_head == fab_head][-1:] or shipped[-1:]
    taken = [
        each
        for references, is_fab in ((core, False), (fab, True))
        for reference in references
        for each in reference.known_differences
        if each.table.startswith("ab_") is is_fab and shape.get((each.kind, each.table, each.name)) == each.fresh
    ]
    found = {name: Table(**parts) for name, parts in tables.items()}
    return Reference(version, head, fab_head, found, tuple(taken))


def _order(reference: Reference) -> tuple[int, ...]:
    return version_tuple(reference.version)


def shipped_versions() -> list[str]:
    """The versions that references are shipped for."""
    return sorted(each.name.removesuffix(".json") for each in files(__package__).joinpath("schema").iterdir())


@cache
def _shipped(version: str) -> Reference | None:
    path = files(__package__).joinpath("schema").joinpath(f"{version}.json")
    return msgspec.json.decode(path.read_bytes(), type=Reference) if path.is_file() else None


def differences(rows: Iterable[Row], wanted: Reference) -> list[str]:
    """Where a schema, as rows of (kind, table, name, definition), differs from the reference, in words.

    Tables and indexes that the reference does not know are other people's; a column it does not know in one of its
    tables is a migration that was not finished. A constraint or index counts by what it does, not by its name.
    """
    found: Shape = {(kind, table, name): definition for kind, table, name, definition in rows}
    shape = wanted.shape()
    known = {(each.kind, each.table, each.name, each.found) for each in wanted.known_differences}
    meanings = {(kind, table, _meaning(kind, text)) for (kind, table, _), text in found.items()}
    words = []
    for part, definition in shape.items():
        kind, table, name = part
        have = found.get(part)
        if have == definition or (*part, have) in known:
            continue
        if kind != "column" and (kind, table, _meaning(kind, definition)) in meanings:
            continue
        words.append(f"{kind} {table}.{name} is {have or 'missing'}, must be {definition}")
    for part, have in found.items():
        kind, table, name = part
        if kind == "column" and table in wanted.tables and part not in shape and (*part, have) not in known:
            words.append(f"column {table}.{name} is {have}, must not be")
    return sorted(words)


def _meaning(kind: str, definition: str) -> str:
    """A constraint without the order of its columns, which decides nothing but the index behind it."""
    if kind != "constraint":
        return definition
    head, _, rest = definition.partition("(")
    columns, _, tail = rest.partition(")")
    return f"{head}({', '.join(sorted(columns.split(', ')))}){tail}"
