"""The recorded SQL of real Airflow (schema/*.sql), read when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from migration_cockpit.rehearsal.standin.failures import AirflowFailure
from migration_cockpit.rehearsal.standin.migrate import unreleased

_FOLDER = Path(__file__).resolve().parent.parent / "schema"
_SEPARATOR = "\n--;\n"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of a chain: from `before` to `after`, with what it sends; a step `@loop NAME` is done by loops.py."""

    before: str
    after: str
    message: str
    steps: tuple[str, ...]


@cache
def statements(name: str) -> tuple[str, ...]:
    """The statements of schema/<name>.sql, in order."""
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    body = text[text.index("\n", text.index("--;`")) + 1 :]
    return tuple(part.strip() for part in body.split(_SEPARATOR))


@cache
def chain(direction: str) -> tuple[Revision, ...]:
    """Every recorded revision of `direction` (upgrade or downgrade), core and FAB, in the order they ran."""
    found: list[Revision] = []
    steps: list[str] = []
    head: tuple[str, str, str] | None = None
    for statement in (*statements(direction), "@revision - - -"):
        if not statement.startswith("@revision "):
            steps.append(statement)
            continue
        if head:
            found.append(Revision(*head, tuple(steps)))
        _, before, after, message = statement.split(" ", 3)
        head, steps = (before, after, message), []
    return tuple(found)


def upgrades(current: str, target: str) -> list[Revision]:
    """The core revisions from `current` (exclusive) to `target`; empty where `target` is not ahead of `current`.

    Raises AirflowFailure with alembic's words when a revision is not of this chain.
    """
    path = [step for step in chain("upgrade") if step.message and not _is_fab(step)]
    path += _unreleased(path[-1].after)
    known = [path[0].before, *(step.after for step in path)]
    for revision in (current, target):
        if revision not in known:
            raise cannot_locate(revision)
    return path[known.index(current) : known.index(target)]


def _unreleased(before: str) -> list[Revision]:
    found = []
    for revision, message, statement, _ in unreleased.REVISIONS:
        found.append(Revision(before, revision, message, (statement,)))
        before = revision
    return found


def _unreleased_back(after: str) -> list[Revision]:
    """The way back from the revisions of no release to `after`, newest first."""
    found: list[Revision] = []
    for revision, message, _, statement in unreleased.REVISIONS:
        found.insert(0, Revision(revision, after, message, (statement,)))
        after = revision
    return found


def downgrades(current: str, target: str) -> list[Revision]:
    """The core revisions from `current` back to `target`, newest first."""
    path = [step for step in chain("downgrade") if not _is_fab(step)]
    path = [*_unreleased_back(path[0].before), *path]
    known = [path[0].before, *(step.after for step in path)]
    for revision in (current, target):
        if revision not in known:
            raise cannot_locate(revision)
    return path[known.index(current) : known.index(target)]


def fab(direction: str) -> Revision:
    """The one revision of the FAB provider's chain."""
    return next(step for step in chain(direction) if _is_fab(step))


def cannot_locate(revision: str) -> AirflowFailure:
    """What alembic says of a revision that this image does not know."""
    return AirflowFailure(f"alembic.util.exc.CommandError: Can't locate revision identified by '{revision}'")


def _is_fab(step: Revision) -> bool:
    return step.message.startswith("Fix fab db")
