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
PATIENCE, TRIES = 6.5, 2
"""Seconds for an exec, and how many of them; a gate's look has fifteen."""
KEPT, REFUSED_KEPT = 60.0, 3.0
"""Seconds for which an answer counts: the containers that wait are started anew now and then, and two gates ask. One
that was refused is asked again soon: whoever has mended it looks at the gates once more."""
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
    if dsn in kept:
        since, before = kept[dsn]
        if now - since < (KEPT if before.answers else REFUSED_KEPT):
            return before
    try:
        found = await _tried(site, dsn)
    except WorldError as error:
        return Answer(None, f"a pod could not be asked: {error}")
    if found.answers is not None:
        kept[dsn] = now, found
    return found


async def _tried(site: Site, dsn: str) -> Answer:
    found = Answer(None, "no container with Airflow's Python runs")
    # One that waits may be started anew just then.
    for pod, container in (await _places(site))[:TRIES]:
        found = await _tried_from(site, dsn, pod, container)
        if found.answers is not None:
            break
    return found


async def _tried_from(site: Site, dsn: str, pod: str, container: str) -> Answer:
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


async def _places(site: Site) -> list[tuple[str, str]]:
    """Pods and containers that have Airflow's own connection in their environment and run now.

    What serves comes first, and of those that wait the one that was started last.
    """
    found = []
    for pod in await site.live.kube.list("pods", label=site.selector):
        if not pod["metadata"].get("deletionTimestamp"):
            found += [(waits, started, pod["metadata"]["name"], name) for waits, started, name in _running(pod)]
    found.sort(key=lambda each: each[1], reverse=True)
    found.sort(key=lambda each: each[0])
    return [(pod, container) for _, _, pod, container in found]


def _running(pod: Mapping[str, Any]) -> list[tuple[bool, str, str]]:
    """Containers that run, whether each is one that waits, and since when."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    found = []
    kinds = ((False, "containers", "containerStatuses"), (True, "initContainers", "initContainerStatuses"))
    for waits, kind, statuses in kinds:
        states = {each["name"]: (each.get("state") or {}).get("running") for each in status.get(statuses) or []}
        running = {name: str(state.get("startedAt", "")) for name, state in states.items() if state is not None}
        named = [
            each["name"] for each in spec.get(kind) or [] if each["name"] in running and secret_of(each) is not None
        ]
        found += [(waits, running[name], name) for name in named]
    return found
