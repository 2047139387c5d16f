"""The catalogue of known failures, read once from the files beside it."""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from migration_cockpit.advice.failures.entry import Entry, Failure, Family

FAMILIES = (
    Family("migration", "The database migration fails"),
    Family("rollout", "Helm refuses, or pods do not start"),
    Family("dags", "DAGs do not parse, or the wrong ones are shown"),
    Family("tasks", "Tasks fail although everything looks healthy"),
    Family("access", "API consumers, monitors or logins fail"),
    Family("rollback", "The way back does not work"),
)
"""In the order in which a flight meets them; each is a file in `entries`."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    failure: tuple[Entry, ...]


@cache
def catalogue() -> tuple[Failure, ...]:
    """Every known failure, family by family."""
    found: list[Failure] = []
    for family in FAMILIES:
        text = files(__package__).joinpath(f"entries/{family.id}.toml").read_text("utf-8")
        found += [Failure(entry, family) for entry in msgspec.convert(tomllib.loads(text), _File).failure]
    return tuple(found)


def by_id(name: str) -> Failure | None:
    """The failure of this name; None when there is none."""
    return next((each for each in catalogue() if each.id == name), None)


def near(name: str) -> list[str]:
    """Names that were perhaps meant."""
    names = [each.id for each in catalogue()]
    return difflib.get_close_matches(name, names, 3, 0.4) or [each for each in names if name.lower() in each][:3]
