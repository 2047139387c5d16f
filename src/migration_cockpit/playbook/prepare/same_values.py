"""Whether staging's release has the values that production will get: by path, never by what stands there."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from typing import Any

from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.playbook.prepare.values import merged

SHOWN = 8


async def look(where: Where) -> Seen:
    """Staging's release against the values files for the target version."""
    prepare = where.settings.prepare
    if where.staging is None or prepare.staging_context is None:
        return Seen(UNKNOWN, ("Helm values are not compared: staging's cluster is not known",), MEND)
    release = await where.staging.releases.current()
    if release is None:
        return Seen(FAILS, ("no revision of the release is deployed on staging",), "install it there")
    ours = await in_thread(merged, where.settings.helm.values)
    if isinstance(ours, str):
        return Seen(FAILS, (ours,), "correct helm.values")
    differ = differences(ours, release.values, prepare.staging_differs)
    named = f"staging's revision {release.revision}"
    if not differ:
        return Seen(HOLDS, (f"{named} has production's values for the target version",))
    more = f" and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
    text = f"{named} differs from production's values in {', '.join(differ[:SHOWN])}{more}"
    return Seen(FAILS, (text,), "bring them together, or name those that differ on purpose: prepare.staging_differs")


MEND = "set prepare.staging_context"


def differences(here: Any, there: Any, on_purpose: Iterable[str] = ()) -> list[str]:
    """The dotted paths at which two mappings differ, without those that match a pattern such as `ingress.*`.

    A pattern counts for all that lies below it.
    """
    patterns = [pattern for each in on_purpose for pattern in (each, f"{each}.*")]
    found = sorted(set(_paths(here, there)))
    return [path for path in found if not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)]


def _paths(here: Any, there: Any, at: str = "") -> Iterator[str]:
    if isinstance(here, dict) and isinstance(there, dict):
        for key in here.keys() | there.keys():
            yield from _paths(here.get(key), there.get(key), f"{at}.{key}" if at else str(key))
    elif here != there:
        yield at
