"""The revisions of an Airflow image, told by the image itself: its own and those of the FAB provider.

A version that is not shipped has a way from source to target all the same; it stands in the image as alembic's script
directories. The program runs in the image's own Python and prints one line for each revision, so that no line is long.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from migration_cockpit.session.migration import Chains, Revision

MARK = "migration-cockpit revision "
"""What the lines that tell a revision begin with."""
PROGRAM = """
import importlib.util, json
from alembic.script import ScriptDirectory

def tell(chain, package):
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None:
        return
    for each in ScriptDirectory(next(iter(found.submodule_search_locations))).walk_revisions():
        version = getattr(each.module, "airflow_version", None) or getattr(each.module, "fab_version", None)
        told = dict(chain=chain, revision=each.revision, down_revision=each.down_revision, version=version or "",
                    message=(each.doc or "").strip())
        print("migration-cockpit revision " + json.dumps(told), flush=True)

tell("fab", "airflow.providers.fab.migrations")
tell("core", "airflow.migrations")
"""
"""For the image's Python; FAB has script directories of its own."""


class NoChain(Exception):
    """What the image printed is no chain of revisions; the message says why."""


def command(migrate: str = "") -> str:
    """The command that tells the revisions; after `migrate`, which does not fail for what cannot be told."""
    tell = f"python -c {shlex.quote(PROGRAM)}"
    return "bash -c " + shlex.quote(f"{migrate} && {{ {tell} || true; }}") if migrate else tell


def told(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The revisions that lines of a log tell, as they stand there."""
    found = []
    for line in lines:
        _, mark, text = line.partition(MARK)
        try:
            row = json.loads(text) if mark else None
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("revision"), str):
            found.append(row)
    return found


def read(lines: Iterable[str], start: str, head: str | None = None) -> Chains:
    """The chains, core's from `start`, where the source is, to `head`, which the image has reached, or its newest.

    Raises NoChain where they are not told, or are no line without gaps.
    """
    rows = told(lines)
    core, fab = ([row for row in rows if row.get("chain") == chain] for chain in ("core", "fab"))
    if not core:
        raise NoChain("the image told no revision")
    way = _line(core, head or core[0]["revision"])
    names = [each.revision for each in way]
    if start not in names:
        raise NoChain(f"the image does not know {start}, the head of the source")
    return Chains(core=tuple(way[names.index(start) :]), fab=tuple(_line(fab, fab[0]["revision"]) if fab else ()))


def _line(rows: list[dict[str, Any]], head: str) -> list[Revision]:
    """The revisions that lead to `head`, the first one first; the program tells the newest first."""
    known = {row["revision"]: row for row in rows}
    found: list[Revision] = []
    at: object = head
    while isinstance(at, str) and at in known and len(found) < len(known):
        row = known[at]
        found.append(_revision(row))
        at = row.get("down_revision")
    if not found:
        raise NoChain(f"the image tells {len(rows)} revisions and {head} is none of them")
    if at is not None:
        raise NoChain(f"its revisions are no line: {found[-1].revision} follows {at}")
    found.reverse()
    assert all(after.down_revision == before.revision for before, after in pairwise(found))
    return found


def _revision(row: Mapping[str, Any]) -> Revision:
    down = row.get("down_revision")
    return Revision(
        revision=row["revision"],
        down_revision=down if isinstance(down, str) else None,
        version=str(row.get("version") or ""),
        message=str(row.get("message") or ""),
    )
