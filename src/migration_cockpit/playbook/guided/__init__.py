"""The guided pages: for each of the source playbook's four families of failures the evidence, gathered from the world.

A page changes nothing. What a look cannot see is unknown, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migration_cockpit.connections import Connections
from migration_cockpit.playbook.guided import consumers, dags, migration
from migration_cockpit.playbook.guided.shape import Look, Scene
from migration_cockpit.playbook.prepare.asking import cleaned, guarded
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN
from migration_cockpit.session import events as ev
from migration_cockpit.session.state import State

LOOK_SECONDS = 60.0


@dataclass(frozen=True)
class Family:
    """One page: what one sees, and what is looked at, the likeliest cause first."""

    id: str
    title: str
    catalogue: tuple[str, ...]
    """Families of the catalogue of known failures that belong to it."""
    looks: tuple[tuple[str, Look], ...]


FAMILIES: tuple[Family, ...] = (
    Family(
        "migration",
        "the database migration fails or stands still",
        ("migration",),
        (
            ("Job", migration.job),
            ("schema", migration.schema),
            ("locks", migration.locks),
            ("time-outs", migration.timeouts),
            ("recovery points", migration.recovery_points),
        ),
    ),
    Family(
        "dags",
        "DAGs do not parse",
        ("dags",),
        (
            ("dag-processor", dags.processor),
            ("import errors", dags.import_errors),
            ("serialized", dags.serialized),
            ("its log", dags.processor_log),
        ),
    ),
    Family(
        "consumers",
        "API consumers, monitors or logins fail",
        ("access",),
        (
            ("what answers", consumers.answers),
            ("token", consumers.token),
            ("who calls what is gone", consumers.callers),
            ("its log", consumers.log),
        ),
    ),
    Family(
        "ui",
        "the UI shows wrong DAGs",
        ("dags",),
        (
            ("set of DAGs", dags.dag_set),
            ("bundles", dags.bundles),
            ("delivery", dags.delivery),
            ("dag-processor", dags.processor),
            ("its log", dags.processor_log),
        ),
    ),
)
"""In the order of the source playbook, whose mends are not all right: what is said here is what was run or read."""

_WORST = (FAILS, UNKNOWN, HOLDS)


def by_id(name: str) -> Family | None:
    """The family of this name; None when there is none."""
    return next((each for each in FAMILIES if each.id == name), None)


async def gather(
    family: Family,
    connections: Connections,
    state: State,
    artifacts: Path | None,
    tell: Callable[[ev.GuideFound], None],
) -> tuple[ev.GuideFound, ...]:
    """Look at everything of a family, one after the other, telling each as it is found."""
    scene = Scene(connections, state, artifacts)
    clean = connections.redactor.clean
    found: list[ev.GuideFound] = []
    for name, look in family.looks:
        seen = cleaned(await guarded(look(scene), LOOK_SECONDS), clean)
        one = ev.GuideFound(family=family.id, look=name, status=seen.status, found=seen.found, mend=seen.mend)
        tell(one)
        found.append(one)
    return tuple(found)


def outcome(found: tuple[ev.GuideFound, ...]) -> str:
    """The worst of what was found."""
    return next((each for each in _WORST if any(one.status == each for one in found)), UNKNOWN)
