"""Versions and their constraints, with the rules of the library that helm uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.helm.template.errors import FunctionError
from migration_cockpit.rehearsal.helm.template.registry import Registry

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.helm.template.nodes import Value

registry = Registry()

_VERSION = re.compile(r"^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$")
_CONSTRAINT = re.compile(
    r"(=|!=|>=|=>|<=|=<|>|<|~>|~|\^|)\s*(v?(?:\d+|[xX*])(?:\.(?:\d+|[xX*]))?(?:\.(?:\d+|[xX*]))?"
    r"(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)"
)


@dataclass(frozen=True, slots=True)
class Version:
    """A parsed version; missing parts are 0."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    original: str = ""

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        return (
            text + (f"-{self.prerelease}" if self.prerelease else "") + (f"+{self.metadata}" if self.metadata else "")
        )

    def key(self) -> tuple[tuple[int, int, int], bool, list[tuple[int, int, str]]]:
        """What versions are ordered by: a pre-release comes before its release, numbers before words."""
        parts = (
            [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.prerelease.split(".")]
            if self.prerelease
            else []
        )
        return (self.major, self.minor, self.patch), not self.prerelease, parts

    def member(self, name: str, _args: list[Value]) -> Value:
        """Fields and methods that templates use."""
        members: dict[str, Value] = {
            "Major": self.major,
            "Minor": self.minor,
            "Patch": self.patch,
            "Prerelease": self.prerelease,
            "Metadata": self.metadata,
            "Original": self.original,
            "String": str(self),
        }
        if name not in members:
            raise FunctionError(f"can't evaluate field {name} in type *semver.Version")
        return members[name]


def parse(text: str) -> Version:
    """Read a version, `v` in front allowed.

    Raises:
        FunctionError: it is none.
    """
    match = _VERSION.match(text)
    if match is None:
        raise FunctionError("invalid semantic version" if text else "version string empty")
    major, minor, patch, prerelease, metadata = match.groups()
    return Version(int(major), int(minor or 0), int(patch or 0), prerelease or "", metadata or "", text)


def satisfies(constraint: str, version: Version) -> bool:
    """Whether a version meets a constraint such as `>=2.11 <4, !=3.0.0 || ~1.20`.

    Raises:
        FunctionError: the constraint cannot be read.
    """
    return any(_all(part.strip(), version) for part in constraint.split("||"))


def _all(text: str, version: Version) -> bool:
    text = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", text)
    position, clauses = 0, []
    while position < len(text):
        while position < len(text) and text[position] in ", \t":
            position += 1
        match = _CONSTRAINT.match(text, position)
        if match is None:
            raise FunctionError(f"improper constraint: {text}")
        clauses.append(match.groups())
        position = match.end()
    if not clauses:
        clauses = [("", "*")]
    return all(_one(operator, bound, version) for operator, bound in clauses)


def _one(operator: str, text: str, version: Version) -> bool:
    core, _, suffix = text.lstrip("v").partition("-")
    given = [None if part in {"x", "X", "*"} else int(part) for part in core.split("+")[0].split(".")]
    given = given[: given.index(None)] if None in given else given
    numbers = [number for number in given if number is not None]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    bound = Version(major, minor, patch, suffix.partition("+")[0])
    if version.prerelease and not bound.prerelease and operator != "!=":
        return False
    least, partial = version.key() >= bound.key(), len(numbers) < 3
    below = version.key()[0] < _next(numbers) if numbers else True
    match operator:
        case "" | "=":
            return (least and below) if partial else version.key() == bound.key()
        case "!=":
            return not (least and below) if partial else version.key() != bound.key()
        case ">":
            return bool(numbers) and (version.key()[0] >= _next(numbers) if partial else version.key() > bound.key())
        case ">=" | "=>":
            return least
        case "<":
            return version.key() < bound.key()
        case "<=" | "=<":
            return below if partial else version.key() <= bound.key()
        case "^":
            nonzero = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
            return least and (not numbers or version.key()[0] < _next(numbers[: nonzero + 1]))
    return least and (not numbers or version.key()[0] < _next(numbers[:2]))


def _next(numbers: list[int]) -> tuple[int, int, int]:
    """The first release after all that begin with these numbers."""
    bumped = [*numbers[:-1], numbers[-1] + 1, 0, 0][:3]
    return bumped[0], bumped[1], bumped[2]


@registry.add("s", "semver")
def _semver(text: str) -> Version:
    return parse(text)


@registry.add("ss", "semverCompare")
def _semver_compare(constraint: str, text: str) -> bool:
    return satisfies(constraint, parse(text))
