"""Whether a way to the database answers, tried from inside the cluster: this machine may reach what a pod does not.

Nothing is made for it: a program runs in a container of the release that has Airflow's Python and runs already, be it
the one that waits for the migration. The address goes there by standard input, for an exec's words stand in audit logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from migration_cockpit.actions.own_connection import secret_of
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import Connections, WorldError

CONNECT_SECONDS = 5
PATIENCE = 9.0
"""Seconds for the whole exec; a gate's look has no more than ten."""
KEPT = 60.0
"""Seconds for which an answer counts: the containers that wait are started anew now and then, and two gates ask."""
PROGRAM = f"""
import re, sys
import psycopg2
dsn = re.sub(r"^postgres(ql)?(\\+\\w+)?://", "postgresql://", sys.stdin.readline().strip())
try:
    psycopg2.connect(dsn, connect_timeout={CONNECT_SECONDS}).close()
    print("it answers")
except psycopg2.Error as error:
    print("refused " + " ".join(str(error).split())[:300])
"""


@dataclass(frozen=True)
class Answer:
    """What came of trying a way."""

    answers: bool | None
    """None where it could not be tried."""
    words: str
    """From where it was tried and what it said, or why it could not be."""


_LAST: WeakKeyDictionary[Connections, dict[str, tuple[float, Answer]]] = WeakKeyDictionary()
"""Definite answers by DSN, with the monotonic time; they live as long as the connections."""


async def dial(site: Site, dsn: str) -> Answer:
    """Log in by a DSN from a container of the release, and out again."""
    kept = _LAST.setdefault(site.live, {})
    now = site.live.clock.monotonic()
    if dsn in kept and now - kept[dsn][0] < KEPT:
        return kept[dsn][1]
    try:
        found = await _tried(site, dsn)
    except WorldError as error:
        return Answer(None, f"a pod could not be asked: {error}")
    if found.answers is not None:
        kept[dsn] = now, found
    return found


async def _tried(site: Site, dsn: str) -> Answer:
    place = await _place(site)
    if place is None:
        return Answer(None, "no container with Airflow's Python runs")
    pod, container = place
    executed = await site.live.kube.exec(
        pod, ["python", "-c", PROGRAM], container=container, stdin=f"{dsn}\n", timeout=PATIENCE
    )
    said = site.live.redactor.clean(executed.out.strip())
    if said.endswith("it answers"):
        return Answer(True, f"tried from {pod}")
    _, refused, why = said.partition("refused ")
    if refused:
        return Answer(False, f"tried from {pod}: {why}")
    last = (executed.err or said).strip().splitlines()[-1:]
    return Answer(None, f"{pod} cannot try it: {last[0][:200] if last else f'ended with {executed.code}'}")


async def _place(site: Site) -> tuple[str, str] | None:
    """Pod and container that has Airflow's own connection in its environment and runs now; what serves comes first."""
    found = []
    for pod in await site.live.kube.list("pods", label=site.selector):
        if not pod["metadata"].get("deletionTimestamp"):
            found += [(waits, pod["metadata"]["name"], name) for waits, name in _running(pod)]
    return min(found)[1:] if found else None


def _running(pod: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """Containers that run, and whether each is one that waits."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    found = []
    kinds = ((False, "containers", "containerStatuses"), (True, "initContainers", "initContainerStatuses"))
    for waits, kind, statuses in kinds:
        running = {each["name"] for each in status.get(statuses) or [] if "running" in (each.get("state") or {})}
        named = [each for each in spec.get(kind) or [] if each["name"] in running]
        found += [(waits, each["name"]) for each in named if secret_of(each) is not None]
    return found
